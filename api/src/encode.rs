//! Objects to JSON as Go writes them: `omitempty` is part of the wire format.

mod serializer;

use bytes::Bytes;
use serde::Serialize;

pub use serializer::EncodeError;

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
    serializer::write_root_fields(object, &mut out);
    out
}

/// Encodes a part of an object, under the same rules.
pub fn encode_part<T: Serialize + ?Sized>(part: &T) -> Vec<u8> {
    let mut out = Vec::new();
    serializer::write(part, &mut out);
    out
}

/// Bytes of an object whose beginning is known: where its metadata's fields start.
#[derive(Clone, Debug)]
pub struct Labelled {
    bytes: Bytes,
    fields: usize,
}

impl Labelled {
    /// Recognizes stored bytes by the prefix of their kind; `None` if they were written otherwise.
    pub fn recognize(bytes: Bytes, stored_as: TypeMeta<'_>) -> Option<Self> {
        let prefix = stored_as.prefix();
        bytes.starts_with(prefix.as_bytes()).then(|| Self {
            bytes,
            fields: prefix.len(),
        })
    }

    /// Appends the whole object, labelled and versioned for the reader.
    pub fn write_object(&self, type_meta: TypeMeta<'_>, revision: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(type_meta.prefix().as_bytes());
        self.write_rest(revision, out);
    }

    /// Appends the object as an item of a typed list, which carries no kind of its own.
    pub fn write_item(&self, revision: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"metadata\":{");
        self.write_rest(revision, out);
    }

    fn write_rest(&self, revision: u64, out: &mut Vec<u8>) {
        let rest = &self.bytes[self.fields..];
        out.extend_from_slice(b"\"resourceVersion\":\"");
        out.extend_from_slice(revision.to_string().as_bytes());
        out.push(b'"');
        if rest.first() != Some(&b'}') {
            out.push(b',');
        }
        out.extend_from_slice(rest);
    }
}

#[cfg(test)]
mod tests;
