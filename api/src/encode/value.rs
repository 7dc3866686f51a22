//! Converts objects to JSON values by the same rules as to text, without serializing them.

use serde::Serialize;
use serde::ser::{self, Impossible};
use serde_json::{Map, Number, Value};

use super::serializer::fields::WrittenFields;
use super::serializer::{EncodeError, Wrote};

type Result<T = (Value, Wrote)> = std::result::Result<T, EncodeError>;

/// The fields of a root object, without its `kind` and `apiVersion`.
pub(super) fn root_fields<T: Serialize + ?Sized>(value: &T, type_name: &str) -> Map<String, Value> {
    // neither the serializer nor the Serialize of a kind fails
    match value.serialize(Maker {
        root: Some(type_name),
    }) {
        Ok((Value::Object(fields), _)) => fields,
        other => {
            debug_assert!(false, "not an object: {other:?}");
            Map::new()
        }
    }
}

#[derive(Clone, Copy)]
struct Maker<'a> {
    /// Of a root object, the name of its type in type metadata.
    root: Option<&'a str>,
}

/// For every value except the root.
const PART: Maker<'static> = Maker { root: None };

fn scalar(value: impl Into<Value>, empty: bool) -> Result {
    let wrote = if empty { Wrote::Zero } else { Wrote::Something };
    Ok((value.into(), wrote))
}

macro_rules! integers {
    ($($method:ident $t:ty),*) => {$(
        fn $method(self, v: $t) -> Result {
            scalar(v, v == 0)
        }
    )*};
}

impl ser::Serializer for Maker<'_> {
    type Ok = (Value, Wrote);
    type Error = EncodeError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = Impossible<(Value, Wrote), EncodeError>;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<(Value, Wrote), EncodeError>;

    integers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64);
    integers!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64);

    fn serialize_bool(self, v: bool) -> Result {
        scalar(v, !v)
    }

    fn serialize_f32(self, v: f32) -> Result {
        self.serialize_f64(f64::from(v))
    }

    fn serialize_f64(self, v: f64) -> Result {
        scalar(
            Number::from_f64(v).map_or(Value::Null, Value::Number),
            v == 0.0,
        )
    }

    fn serialize_char(self, v: char) -> Result {
        scalar(v.to_string(), false)
    }

    fn serialize_str(self, v: &str) -> Result {
        scalar(v, v.is_empty())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result {
        Err(ser::Error::custom("raw bytes have no JSON form"))
    }

    fn serialize_none(self) -> Result {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        Ok((Value::Null, Wrote::Null))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List> {
        Ok(List(Vec::with_capacity(length.unwrap_or_default())))
    }

    fn serialize_tuple(self, length: usize) -> Result<List> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List> {
        self.serialize_seq(Some(length))
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

    fn serialize_map(self, _: Option<usize>) -> Result<Entries> {
        Ok(Entries {
            entries: Map::new(),
            key: String::new(),
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields> {
        Ok(Fields {
            written: WrittenFields::of(self.root.unwrap_or(name)),
            is_root: self.root.is_some(),
            fields: Map::new(),
        })
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

/// A list or map, and what it is as far as `omitempty` is concerned.
fn container(value: Value, empty: bool) -> Result {
    let wrote = if empty {
        Wrote::NoItems
    } else {
        Wrote::Something
    };
    Ok((value, wrote))
}

struct List(Vec<Value>);

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.0.push(value.serialize(PART)?.0);
        Ok(())
    }

    fn close(self) -> Result {
        let empty = self.0.is_empty();
        container(Value::Array(self.0), empty)
    }
}

macro_rules! list_trait {
    ($($t:ident $method:ident),*) => {$(
        impl ser::$t for List {
            type Ok = (Value, Wrote);
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.push(value)
            }

            fn end(self) -> Result {
                self.close()
            }
        }
    )*};
}
list_trait!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field);

struct Entries {
    entries: Map<String, Value>,
    /// Of the entry whose value comes next.
    key: String,
}

impl ser::SerializeMap for Entries {
    type Ok = (Value, Wrote);
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        match key.serialize(PART)?.0 {
            Value::String(key) => self.key = key,
            other => return Err(ser::Error::custom(format!("{other} is not a key"))),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let value = value.serialize(PART)?.0;
        self.entries.insert(std::mem::take(&mut self.key), value);
        Ok(())
    }

    fn end(self) -> Result {
        let empty = self.entries.is_empty();
        container(Value::Object(self.entries), empty)
    }
}

struct Fields {
    written: WrittenFields,
    is_root: bool,
    fields: Map<String, Value>,
}

impl ser::SerializeStruct for Fields {
    type Ok = (Value, Wrote);
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        if self.is_root && matches!(key, "kind" | "apiVersion") {
            return Ok(());
        }
        let (value, wrote) = value.serialize(PART)?;
        if self.written.keep(key, wrote) {
            self.fields.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn end(mut self) -> Result {
        for (name, zero) in self.written.missing() {
            let zero = serde_json::from_str(zero).map_err(ser::Error::custom)?;
            self.fields.insert(name.to_owned(), zero);
        }
        Ok((Value::Object(self.fields), self.written.wrote()))
    }
}
