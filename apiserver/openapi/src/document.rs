//! A prepared document that is the same for every client, and the `Accept` header that selects its form.

pub(crate) mod large;

use std::io::{Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::GzDecoder;
use ring::digest;

/// JSON, the usual media type.
pub const JSON: &str = "application/json";

/// How many bytes are decompressed at a time.
const CHUNK: usize = 64 << 10;

/// Bytes that all requests share.
#[derive(Clone, Debug)]
pub struct Document {
    /// For the `Content-Type` header.
    pub content_type: &'static str,
    /// For the `ETag` header, in quotes; a request whose `If-None-Match` names it is answered 304.
    pub etag: Option<String>,
    /// For the `Cache-Control` header, unless empty. A document that may be cached also depends on the
    /// request's `Accept` header, which `Vary` must name.
    pub cache_control: &'static str,
    /// The body.
    pub body: Content,
}

/// The bytes of a document. Large ones are kept only in compressed form: most clients ask for that, and the
/// documents of a thousand definitions take megabytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Uncompressed.
    Plain(Bytes),
    /// In gzip format.
    Gzip(Bytes),
}

impl Content {
    /// The bytes that are kept.
    pub const fn kept(&self) -> &Bytes {
        let (Self::Plain(bytes) | Self::Gzip(bytes)) = self;
        bytes
    }

    /// The uncompressed bytes.
    pub fn open(&self) -> Bytes {
        match self {
            Self::Plain(bytes) => bytes.clone(),
            Self::Gzip(compressed) => {
                let mut bytes = Vec::new();
                // decompressing what was compressed here does not fail
                let _ = GzDecoder::new(&**compressed).read_to_end(&mut bytes);
                bytes.into()
            }
        }
    }

    /// The uncompressed bytes in chunks, each of which is decompressed when it is needed.
    pub fn chunks(self) -> impl Iterator<Item = Bytes> + Send + 'static {
        let (mut plain, mut packed) = match self {
            Self::Plain(bytes) => (Some(bytes), None),
            Self::Gzip(compressed) => (None, Some(GzDecoder::new(Cursor::new(compressed)))),
        };
        std::iter::from_fn(move || {
            let Some(packed) = &mut packed else {
                return plain.take();
            };
            let mut chunk = Vec::with_capacity(CHUNK);
            // as above
            let _ = packed.take(CHUNK as u64).read_to_end(&mut chunk);
            (!chunk.is_empty()).then(|| chunk.into())
        })
    }
}

impl Document {
    /// A document without caching.
    pub const fn plain(content_type: &'static str, body: Bytes) -> Self {
        Self {
            content_type,
            etag: None,
            cache_control: "",
            body: Content::Plain(body),
        }
    }

    /// A document that clients may cache and validate by its hash.
    pub fn tagged(content_type: &'static str, body: Bytes) -> Self {
        Self {
            content_type,
            etag: Some(tag(digest::digest(&digest::SHA256, &body).as_ref())),
            cache_control: "public",
            body: Content::Plain(body),
        }
    }

    /// Whether a request with this `If-None-Match` header already has the document.
    pub fn is_known(&self, if_none_match: &str) -> bool {
        self.etag.as_deref().is_some_and(|etag| {
            if_none_match
                .split(',')
                .any(|known| known.trim().trim_start_matches("W/") == etag)
        })
    }
}

/// The tag for a hash.
pub(super) fn tag(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    let hash = hash
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02X}");
            text
        });
    format!("\"{hash}\"")
}

/// The first eight bytes of a SHA-256, as upstream hashes storage versions.
pub(super) fn short_hash(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    STANDARD.encode(digest.as_ref().get(..8).unwrap_or_default())
}

/// One clause of an `Accept` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The media type, such as `application/json`, or with `*`.
    pub media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Accepted<'a> {
    /// The clauses of a header, the most preferred first. An empty header accepts anything.
    pub fn parse(header: &'a str) -> Vec<Self> {
        let mut accepted: Vec<(f32, Self)> = header.split(',').filter_map(Self::clause).collect();
        accepted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        accepted.into_iter().map(|(_, accepted)| accepted).collect()
    }

    fn clause(text: &'a str) -> Option<(f32, Self)> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().filter(|t| !t.is_empty())?;
        let parameters: Vec<_> = parts
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
            .collect();
        let accepted = Self {
            media_type,
            parameters,
        };
        let quality = match accepted.parameter("q") {
            "" => 1.0,
            q => q.parse().unwrap_or(0.0),
        };
        (quality > 0.0).then_some((quality, accepted))
    }

    /// The value of a parameter; empty without one.
    pub fn parameter(&self, name: &str) -> &'a str {
        self.parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether a document of this type is acceptable.
    pub fn matches(&self, content_type: &str) -> bool {
        match self.media_type.split_once('/') {
            Some(("*", "*")) => true,
            Some((main, "*")) => content_type
                .strip_prefix(main)
                .is_some_and(|rest| rest.starts_with('/')),
            _ => self.media_type.eq_ignore_ascii_case(content_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_are_sorted_by_quality() {
        let accepted =
            Accepted::parse("a/b;q=0.5, application/json;g=x;v=v2, */*;q=0.1, no/no;q=0,");
        let types: Vec<_> = accepted.iter().map(|a| a.media_type).collect();
        assert_eq!(types, ["application/json", "a/b", "*/*"]);
        assert_eq!(accepted[0].parameter("v"), "v2");
        assert!(accepted[2].matches(JSON) && !accepted[1].matches(JSON));
        assert!(Accepted::parse("application/*")[0].matches(JSON));
        assert!(Accepted::parse("").is_empty());
    }

    #[test]
    fn a_known_tag_needs_no_body() {
        let document = Document::tagged(JSON, Bytes::from_static(b"{}"));
        let etag = document.etag.clone().unwrap();
        assert!(document.is_known(&etag) && document.is_known(&format!("\"x\", W/{etag}")));
        assert!(!document.is_known("\"x\"") && !Document::plain(JSON, Bytes::new()).is_known(""));
    }
}
