//! The Go type of a list's elements, for error messages.

use std::cell::RefCell;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::Error;

/// The Go type of a list's elements, from the type that the list's visitor requests.
pub(super) fn element_type<'de, V: Visitor<'de>>(visitor: V) -> String {
    let name = RefCell::new(String::new());
    let _ = visitor.visit_seq(Probe(&name));
    name.into_inner()
}

struct Probe<'n>(&'n RefCell<String>);

impl Probe<'_> {
    fn record<T>(&self, name: impl Into<String>) -> Result<T, Error> {
        *self.0.borrow_mut() = name.into();
        Err(de::Error::custom("only a probe"))
    }
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        seed.deserialize(Probe(self.0)).map(Some)
    }
}

macro_rules! probes {
    ($($method:ident $name:literal),*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.record($name)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    probes!(deserialize_any "interface {}", deserialize_bool "bool", deserialize_i8 "int8");
    probes!(deserialize_i16 "int16", deserialize_i32 "int32", deserialize_i64 "int64");
    probes!(deserialize_u8 "uint8", deserialize_u16 "uint16", deserialize_u32 "uint32");
    probes!(deserialize_u64 "uint64", deserialize_f32 "float32", deserialize_f64 "float64");
    probes!(deserialize_char "string", deserialize_str "string", deserialize_string "string");
    probes!(deserialize_bytes "uint8", deserialize_byte_buf "uint8", deserialize_unit "interface {}");
    probes!(deserialize_seq "[]string", deserialize_map "map[string]string");
    probes!(deserialize_identifier "string", deserialize_ignored_any "interface {}");

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Error> {
        self.record(format!("v1.{name}"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Error> {
        self.record(format!("v1.{name}"))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.record("[]string")
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Error> {
        self.record(format!("v1.{name}"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.record(format!("v1.{name}"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.record(format!("v1.{name}"))
    }
}
