//! Decodes protobuf bodies to [`Value`], so that they are then processed as JSON is.
//!
//! Current kubectl and client-go send built-in kinds as `application/vnd.kubernetes.protobuf`: four
//! magic bytes, then a `runtime.Unknown` with the type and the message. [`Envelope`] parses that; a
//! table of messages derived from Kubernetes' schemas (`protobuf/schema.txt`) describes their
//! fields.
//!
//! The result is what a Go client would have sent as JSON, except that zero values of fields that
//! are not pointers in Go are left out, because Go's protobuf writes them even when they are unset.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf`.

mod schema;
mod special;
mod transcode;
mod wire;

use serde_json::{Map, Value};
use thiserror::Error;

use self::schema::SCHEMA;
use self::wire::Reader;

/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// Why protobuf could not be decoded; messages are those of Go's generated decoders where they have
/// one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProtobufError {
    /// There are no bytes.
    #[error("empty data")]
    Empty,
    /// The magic bytes are missing.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    Prefix,
    /// Nothing follows the magic bytes.
    #[error("empty body")]
    EmptyBody,
    /// The bytes end within a field, or a length exceeds them.
    #[error("unexpected EOF")]
    Truncated,
    /// A varint has more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// The field number or the wire type does not exist.
    #[error("proto: illegal tag {number} (wire type {wire_type})")]
    Tag {
        /// The field number.
        number: u64,
        /// The wire type in the tag.
        wire_type: u8,
    },
    /// The wire type of a field is not that of its type.
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WireType {
        /// The JSON name of the field.
        field: &'static str,
        /// The wire type in the tag.
        wire_type: u8,
    },
    /// Messages are nested deeper than the limit.
    #[error("proto: messages are nested too deep")]
    Depth,
    /// The table does not have the kind.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// The requested version.
        api_version: String,
        /// The requested kind.
        kind: String,
    },
    /// A value is invalid for its type, such as text that is not UTF-8.
    #[error("proto: field {field}: {why}")]
    Value {
        /// The JSON name of the field.
        field: &'static str,
        /// The reason.
        why: String,
    },
}

/// A message and the name of its type (`runtime.Unknown`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Such as `rbac.authorization.k8s.io/v1`; may be empty.
    pub api_version: &'a str,
    /// Such as `Role`; may be empty.
    pub kind: &'a str,
    /// The encoded message.
    pub raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Parses a body; the message itself is not decoded.
    ///
    /// # Errors
    /// Any [`ProtobufError`] but [`UnknownKind`](ProtobufError::UnknownKind).
    pub fn open(bytes: &'a [u8]) -> Result<Self, ProtobufError> {
        if bytes.is_empty() {
            return Err(ProtobufError::Empty);
        }
        let unknown = bytes.strip_prefix(MAGIC).ok_or(ProtobufError::Prefix)?;
        if unknown.is_empty() {
            return Err(ProtobufError::EmptyBody);
        }
        let mut envelope = Self::default();
        let mut reader = Reader::new(unknown);
        // as upstream, ignore the encoding and content type in 3 and 4
        while let Some((number, payload)) = reader.next()? {
            match number {
                1 => envelope.read_type(payload.bytes("typeMeta")?)?,
                2 => envelope.raw = payload.bytes("raw")?,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn read_type(&mut self, bytes: &'a [u8]) -> Result<(), ProtobufError> {
        let mut reader = Reader::new(bytes);
        while let Some((number, payload)) = reader.next()? {
            match number {
                1 => self.api_version = payload.text("apiVersion")?,
                2 => self.kind = payload.text("kind")?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets the expected type, if the envelope does not name one.
    #[must_use]
    pub fn or_type(self, api_version: &'a str, kind: &'a str) -> Self {
        let or = |own: &'a str, other| if own.is_empty() { other } else { own };
        Self {
            api_version: or(self.api_version, api_version),
            kind: or(self.kind, kind),
            raw: self.raw,
        }
    }

    /// Decodes the message to JSON, including `apiVersion` and `kind`.
    ///
    /// # Errors
    /// [`ProtobufError::UnknownKind`], or an error of the message.
    pub fn to_value(&self) -> Result<Value, ProtobufError> {
        let message =
            SCHEMA
                .kind(self.api_version, self.kind)
                .ok_or_else(|| ProtobufError::UnknownKind {
                    api_version: self.api_version.to_owned(),
                    kind: self.kind.to_owned(),
                })?;
        let mut object = Map::new();
        transcode::message(message, self.raw, &mut object, 0)?;
        object.insert("apiVersion".to_owned(), self.api_version.into());
        object.insert("kind".to_owned(), self.kind.into());
        Ok(Value::Object(object))
    }
}

/// Converts what a kube-apiserver stored to JSON. Bytes that are not valid protobuf are returned
/// unchanged.
pub fn stored_as_json(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.starts_with(MAGIC) {
        return bytes;
    }
    let value = Envelope::open(&bytes).and_then(|envelope| envelope.to_value());
    let json = value.ok().and_then(|value| serde_json::to_vec(&value).ok());
    json.unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
