//! Collections as responses.
//!
//! A large one is written in pieces, each only once the previous one has been taken, so that it takes no memory
//! for all of them. It is written twice: the first time only to know its length, and that each of its objects
//! can be read. One with objects that must be decoded for this is written once, and kept.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use jiff::Timestamp;
use portcullis_api::Status;
use portcullis_api::encode::{Label, Length, Sink};
use portcullis_registry::codec::Renderer;
use portcullis_registry::collection::List;
use portcullis_storage::Entry;
use portcullis_storage::turn::Turn;

use super::PIECE;
use super::accept::{Encoding, Form};
use super::metadata::{ListMeta, partial_label, write_metadata};
use super::object::{Reader, Shape, encode};
use super::table::{IncludeObject, Rows};

/// What is allocated for a piece: it ends within an object, of which the rest belongs to the next one.
const ROOM: usize = PIECE + PIECE / 4;

/// What follows the last item.
const END: &[u8] = b"]}\n";

/// A collection as a body.
///
/// # Errors
/// 406 if the client accepts only an object; a 500 that names the key of an object that cannot be read.
pub async fn body(shape: Shape, list: List) -> Result<Body, Status> {
    let encoding = shape.format.encoding;
    let mut pieces = Pieces::new(shape, list)?;
    if encoding == Encoding::Yaml {
        let text = Vec::from(pieces.all().await?).concat();
        return Ok(encode(text, encoding)?.into());
    }
    let length = pieces.length().await?;
    let mut made = VecDeque::new();
    if length.is_none_or(|length| length <= PIECE as u64) {
        made = pieces.all().await?;
    }
    if let (1, Some(whole)) = (made.len(), made.front()) {
        return Ok(whole.clone().into());
    }
    let all_made = || made.iter().map(|piece| piece.len() as u64).sum();
    Ok(Body::new(ListBody {
        left: length.unwrap_or_else(all_made),
        pieces,
        made,
    }))
}

/// The text of a list, of which pieces are made.
struct Pieces {
    shape: Shape,
    /// The time at which the ages in a Table are computed.
    now: Timestamp,
    /// What has been written and is in no piece yet: at first the text before the items.
    written: Bytes,
    entries: IntoIter<Arc<Entry>>,
    /// Whether no item has been written yet.
    first: bool,
    complete: bool,
}

impl Pieces {
    /// # Errors
    /// 406 if the client accepts only an object.
    fn new(shape: Shape, list: List) -> Result<Self, Status> {
        let head = head(&shape.reader(true), &list)?;
        Ok(Self {
            shape,
            now: Timestamp::now(),
            written: head.into(),
            entries: list.entries.into_iter(),
            first: true,
            complete: false,
        })
    }

    /// The length of all pieces, if all objects are copied from their stored bytes. Otherwise the objects are
    /// decoded, which is better done once.
    ///
    /// # Errors
    /// A 500 that names the key of an object that cannot be read.
    async fn length(&self) -> Result<Option<u64>, Status> {
        let reader = self.shape.reader(true);
        let items = Items::of(&reader, self.now);
        let mut length = Length::default();
        let mut turn = Turn::begin();
        length.put(&self.written);
        for (at, entry) in self.entries.as_slice().iter().enumerate() {
            if !items.copies(entry) {
                return Ok(None);
            }
            if at > 0 {
                length.put(b",");
            }
            items.write(entry, &mut length)?;
            turn.step().await;
        }
        length.put(END);
        Ok(Some(length.0))
    }

    /// All pieces, made in turns with other tasks.
    ///
    /// # Errors
    /// As [`Pieces::next`].
    async fn all(&mut self) -> Result<VecDeque<Bytes>, Status> {
        let mut pieces = VecDeque::new();
        let mut turn = Turn::begin();
        while !self.complete || !self.written.is_empty() {
            self.write(|| turn.is_over())?;
            if self.complete || self.written.len() >= PIECE {
                pieces.push_back(self.split());
            }
            turn.pass().await;
        }
        Ok(pieces)
    }

    /// The next piece; `None` after the last one.
    ///
    /// # Errors
    /// A 500 that names the key of an object that cannot be read.
    fn next(&mut self) -> Result<Option<Bytes>, Status> {
        self.write(|| false)?;
        Ok(Some(self.split()).filter(|piece| !piece.is_empty()))
    }

