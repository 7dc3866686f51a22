//! Protobuf bodies to [`Value`], so that everything after goes on as if JSON had been sent.
//!
//! Current kubectl and client-go write built-in kinds as `application/vnd.kubernetes.protobuf`: four
//! magic bytes, then a `runtime.Unknown` that names the kind and holds its bytes. [`Envelope`] opens
//! that; a table derived from Kubernetes' schemas (`protobuf/schema.txt`) says what the bytes mean.
//!
//! What comes out is what a Go client would have sent as JSON, but for one thing: Go's protobuf writes
//! fields that are no pointers even when they are unset, so their zero values are left out here.
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

/// How a body says that it is one of these.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// Why protobuf could not be read; texts are those of Go's generated readers where they have one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProtobufError {
    /// There are no bytes at all.
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
    /// The bytes end in the midst of a field, or a length says more than there is.
    #[error("unexpected EOF")]
    Truncated,
    /// A varint of more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// No field has such a number, or nothing is encoded in such a way.
    #[error("proto: illegal tag {number} (wire type {wire_type})")]
    Tag {
        /// The number of the field.
        number: u64,
        /// How it claims to be encoded.
        wire_type: u8,
    },
    /// A field is encoded in another way than its type is.
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WireType {
        /// The JSON name of the field.
        field: &'static str,
        /// How it is encoded.
        wire_type: u8,
    },
    /// Messages within messages beyond all need.
    #[error("proto: messages are nested too deep")]
    Depth,
    /// A kind that the table does not have.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// The version asked for.
        api_version: String,
        /// The kind asked for.
        kind: String,
    },
    /// A value that its type's own rules refuse, such as text that is not UTF-8.
    #[error("proto: field {field}: {why}")]
    Value {
        /// The JSON name of the field.
        field: &'static str,
        /// What is wrong.
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
    /// The message, not looked at yet.
    pub raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Opens a body.
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
        // encoding and content type follow in 3 and 4, which upstream does not read either
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

    /// The same, with the type that is expected where the envelope does not name one.
    #[must_use]
    pub fn or_type(self, api_version: &'a str, kind: &'a str) -> Self {
        let or = |own: &'a str, other| if own.is_empty() { other } else { own };
        Self {
            api_version: or(self.api_version, api_version),
            kind: or(self.kind, kind),
            raw: self.raw,
        }
    }

    /// The message as JSON, `apiVersion` and `kind` included.
    ///
    /// # Errors
    /// [`ProtobufError::UnknownKind`], and all that can be wrong with the message.
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

/// What a kube-apiserver stored, as JSON. Protobuf is read; everything else stays as it is, and so does
/// protobuf that cannot be read.
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
