//! [`Value`] to a kind's type, with Go's manners: `null` is the zero value, numbers must fit,
//! unknown fields are noted with their path, and a wrong type is reported in Go's words.

mod base64;
mod path;
mod probe;
mod scalar;
pub(super) mod time;

use std::cell::RefCell;
use std::fmt::{self, Display};

use std::sync::LazyLock;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use self::path::{Path, Step};
use super::DecodeError;

/// What a decoding noted on its way.
#[derive(Default)]
pub(super) struct Report {
    unknown: RefCell<Vec<String>>,
}

impl Report {
    pub(super) fn into_unknown_fields(self) -> Vec<String> {
        self.unknown.into_inner()
    }
}

/// The error serde passes up; a struct's field that is at fault is named by the innermost node.
#[derive(Debug)]
pub(super) struct Error(Box<DecodeError>);

impl Error {
    pub(super) fn into_decode_error(self) -> DecodeError {
        *self.0
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(msg: T) -> Self {
        Self(Box::new(DecodeError::Value(msg.to_string())))
    }
}

/// A value on its way into a type.
#[derive(Clone, Copy)]
pub(super) struct Node<'de, 'p> {
    value: &'de Value,
    path: Path<'p>,
    report: &'p Report,
}

static NULL: Value = Value::Null;
/// The types that must have a selector.
const SELECTING: [&str; 4] = [
    "DaemonSetSpec",
    "DeploymentSpec",
    "ReplicaSetSpec",
    "StatefulSetSpec",
];
/// To Go an absent selector selects nothing and an empty one everything. Where a type must have a
/// selector, an empty map tells the two apart.
static EVERYTHING: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let none = Value::Object(Map::new());
    [("matchLabels".to_owned(), none)].into_iter().collect()
});

impl<'de, 'p> Node<'de, 'p> {
    pub(super) fn root(value: &'de Value, report: &'p Report) -> Self {
        Self {
            value,
            path: Path {
                parent: None,
                step: Step::Root,
                owner: "",
            },
            report,
        }
    }

    fn wrong_type(&self, wanted: impl Into<String>) -> Error {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        Error(Box::new(DecodeError::Type {
            found,
            owner: self.path.owner.to_owned(),
            path: self.path.fields(),
            wanted: wanted.into(),
        }))
    }

    fn integer<T: TryFrom<i64>>(&self, wanted: &str) -> Result<T, Error> {
        match self.value {
            Value::Null => T::try_from(0).map_err(|_| self.wrong_type(wanted)),
            Value::Number(number) => number
                .as_i64()
                .and_then(|n| T::try_from(n).ok())
                .ok_or_else(|| self.number_out_of_range(number, wanted)),
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

/// What Go reads from text, whatever serde calls it.
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
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(v) => visitor.visit_bool(*v),
            Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
                (Some(v), _, _) => visitor.visit_i64(v),
                (None, Some(v), _) => visitor.visit_u64(v),
                (None, None, v) => visitor.visit_f64(v.unwrap_or_default()),
            },
            Value::String(v) => visitor.visit_borrowed_str(v),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(v) => visitor.visit_bool(*v),
            _ => Err(self.wrong_type("bool")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_f64(0.0),
            Value::Number(n) => visitor.visit_f64(n.as_f64().unwrap_or_default()),
            _ => Err(self.wrong_type("float64")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_borrowed_str(""),
            Value::String(v) => visitor.visit_borrowed_str(v),
            _ => Err(self.wrong_type("string")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
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
            _ => return visitor.visit_newtype_struct(self),
        };
        visitor.visit_newtype_struct(StrDeserializer::new(&text))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_seq(Items {
                node: self,
                items: [].iter(),
                index: 0,
            }),
            Value::Array(items) => visitor.visit_seq(Items {
                node: self,
                items: items.iter(),
                index: 0,
            }),
            _ => Err(self.wrong_type(format!("[]{}", probe::element_type(visitor)))),
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
        match self.value {
            Value::Null => visitor.visit_map(Fields::new(self, None, "")),
            Value::Object(map) => visitor.visit_map(Fields::new(self, Some(map), "")),
            _ => Err(self.wrong_type("map[string]string")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_map(Fields::new(self, None, name)),
            Value::Object(map)
                if map.is_empty()
                    && name == "LabelSelector"
                    && SELECTING.contains(&self.path.owner) =>
            {
                visitor.visit_map(Fields::new(self, Some(&*EVERYTHING), name))
            }
            Value::Object(map) => visitor.visit_map(Fields::new(self, Some(map), name)),
            _ => Err(self.wrong_type(format!("v1.{name}"))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(v) => visitor.visit_enum(StrDeserializer::<Error>::new(v)),
            Value::Object(map) => {
                visitor.visit_enum(MapAccessDeserializer::new(Fields::new(self, Some(map), "")))
            }
            _ => Err(self.wrong_type("string")),
        }
    }

    /// Only fields a struct does not know are read as this.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.report.unknown.borrow_mut().push(self.path.full());
        visitor.visit_unit()
    }
}

struct Items<'de, 'p> {
    node: Node<'de, 'p>,
    items: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        let path = Path {
            parent: Some(&self.node.path),
            step: Step::Index(self.index),
            owner: self.node.path.owner,
        };
        self.index += 1;
        seed.deserialize(Node {
            value,
            path,
            report: self.node.report,
        })
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields<'de, 'p> {
    node: Node<'de, 'p>,
    fields: Option<serde_json::map::Iter<'de>>,
    current: Option<(&'de str, &'de Value)>,
    owner: &'static str,
}

impl<'de, 'p> Fields<'de, 'p> {
    fn new(node: Node<'de, 'p>, map: Option<&'de Map<String, Value>>, owner: &'static str) -> Self {
        Self {
            node,
            fields: map.map(Map::iter),
            current: None,
            owner,
        }
    }

    /// `kind` and `apiVersion` of a root object say which type this is; they are no field of it.
    fn is_type_meta(&self, key: &str) -> bool {
        matches!(self.node.path.step, Step::Root) && matches!(key, "kind" | "apiVersion")
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        loop {
            let Some((key, value)) = self.fields.as_mut().and_then(Iterator::next) else {
                return Ok(None);
            };
            if self.is_type_meta(key) {
                continue;
            }
            self.current = Some((key, value));
            return seed.deserialize(StrDeserializer::new(key)).map(Some);
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value) = self.current.take().unwrap_or(("", &NULL));
        let owner = if self.owner.is_empty() {
            self.node.path.owner
        } else {
            self.owner
        };
        let path = Path {
            parent: Some(&self.node.path),
            step: Step::Field(key),
            owner,
        };
        seed.deserialize(Node {
            value,
            path,
            report: self.node.report,
        })
    }
}