    fn split(&mut self) -> Bytes {
        self.written.split_to(self.written.len().min(PIECE))
    }

    /// Writes until there is enough for a piece, or `is_over` after an object.
    fn write(&mut self, is_over: impl Fn() -> bool) -> Result<(), Status> {
        if self.complete || self.written.len() >= PIECE {
            return Ok(());
        }
        let reader = self.shape.reader(true);
        let items = Items::of(&reader, self.now);
        let left = self.entries.as_slice().iter().take(PIECE / 256);
        let left = left.map(|entry| entry.value.len() + 256).sum::<usize>();
        let mut out = Vec::with_capacity(self.written.len() + left.min(ROOM));
        out.put(&self.written);
        while out.len() < PIECE {
            let Some(entry) = self.entries.next() else {
                out.put(END);
                self.complete = true;
                break;
            };
            if !std::mem::take(&mut self.first) {
                out.put(b",");
            }
            items.write(&entry, &mut out)?;
            if is_over() {
                break;
            }
        }
        self.written = out.into();
        Ok(())
    }
}

/// The text before the items.
fn head(reader: &Reader<'_>, list: &List) -> Result<Vec<u8>, Status> {
    let resource = reader.resource;
    let is_custom = resource.strategy.custom().is_some();
    let next = list.continues.as_ref().map(ToString::to_string);
    // Lists of custom objects contain an empty token as well: Go's type for them omits nothing.
    let empty = || (is_custom && reader.format.form == Form::Object).then(String::new);
    let meta = ListMeta {
        revision: list.revision,
        continues: next.or_else(empty),
        remaining: list.remaining,
    };
    let (kind, api_version) = match reader.format.form {
        Form::Object => (resource.list_kind(), reader.api_version),
        Form::MetadataList(version) => (
            "PartialObjectMetadataList".to_owned(),
            version.api_version(),
        ),
        Form::Metadata(_) => {
            let kind = resource.list_kind();
            return Err(reader.mismatch("PartialObjectMetadata", "a list", &kind));
        }
        Form::Table(version) => {
            let mut out = Vec::new();
            reader.rows(version).write_head(&meta, true, &mut out);
            return Ok(out);
        }
    };
    let mut out = format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":")
        .into_bytes();
    meta.write(&mut out);
    out.extend_from_slice(b",\"items\":[");
    Ok(out)
}

/// How the objects of a list are written.
enum Items<'r> {
    Objects(Renderer<'r>),
    Metadata(Renderer<'r>, Label),
    Rows(Rows<'r>, Label, Timestamp),
}

impl<'r> Items<'r> {
    fn of(reader: &Reader<'r>, now: Timestamp) -> Self {
        match reader.format.form {
            Form::Object => Self::Objects(reader.renderer()),
            Form::Metadata(version) | Form::MetadataList(version) => {
                Self::Metadata(reader.renderer(), partial_label(version))
            }
            Form::Table(version) => Self::Rows(reader.rows(version), partial_label(version), now),
        }
    }

    /// Whether an object is copied from its stored bytes, not decoded.
    fn copies(&self, entry: &Entry) -> bool {
        match self {
            Self::Objects(renderer) | Self::Metadata(renderer, _) => {
                renderer.stored_rest(entry).is_some()
            }
            Self::Rows(rows, ..) => {
                rows.include == IncludeObject::None || rows.renderer.stored_rest(entry).is_some()
            }
        }
    }

    fn write(&self, entry: &Entry, out: &mut impl Sink) -> Result<(), Status> {
        match self {
            Self::Objects(renderer) => renderer.write_item(entry, out),
            Self::Metadata(renderer, label) => {
                write_metadata(renderer, label, entry, entry.revision, out)
            }
            Self::Rows(rows, label, now) => rows.write_row(entry, entry.revision, *now, label, out),
        }
    }
}

/// A large list while it is being sent.
struct ListBody {
    pieces: Pieces,
    /// Pieces made beforehand.
    made: VecDeque<Bytes>,
    left: u64,
}

impl http_body::Body for ListBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match self.made.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None => self.pieces.next(),
        };
        let piece = match piece {
            Ok(piece) => piece.unwrap_or_default(),
            Err(status) => return Poll::Ready(Some(Err(status.message.into()))),
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) if !piece.is_empty() => {
                self.left = left;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            _ => Poll::Ready(Some(Err("a list is not as long as was computed".into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests;
