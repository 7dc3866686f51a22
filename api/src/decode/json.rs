//! Parses text to [`Value`], and reports the paths of duplicate keys (the last one wins, as in Go).

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::DecodeError;

/// A parsed document, and the paths of its duplicate keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The document.
    pub value: Value,
    /// Such as `metadata.labels.a`, in document order.
    pub duplicate_fields: Vec<String>,
}

/// The number of values that a document may have. A value of three bytes in JSON can take a
/// kilobyte when it is decoded, so the limit on the size of a body does not bound its memory.
const VALUES_MAX: usize = 250_000;

/// Parses a JSON document that a client sent.
///
/// # Errors
/// [`DecodeError::Syntax`] if the bytes are not one JSON document, or if it has too many values.
pub fn parse(bytes: &[u8]) -> Result<Parsed, DecodeError> {
    parse_values(bytes, VALUES_MAX)
}

/// Parses a stored JSON document, without a limit, as what was once stored must stay readable.
///
/// # Errors
/// [`DecodeError::Syntax`] if the bytes are not one JSON document.
pub fn parse_stored(bytes: &[u8]) -> Result<Parsed, DecodeError> {
    parse_values(bytes, usize::MAX)
}

fn parse_values(bytes: &[u8], max: usize) -> Result<Parsed, DecodeError> {
    let duplicates = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let values = Cell::new(max);
    let seed = Seed {
        path: &Path::Root,
        duplicates: &duplicates,
        values: &values,
    };
    let value = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| DecodeError::Syntax(error.to_string()))?;
    Ok(Parsed {
        value,
        duplicate_fields: duplicates.into_inner(),
    })
}

/// Checks the number of values of a document that was not parsed from JSON.
///
/// # Errors
/// [`DecodeError::Syntax`] if it has too many.
pub fn check_size(document: &Value) -> Result<(), DecodeError> {
    fn count(value: &Value, left: &mut usize) -> Option<()> {
        *left = left.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| count(item, left)),
            Value::Object(fields) => fields.values().try_for_each(|field| count(field, left)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(()),
        }
    }
    let too_many = || DecodeError::Syntax(format!("more than {VALUES_MAX} values"));
    count(document, &mut VALUES_MAX.clone()).ok_or_else(too_many)
}

/// The path of a value, kept on the stack so that it costs nothing for documents without
/// duplicates.
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[derive(Clone, Copy)]
struct Seed<'p> {
    path: &'p Path<'p>,
    duplicates: &'p RefCell<Vec<String>>,
    /// How many more values are allowed.
    values: &'p Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.values.get().checked_sub(1) {
            Some(left) => self.values.set(left),
            None => {
                return Err(de::Error::custom(format_args!(
                    "more than {VALUES_MAX} values"
                )));
            }
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed {
            path: &Path::Index(self.path, items.len()),
            duplicates: self.duplicates,
            values: self.values,
        })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            let value = map.next_value_seed(Seed {
                path: &path,
                duplicates: self.duplicates,
                values: self.values,
            })?;
            if fields.contains_key(&key) {
                let mut text = String::new();
                write!(text, "{path}").map_err(de::Error::custom)?;
                self.duplicates.borrow_mut().push(text);
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
