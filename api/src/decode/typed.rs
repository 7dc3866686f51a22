//! Decodes a [`Source`] to a kind's type as Go does: `null` is the zero value, numbers must fit,
//! unknown fields are reported by path, and wrong types with Go's messages.
//!
//! The result is normalized to what its encoding decodes to. Go does not distinguish the zero value
//! of a field with `omitempty` from an unset field, nor an unset field without it from its zero
//! value, but the types here could. Therefore what Go omits is dropped, and what it always writes
//! is set.

mod access;
mod base64;
mod error;
mod fields_v1;
mod path;
mod probe;
mod report;
mod scalar;
pub(super) mod source;
pub(super) mod time;
mod zero;

use std::sync::LazyLock;

use serde::de::value::{MapAccessDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{Deserializer, Visitor};
use serde_json::{Map, Number, Value};

use self::access::{Fields, Items};
pub(super) use self::error::Error;
use self::path::{Path, Step};
pub(super) use self::report::Report;
use self::source::{Array, Object, Shape, Source};
use super::DecodeError;

/// A value that is decoded into a type.
#[derive(Clone, Copy)]
pub(super) struct Node<'de, 'p> {
    value: Source<'de>,
    path: Path<'p>,
    report: &'p Report,
    /// How the encoding of the struct around it treats the value.
    role: Role,
}

/// How the encoding of a struct treats a value that may be zero.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is always kept: a root, an item, an entry of a map, or a field that is not zero.
    Kept,
    /// A field that omits `""`, `0`, `false`, `[]` and empty maps.
    Omitted,
    /// A field that omits only `[]` and empty maps.
    OmittedIfNoItems,
    /// A field that is absent or null.
    Unset,
}

const NULL: Source<'static> = Source::Value(&Value::Null);
/// The types whose selector is required.
const WITH_SELECTOR: [&str; 4] = [
    "DaemonSetSpec",
    "DeploymentSpec",
    "ReplicaSetSpec",
    "StatefulSetSpec",
];
/// In Go an unset selector selects nothing and an empty one everything. Where the selector is
/// required, and so is not an `Option` here, an empty `matchLabels` represents the empty one.
static EVERYTHING: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let none = Value::Object(Map::new());
    [("matchLabels".to_owned(), none)].into_iter().collect()
});

/// Whether a selector has no requirements; unknown fields do not count.
fn selects_everything(map: Object<'_>, fields: &[&str]) -> bool {
    map.iter()
        .all(|(key, value)| zero::is_empty(value) || !fields.contains(&key))
}

impl<'de, 'p> Node<'de, 'p> {
    pub(super) fn root(value: Source<'de>, report: &'p Report) -> Self {
        Self {
            value,
            path: Path {
                parent: None,
                step: Step::Root,
                owner: "",
            },
            report,
            role: Role::Kept,
        }
    }

    /// Records a zero value that the encoding omits.
    fn record_zero(&self, zero: bool) {
        if zero && self.role == Role::Omitted {
            self.report.zeros.borrow_mut().add(self.value);
        }
    }

    /// Records an empty list or map that the encoding omits.
    fn record_empty(&self, empty: bool) {
        if !empty || !matches!(self.role, Role::Omitted | Role::OmittedIfNoItems) {
            return;
        }
        self.report.zeros.borrow_mut().add(self.value);
        if self.role == Role::OmittedIfNoItems {
            self.report.empty.borrow_mut().push(self.path.pointer());
        }
    }

    /// The items of a list; `None` if the value is not a list.
    #[inline(never)]
    fn items(self) -> Option<Items<'de, 'p>> {
        let items = match self.value.shape() {
            Shape::Null => Array::EMPTY,
            Shape::Array(items) => {
                self.record_empty(items.is_empty());
                items
            }
            _ => return None,
        };
        Some(Items {
            node: self,
            items,
            index: 0,
        })
    }

    /// The entries of a map.
    #[inline(never)]
    fn entries(self) -> Result<Fields<'de, 'p>, Error> {
        match self.value.shape() {
            Shape::Null => Ok(Fields::entries(self, None)),
            Shape::Object(map) => {
                self.record_empty(map.is_empty());
                Ok(Fields::entries(self, Some(map)))
            }
            _ => Err(self.wrong_type("map[string]string")),
        }
    }

