//! Encodes objects as JSON in the form that Go writes: `omitempty` is part of the wire format.

mod out;
mod serializer;
mod sink;
mod text;

use serde::Serialize;
use serde_json::{Map, Value};

use out::Out;
pub use serializer::EncodeError;
pub use sink::{Length, Sink};
pub use text::{is_plain, write_string};

use crate::type_metadata;

/// The two fields at the start of every encoded object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeMeta<'a> {
    /// Such as `policy/v1beta1`.
    pub api_version: &'a str,
    /// Such as `PodSecurityPolicy`.
    pub kind: &'a str,
}

impl TypeMeta<'_> {
    /// The start of the JSON of such an object, up to the first field of its metadata.
    ///
    /// kube-apiserver's JSON starts in the same way, so that the version of stored bytes can be
    /// changed and their `resourceVersion` inserted without decoding them.
    pub fn prefix(&self) -> String {
        format!(
            r#"{{"kind":"{}","apiVersion":"{}","metadata":{{"#,
            self.kind, self.api_version
        )
    }
}

/// Encodes an object as kube-apiserver does.
pub fn encode<T: Serialize + ?Sized>(object: &T, type_meta: TypeMeta<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(type_meta.kind.as_bytes());
    out.extend_from_slice(b"\",\"apiVersion\":\"");
    out.extend_from_slice(type_meta.api_version.as_bytes());
    out.push(b'"');
    let type_name = type_metadata::type_name(type_meta.api_version, type_meta.kind);
    let mut out = Out::Text(out);
    serializer::write_root_fields(object, type_name, &mut out);
    out.into_text()
}

/// An object as a JSON value, equal to parsing what [`encode`] writes.
pub fn to_value<T: Serialize + ?Sized>(object: &T, type_meta: TypeMeta<'_>) -> Value {
    let type_name = type_metadata::type_name(type_meta.api_version, type_meta.kind);
    let mut out = Out::Values(Vec::new());
    serializer::write_root_fields(object, type_name, &mut out);
    let mut fields = match out.into_value() {
        Some(Value::Object(fields)) => fields,
        other => {
            debug_assert!(false, "not an object: {other:?}");
            Map::new()
        }
    };
    fields.insert("kind".into(), type_meta.kind.into());
    fields.insert("apiVersion".into(), type_meta.api_version.into());
    Value::Object(fields)
}

/// Encodes a part of an object by the same rules.
pub fn encode_part<T: Serialize + ?Sized>(part: &T) -> Vec<u8> {
    let mut out = Out::Text(Vec::new());
    serializer::write(part, &mut out);
    out.into_text()
}

/// The [prefix](TypeMeta::prefix) of encoded objects of one kind, which can be replaced and
/// extended without decoding them.
#[derive(Clone, Debug)]
pub struct Label(String);

impl Label {
    /// The label of a kind.
    pub fn new(type_meta: TypeMeta<'_>) -> Self {
        Self(type_meta.prefix())
    }

    /// What follows the label in an encoded object, from its first metadata field on; `None` if the
    /// bytes do not start with the label.
    pub fn strip<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        bytes.strip_prefix(self.0.as_bytes())
    }

    /// Appends an object with this label, and with its resource version unless that is zero.
    pub fn write_object(&self, rest: &[u8], revision: u64, out: &mut impl Sink) {
        out.put(self.0.as_bytes());
        write_rest(rest, revision, out);
    }
}

/// Appends an object as an item of a typed list, which has no `kind` and `apiVersion`.
pub fn write_item(rest: &[u8], revision: u64, out: &mut impl Sink) {
    out.put(b"{\"metadata\":{");
    write_rest(rest, revision, out);
}

fn write_rest(rest: &[u8], revision: u64, out: &mut impl Sink) {
    if revision != 0 {
        out.put(b"\"resourceVersion\":\"");
        out.put(revision.to_string().as_bytes());
        out.put(b"\"");
        if rest.first() != Some(&b'}') {
            out.put(b",");
        }
    }
    out.put(rest);
}

/// The offset of the end of the metadata in what follows a label, after the closing brace.
pub fn metadata_end(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (1_usize, false, false);
    for (at, byte) in rest.iter().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{') => depth += 1,
            (false, b'}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
