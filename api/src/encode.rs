//! Objects to JSON as Go writes them: `omitempty` is part of the wire format.

mod serializer;
mod value;

use serde::Serialize;
use serde_json::Value;

pub use serializer::EncodeError;

use crate::facts;

/// The two fields that lead every encoded object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeMeta<'a> {
    /// Such as `policy/v1beta1`.
    pub api_version: &'a str,
    /// Such as `PodSecurityPolicy`.
    pub kind: &'a str,
}

impl TypeMeta<'_> {
    /// How the encoding of such an object begins, up to the inside of its metadata.
    ///
    /// kube-apiserver's JSON begins alike, so stored bytes can be re-labelled and given their
    /// `resourceVersion` without being decoded.
    pub fn prefix(&self) -> String {
        format!(
            r#"{{"kind":"{}","apiVersion":"{}","metadata":{{"#,
            self.kind, self.api_version
        )
    }
}

/// Encodes a kind's type as kube-apiserver does.
pub fn encode<T: Serialize + ?Sized>(object: &T, type_meta: TypeMeta<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(type_meta.kind.as_bytes());
    out.extend_from_slice(b"\",\"apiVersion\":\"");
    out.extend_from_slice(type_meta.api_version.as_bytes());
    out.push(b'"');
    let owner = facts::owner(type_meta.api_version, type_meta.kind);
    serializer::write_root_fields(object, owner, &mut out);
    out
}

/// A kind's type as JSON: what reading its encoding would give.
pub fn to_value<T: Serialize + ?Sized>(object: &T, type_meta: TypeMeta<'_>) -> Value {
    let owner = facts::owner(type_meta.api_version, type_meta.kind);
    let mut fields = value::root_fields(object, owner);
    fields.insert("kind".into(), type_meta.kind.into());
    fields.insert("apiVersion".into(), type_meta.api_version.into());
    Value::Object(fields)
}

/// Encodes a part of an object, under the same rules.
pub fn encode_part<T: Serialize + ?Sized>(part: &T) -> Vec<u8> {
    let mut out = Vec::new();
    serializer::write(part, &mut out);
    out
}

/// The known beginning of encoded objects of one kind: what can be swapped and extended without
/// decoding them.
#[derive(Clone, Debug)]
pub struct Label(String);

impl Label {
    /// The label of a kind.
    pub fn new(type_meta: TypeMeta<'_>) -> Self {
        Self(type_meta.prefix())
    }

    /// What follows the label in the encoding of an object, from its first metadata field on;
    /// `None` if the bytes were written otherwise.
    pub fn strip<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        bytes.strip_prefix(self.0.as_bytes())
    }

    /// Appends an object under this label, with its resource version unless that is zero.
    pub fn write_object(&self, rest: &[u8], revision: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
        write_rest(rest, revision, out);
    }
}

/// Appends an object as an item of a typed list, which carries no kind of its own.
pub fn write_item(rest: &[u8], revision: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"metadata\":{");
    write_rest(rest, revision, out);
}

fn write_rest(rest: &[u8], revision: u64, out: &mut Vec<u8>) {
    if revision != 0 {
        out.extend_from_slice(b"\"resourceVersion\":\"");
        out.extend_from_slice(revision.to_string().as_bytes());
        out.push(b'"');
        if rest.first() != Some(&b'}') {
            out.push(b',');
        }
    }
    out.extend_from_slice(rest);
}

/// How much of what follows a label is metadata: the offset behind its closing brace.
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