    /// The fields of a struct.
    #[inline(never)]
    fn fields(
        self,
        name: &'static str,
        fields: &'static [&'static str],
    ) -> Result<Fields<'de, 'p>, Error> {
        match self.value.shape() {
            Shape::Null => Ok(Fields::new(self, None, name, fields)),
            Shape::Object(map)
                if name == "LabelSelector"
                    && WITH_SELECTOR.contains(&self.path.owner)
                    && selects_everything(map, fields) =>
            {
                self.report_unknown(map, name, fields);
                let everything = Node {
                    role: Role::Unset,
                    ..self
                };
                Ok(Fields::entries(
                    everything,
                    Some(Object::Values(&EVERYTHING)),
                ))
            }
            Shape::Object(map) => Ok(Fields::new(self, Some(map), name, fields)),
            _ => Err(self.wrong_type(format!("v1.{name}"))),
        }
    }

    /// A struct without fields, which the types here take for any value.
    fn empty_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Shape::Object(fields) = self.value.shape() else {
            return Err(self.wrong_type(format!("v1.{name}")));
        };
        self.report_unknown(fields, name, &[]);
        visitor.visit_newtype_struct(MapAccessDeserializer::new(Fields::entries(self, None)))
    }

    /// Whether this is `items` of a schema and neither a schema nor schemas, which Go ignores.
    fn is_no_schema(&self) -> bool {
        let is_items = matches!(self.path.step, Step::Field("items"));
        is_items
            && self.path.owner == "JSONSchemaProps"
            && match self.value.shape() {
                Shape::Object(_) => false,
                Shape::Array(schemas) => schemas.is_empty(),
                _ => true,
            }
    }

    /// Records the fields of an object that its type does not have.
    fn report_unknown(&self, map: Object<'_>, owner: &'static str, fields: &[&'static str]) {
        let keys = map.iter().map(|(key, _)| key);
        for key in keys.filter(|key| !fields.contains(key)) {
            let path = Path {
                parent: Some(&self.path),
                step: Step::Field(key),
                owner,
            };
            self.report.unknown.borrow_mut().push(path.full());
        }
    }

    fn wrong_type(&self, wanted: impl Into<String>) -> Error {
        let found = match self.value.shape() {
            Shape::Null => "null".to_owned(),
            Shape::Bool(_) => "bool".to_owned(),
            Shape::Number(_) => "number".to_owned(),
            Shape::String(_) => "string".to_owned(),
            Shape::Array(_) => "array".to_owned(),
            Shape::Object(_) | Shape::Text(_) => "object".to_owned(),
        };
        Error(Box::new(DecodeError::Type {
            found,
            owner: self.path.owner.to_owned(),
            path: self.path.fields(),
            wanted: wanted.into(),
        }))
    }

    fn integer<T: TryFrom<i64>>(&self, wanted: &str) -> Result<T, Error> {
        match self.value.shape() {
            Shape::Null => T::try_from(0).map_err(|_| self.wrong_type(wanted)),
            Shape::Number(number) => {
                self.record_zero(number.as_i64() == Some(0));
                number
                    .as_i64()
                    .and_then(|n| T::try_from(n).ok())
                    .ok_or_else(|| self.number_out_of_range(number, wanted))
            }
            _ => Err(self.wrong_type(wanted)),
        }
    }

    fn number_out_of_range(&self, number: &Number, wanted: &str) -> Error {
        let mut error = self.wrong_type(wanted);
        if let DecodeError::Type { found, .. } = error.0.as_mut() {
            *found = format!("number {number}");
        }
        error
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $t:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.integer::<$t>(stringify!($t).replace('i', "int").replace('u', "uint").as_str())?)
        }
    )*};
}

/// Serde's methods for what Go decodes from text.
macro_rules! texts {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_str(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = Error;

    texts!(deserialize_char, deserialize_string, deserialize_identifier);
    texts!(deserialize_bytes, deserialize_byte_buf);

    integers!(deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32);
    integers!(deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16);
    integers!(deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::Null => visitor.visit_unit(),
            Shape::Bool(_) => self.deserialize_bool(visitor),
            Shape::Number(n) => match (n.as_i64(), n.as_u64()) {
                (Some(_), _) => self.deserialize_i64(visitor),
                (None, Some(v)) => visitor.visit_u64(v),
                (None, None) => self.deserialize_f64(visitor),
            },
            Shape::String(_) => self.deserialize_str(visitor),
            Shape::Array(_) => self.deserialize_seq(visitor),
            Shape::Object(_) => self.deserialize_map(visitor),
            // only those of a type that is text are kept so
            Shape::Text(text) => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::Null => visitor.visit_bool(false),
            Shape::Bool(v) => {
                self.record_zero(!v);
                visitor.visit_bool(v)
            }
            _ => Err(self.wrong_type("bool")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::Null => visitor.visit_f64(0.0),
            Shape::Number(n) => {
                let number = n.as_f64().unwrap_or_default();
                self.record_zero(number == 0.0);
                visitor.visit_f64(number)
            }
            _ => Err(self.wrong_type("float64")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::Null => visitor.visit_borrowed_str(""),
            Shape::String(v) => {
                self.record_zero(v.is_empty());
                visitor.visit_borrowed_str(v)
            }
            _ => Err(self.wrong_type("string")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::Null => visitor.visit_none(),
            _ if self.is_no_schema() => visitor.visit_none(),
            _ if scalar::is_bytes(&visitor) => visitor.visit_str(&self.bytes()?),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = match name {
            "Quantity" => scalar::quantity(self.value)?,
            "Time" => scalar::time(self.value, time::seconds)?,
            "MicroTime" => scalar::time(self.value, time::micros)?,
            crate::fields_v1::NAME => fields_v1::text(self.value),
            "CustomResourceSubresourceStatus" => return self.empty_struct(name, visitor),
            _ => return visitor.visit_newtype_struct(self),
        };
        visitor.visit_newtype_struct(StringDeserializer::new(text))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.items() {
            Some(items) => visitor.visit_seq(items),
            None => Err(self.wrong_type(format!("[]{}", probe::element_type(visitor)))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.entries()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(self.fields(name, fields)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value.shape() {
            Shape::String(v) => visitor.visit_enum(StrDeserializer::<Error>::new(v)),
            Shape::Object(map) => {
                visitor.visit_enum(MapAccessDeserializer::new(Fields::entries(self, Some(map))))
            }
            _ => Err(self.wrong_type("string")),
        }
    }

    /// Called only for unknown fields of a struct.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.role != Role::Unset {
            self.report.unknown.borrow_mut().push(self.path.full());
        }
        visitor.visit_unit()
    }
}
