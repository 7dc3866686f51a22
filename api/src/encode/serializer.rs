//! A JSON serializer with Go's `omitempty`: which empty values are omitted, and which unset ones
//! are written, depends on the field's Go type, from [`crate::type_metadata`].

pub(super) mod fields;

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

use fields::Struct;

/// A value that JSON cannot represent. No kind has one; serde requires an error type.
#[derive(Debug)]
pub struct EncodeError(String);

impl Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl ser::Error for EncodeError {
    fn custom<T: Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

type Result<T = ()> = std::result::Result<T, EncodeError>;

/// Appends `value` as JSON.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // neither the serializer nor the Serialize of a kind fails
    if let Err(error) = value.serialize(Writer { out, root: None }) {
        debug_assert!(false, "unserializable: {error}");
    }
}

/// Appends the fields of a root object, each after a comma, and the closing brace. The caller
/// writes `kind` and `apiVersion`.
pub(super) fn write_root_fields<T: Serialize + ?Sized>(
    value: &T,
    type_name: &str,
    out: &mut Vec<u8>,
) {
    if let Err(error) = value.serialize(Writer {
        out,
        root: Some(type_name),
    }) {
        debug_assert!(false, "unserializable: {error}");
    }
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Of a root object, the name of its type in type metadata.
    root: Option<&'o str>,
}

/// What [`Writer`] wrote, as far as `omitempty` is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::encode) enum Wrote {
    /// `null`: unset.
    Null,
    /// `""`, `0` or `false`, which count as set behind a pointer in Go.
    Zero,
    /// `[]` or an empty map, which Go decodes from its store as nil.
    NoItems,
    /// A struct without any field set. Behind a pointer in Go that is always written, it is nil.
    NoFields,
    Something,
}

impl Writer<'_> {
    fn raw(self, text: &str, empty: bool) -> Result<Wrote> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(if empty { Wrote::Zero } else { Wrote::Something })
    }
}

macro_rules! integers {
    ($($method:ident $t:ty),*) => {$(
        fn $method(self, v: $t) -> Result<Wrote> {
            self.raw(&v.to_string(), v == 0)
        }
    )*};
}

impl<'o> ser::Serializer for Writer<'o> {
    type Ok = Wrote;
    type Error = EncodeError;
    type SerializeSeq = List<'o>;
    type SerializeTuple = List<'o>;
    type SerializeTupleStruct = List<'o>;
    type SerializeTupleVariant = ser::Impossible<Wrote, EncodeError>;
    type SerializeMap = Map<'o>;
    type SerializeStruct = Struct<'o>;
    type SerializeStructVariant = ser::Impossible<Wrote, EncodeError>;

    integers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64);
    integers!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64);

    fn serialize_bool(self, v: bool) -> Result<Wrote> {
        self.raw(if v { "true" } else { "false" }, !v)
    }

    fn serialize_f32(self, v: f32) -> Result<Wrote> {
        self.serialize_f64(f64::from(v))
    }

    fn serialize_f64(self, v: f64) -> Result<Wrote> {
        let number = serde_json::Number::from_f64(v);
        self.raw(
            &number.map_or_else(|| "null".to_owned(), |n| n.to_string()),
            v == 0.0,
        )
    }

    fn serialize_char(self, v: char) -> Result<Wrote> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<Wrote> {
        write_string(v, self.out);
        Ok(if v.is_empty() {
            Wrote::Zero
        } else {
            Wrote::Something
        })
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Wrote> {
        Err(ser::Error::custom("raw bytes have no JSON form"))
    }

    fn serialize_none(self) -> Result<Wrote> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Wrote> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Wrote> {
        self.out.extend_from_slice(b"null");
        Ok(Wrote::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Wrote> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Wrote> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Wrote> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Wrote> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'o>> {
        self.out.push(b'[');
        Ok(List {
            out: self.out,
            empty: true,
        })
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'o>> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'o>> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(ser::Error::custom("tuple variants have no Kubernetes form"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'o>> {
        self.out.push(b'{');
        Ok(Map {
            out: self.out,
            empty: true,
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'o>> {
        if self.root.is_none() {
            self.out.push(b'{');
        }
        Ok(Struct::new(
            self.out,
            self.root.unwrap_or(name),
            self.root.is_some(),
        ))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(ser::Error::custom(
            "struct variants have no Kubernetes form",
        ))
    }
}

struct List<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        value
            .serialize(Writer {
                out: self.out,
                root: None,
            })
            .map(drop)
    }

    fn close(self) -> Result<Wrote> {
        self.out.push(b']');
        Ok(if self.empty {
            Wrote::NoItems
        } else {
            Wrote::Something
        })
    }
}

macro_rules! list_trait {
    ($($t:ident $method:ident),*) => {$(
        impl ser::$t for List<'_> {
            type Ok = Wrote;
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.element(value)
            }

            fn end(self) -> Result<Wrote> {
                self.close()
            }
        }
    )*};
}
list_trait!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field);

struct Map<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = Wrote;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        key.serialize(Writer {
            out: self.out,
            root: None,
        })
        .map(drop)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.out.push(b':');
        value
            .serialize(Writer {
                out: self.out,
                root: None,
            })
            .map(drop)
    }

    fn end(self) -> Result<Wrote> {
        self.out.push(b'}');
        Ok(if self.empty {
            Wrote::NoItems
        } else {
            Wrote::Something
        })
    }
}

/// Writes a JSON string with the escapes of Go's encoder, which include characters special in HTML.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    // a table lookup per byte, as nearly all need no escape
    for (at, &byte) in bytes.iter().enumerate() {
        if !MAY_NEED_ESCAPE[usize::from(byte)] {
            continue;
        }
        let Some((escape, length)) = escape(&bytes[at..]) else {
            continue;
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escape.as_bytes());
        plain = at + length;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// The bytes that are escaped, or start a character that may be.
static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = byte < 0x20 || matches!(byte as u8, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2);
        byte += 1;
    }
    table
};

/// The escape of the first character of `bytes`, if it needs one, and the number of bytes it
/// replaces.
fn escape(bytes: &[u8]) -> Option<(Cow<'static, str>, usize)> {
    let text = match *bytes {
        [b'"', ..] => "\\\"",
        [b'\\', ..] => "\\\\",
        [b'\n', ..] => "\\n",
        [b'\r', ..] => "\\r",
        [b'\t', ..] => "\\t",
        [0xe2, 0x80, 0xa8, ..] => return Some(("\\u2028".into(), 3)),
        [0xe2, 0x80, 0xa9, ..] => return Some(("\\u2029".into(), 3)),
        [0xe2, ..] | [] => return None,
        [byte, ..] => return Some((format!("\\u{byte:04x}").into(), 1)),
    };
    Some((text.into(), 1))
}
