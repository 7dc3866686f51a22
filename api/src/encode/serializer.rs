//! A serializer with Go's `omitempty`: which empty values are omitted, and which unset ones are written,
//! depends on the field's Go type, from [`crate::type_metadata`].
//!
//! It is compiled into the `Serialize` of each kind, so it only calls what is not: [`Out`], and the methods
//! of [`Struct`] around a field.

pub(super) mod fields;

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};
use serde_json::Number;

use super::out::Out;
use fields::Struct;

/// A value that JSON cannot represent. No kind has one; serde requires an error type.
#[derive(Debug)]
#[allow(
    clippy::box_collection,
    reason = "a pointer keeps the result of each of many calls small"
)]
pub struct EncodeError(Box<String>);

impl Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl ser::Error for EncodeError {
    fn custom<T: Display>(msg: T) -> Self {
        Self(Box::new(msg.to_string()))
    }
}

type Result<T = ()> = std::result::Result<T, EncodeError>;

/// Appends `value`.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Out) {
    // neither the serializer nor the Serialize of a kind fails
    if let Err(error) = value.serialize(Writer::new(out)) {
        debug_assert!(false, "unserializable: {error}");
    }
}

/// Appends the fields of a root object: as text, each after a comma, and the closing brace. The caller
/// writes `kind` and `apiVersion`.
pub(super) fn write_root_fields<T: Serialize + ?Sized>(value: &T, type_name: &str, out: &mut Out) {
    let writer = Writer {
        root: Some(type_name),
        ..Writer::new(out)
    };
    if let Err(error) = value.serialize(writer) {
        debug_assert!(false, "unserializable: {error}");
    }
}

struct Writer<'o> {
    out: &'o mut Out,
    /// Of a root object, the name of its type in type metadata.
    root: Option<&'o str>,
    /// Of a field, the name of its struct in type metadata, if that is not the struct's own.
    child: &'static str,
    /// Whether a string is the JSON of a value: see [`crate::fields_v1`].
    is_json: bool,
}

impl<'o> Writer<'o> {
    /// A writer of a value that is neither a root nor of a type that shares its name.
    const fn new(out: &'o mut Out) -> Self {
        Self {
            out,
            root: None,
            child: "",
            is_json: false,
        }
    }
}

/// The kind of value that [`Writer`] wrote, for `omitempty`.
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

const fn scalar(empty: bool) -> Wrote {
    if empty { Wrote::Zero } else { Wrote::Something }
}

macro_rules! integers {
    ($($method:ident $t:ty),*) => {$(
        fn $method(self, v: $t) -> Result<Wrote> {
            self.out.number(Some(Number::from(v)));
            Ok(scalar(v == 0))
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
        self.out.bool(v);
        Ok(scalar(!v))
    }

    fn serialize_f32(self, v: f32) -> Result<Wrote> {
        self.serialize_f64(f64::from(v))
    }

    fn serialize_f64(self, v: f64) -> Result<Wrote> {
        self.out.number(Number::from_f64(v));
        Ok(scalar(v == 0.0))
    }

    fn serialize_char(self, v: char) -> Result<Wrote> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<Wrote> {
        if self.is_json {
            self.out.json(v);
            // in Go a pointer, which is written if it is set
            return Ok(match v {
                "null" => Wrote::Null,
                _ => Wrote::Something,
            });
        }
        self.out.string(v);
        Ok(scalar(v.is_empty()))
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
        self.out.null();
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
        name: &'static str,
        value: &T,
    ) -> Result<Wrote> {
        value.serialize(Writer {
            is_json: name == crate::fields_v1::NAME,
            ..self
        })
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

    fn serialize_seq(self, length: Option<usize>) -> Result<List<'o>> {
        self.out.begin_list(length.unwrap_or_default());
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
        self.out.begin_map();
        Ok(Map {
            out: self.out,
            empty: true,
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'o>> {
        let name = if self.child.is_empty() {
            name
        } else {
            self.child
        };
        Ok(Struct::new(self.out, name, self.root))
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
    out: &'o mut Out,
    empty: bool,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.out.separate(self.empty);
        self.empty = false;
        value.serialize(Writer::new(self.out))?;
        self.out.end_item();
        Ok(())
    }

    fn close(self) -> Result<Wrote> {
        self.out.end_list();
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
    out: &'o mut Out,
    empty: bool,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = Wrote;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        self.out.separate(self.empty);
        self.empty = false;
        key.serialize(Writer::new(self.out)).map(drop)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.out.colon();
        value.serialize(Writer::new(self.out))?;
        match self.out.end_entry() {
            true => Ok(()),
            false => Err(ser::Error::custom("a key that is no text")),
        }
    }

    fn end(self) -> Result<Wrote> {
        self.out.end_map();
        Ok(if self.empty {
            Wrote::NoItems
        } else {
            Wrote::Something
        })
    }
}
