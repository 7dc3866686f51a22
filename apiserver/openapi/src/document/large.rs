//! Large documents, of which only the compressed form is kept, and parts of them that outlive a document.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use ring::digest;

use super::{Content, Document, tag};

/// RFC 1952: the magic number, deflate, no flags, no time, and an unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A part of large documents, compressed once: blocks that refer to nothing before them, and end at a byte.
#[derive(Debug)]
pub(crate) struct Part {
    deflated: Box<[u8]>,
    crc: Crc,
    hash: digest::Digest,
}

impl Part {
    /// Compresses a text.
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let mut blocks = Blocks::default();
        blocks.push(text);
        blocks.pause();
        Self {
            // a copy: the allocator would leave it in a block of up to twice its size
            deflated: blocks.written.as_slice().into(),
            crc: blocks.crc,
            hash: digest::digest(&digest::SHA256, text),
        }
    }
}

/// A large document under construction. Clients may cache it, but must validate it by its hash, which is the
/// hash of its text if it has no parts.
pub(crate) struct LargeDocument {
    hash: digest::Context,
    blocks: Blocks,
}

impl Default for LargeDocument {
    fn default() -> Self {
        let blocks = Blocks {
            written: HEADER.to_vec(),
            ..Blocks::default()
        };
        Self {
            hash: digest::Context::new(&digest::SHA256),
            blocks,
        }
    }
}

impl LargeDocument {
    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: impl AsRef<[u8]>) {
        self.hash.update(bytes.as_ref());
        self.blocks.push(bytes.as_ref());
    }

    /// Appends a part.
    pub(crate) fn append(&mut self, part: &Part) {
        self.hash.update(part.hash.as_ref());
        self.blocks.pause();
        self.blocks.written.extend_from_slice(&part.deflated);
        self.blocks.crc.combine(&part.crc);
    }

    /// The document of all that was appended.
    pub(crate) fn finish(self, content_type: &'static str) -> Document {
        Document {
            content_type,
            etag: Some(tag(self.hash.finish().as_ref())),
            cache_control: "",
            body: Content::Gzip(self.blocks.finish().into()),
        }
    }
}

/// Blocks of compressed data, and the checksum of what they contain.
struct Blocks {
    written: Vec<u8>,
    /// What was pushed since the last pause.
    encoder: Option<DeflateEncoder<Vec<u8>>>,
    crc: Crc,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            written: Vec::new(),
            encoder: None,
            crc: Crc::new(),
        }
    }
}

impl Blocks {
    fn push(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        let started = self.encoder.get_or_insert_with(encoder);
        // writing to memory does not fail
        let _ = started.write_all(bytes);
    }

    /// Ends at a byte. What follows refers to nothing before.
    fn pause(&mut self) {
        if let Some(mut encoder) = self.encoder.take() {
            // as above
            let _ = encoder.flush();
            self.written.extend_from_slice(encoder.get_ref());
        }
    }

    /// All blocks with the last one, the checksum and the length of their contents, in a buffer of their size.
    fn finish(mut self) -> Vec<u8> {
        let last = self.encoder.take().unwrap_or_else(encoder);
        let mut written = self.written;
        written.extend(last.finish().unwrap_or_default());
        written.extend(self.crc.sum().to_le_bytes());
        written.extend(self.crc.amount().to_le_bytes());
        // copied as a part is
        written.as_slice().to_vec()
    }
}

fn encoder() -> DeflateEncoder<Vec<u8>> {
    DeflateEncoder::new(Vec::new(), Compression::fast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::JSON;

    #[test]
    fn large_bodies_are_kept_compressed() {
        let text = "text ".repeat(1000);
        let mut document = LargeDocument::default();
        let (start, end) = text.split_at(999);
        document.push(start);
        document.push(end);
        let document = document.finish(JSON);
        assert!(document.body.kept().len() * 10 < text.len());
        assert_eq!(document.body.open(), text);
        let plain = Document::tagged(JSON, text.into());
        assert_eq!(document.etag, plain.etag);
    }

    #[test]
    fn parts_are_put_together_without_being_compressed_again() {
        let texts = ["first ", "second ", "third "].map(|text| text.repeat(20_000));
        let parts = [&texts[0], &texts[2]].map(Part::new);
        let made = |order: [usize; 2]| {
            let mut document = LargeDocument::default();
            document.append(&parts[order[0]]);
            document.push(&texts[1]);
            document.push("and ");
            document.append(&parts[order[1]]);
            document.finish(JSON)
        };
        let document = made([0, 1]);
        let whole = format!("{}{}and {}", texts[0], texts[1], texts[2]);
        assert_eq!(document.body.open(), whole);
        let read: Vec<_> = document.body.clone().chunks().collect();
        assert!(read.len() > 3 && read.iter().all(|chunk| chunk.len() <= 64 << 10));
        assert_eq!(read.concat(), whole.as_bytes());
        assert_eq!(document.etag, made([0, 1]).etag);
        assert_ne!(document.etag, made([1, 0]).etag);
        assert_eq!(LargeDocument::default().finish(JSON).body.open(), "");
    }
}
