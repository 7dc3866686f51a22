//! Parses text to [`Value`] or [`Document`], and reports the paths of duplicate keys (the last one wins, as in
//! Go).

mod transcribe;
mod tree;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use self::transcribe::Transcribe;
use self::tree::{Fields, Tree};
use super::DecodeError;
use super::document::Document;

/// A parsed document, and the paths of its duplicate keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed<T = Value> {
    /// The document.
    pub value: T,
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

/// As [`parse`], to a document that borrows from the text.
///
/// # Errors
/// As [`parse`].
pub fn parse_document(bytes: &[u8]) -> Result<Parsed<Document<'_>>, DecodeError> {
    parse_values(bytes, VALUES_MAX)
}

/// Parses a stored JSON document, without a limit, as what was once stored must stay readable.
///
/// # Errors
/// [`DecodeError::Syntax`] if the bytes are not one JSON document.
pub fn parse_stored(bytes: &[u8]) -> Result<Parsed, DecodeError> {
    parse_values(bytes, usize::MAX)
}

/// As [`parse_stored`], to a document that borrows from the text, where `fieldsV1` is kept as text.
///
/// # Errors
/// As [`parse_stored`].
pub fn parse_stored_document(bytes: &[u8]) -> Result<Document<'_>, DecodeError> {
    parse_with(bytes, usize::MAX, true).map(|parsed| parsed.value)
}

fn parse_values<'t, T: Tree<'t>>(bytes: &'t [u8], max: usize) -> Result<Parsed<T>, DecodeError> {
    parse_with(bytes, max, false)
}

fn parse_with<'t, T: Tree<'t>>(
    bytes: &'t [u8],
    max: usize,
    stored: bool,
) -> Result<Parsed<T>, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let notes = Notes {
        duplicates: RefCell::new(Vec::new()),
        values: Cell::new(max),
        stored,
    };
    let seed = Seed::<T> {
        path: &Path::Root,
        notes: &notes,
        tree: PhantomData,
    };
    let value = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| DecodeError::Syntax(error.to_string()))?;
    Ok(Parsed {
        value,
        duplicate_fields: notes.duplicates.into_inner(),
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

impl Path<'_> {
    /// Whether this is the field `fieldsV1` of an entry of `metadata.managedFields`.
    const fn is_fields_v1(&self) -> bool {
        let Self::Key(Self::Index(Self::Key(Self::Key(Self::Root, metadata), entries), _), key) =
            self
        else {
            return false;
        };
        matches!(
            (metadata.as_bytes(), entries.as_bytes(), key.as_bytes()),
            (b"metadata", b"managedFields", b"fieldsV1")
        )
    }
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

/// What is noted while a document is parsed.
struct Notes {
    duplicates: RefCell<Vec<String>>,
    /// How many more values are allowed.
    values: Cell<usize>,
    /// Whether the text is one that a server has stored.
    stored: bool,
}

struct Seed<'p, T> {
    path: &'p Path<'p>,
    notes: &'p Notes,
    tree: PhantomData<T>,
}

impl<'p, T> Seed<'p, T> {
    const fn below(&self, path: &'p Path<'p>) -> Self {
        Seed {
            path,
            notes: self.notes,
            tree: PhantomData,
        }
    }
}

impl<'de, T: Tree<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        match self.notes.values.get().checked_sub(1) {
            Some(left) => self.notes.values.set(left),
            None => {
                return Err(de::Error::custom(format_args!(
                    "more than {VALUES_MAX} values"
                )));
            }
        }
        if self.notes.stored && self.path.is_fields_v1() {
            let mut text = Vec::with_capacity(512);
            Transcribe(&mut text).deserialize(deserializer)?;
            return Ok(T::text(String::from_utf8(text).map_err(de::Error::custom)?));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Tree<'de>> Visitor<'de> for Seed<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<T, E> {
        Ok(T::bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<T, E> {
        Ok(T::number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<T, E> {
        Ok(T::number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<T, E> {
        Ok(Number::from_f64(v).map_or_else(T::null, T::number))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<T, E> {
        Ok(T::string(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<T, E> {
        Ok(T::string(Cow::Owned(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            seq.next_element_seed(self.below(&Path::Index(self.path, items.len())))?
        {
            items.push(item);
        }
        Ok(T::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut fields = T::Fields::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let path = Path::Key(self.path, &key);
            let value = map.next_value_seed(self.below(&path))?;
            if fields.contains(&key) {
                self.notes.duplicates.borrow_mut().push(path.to_string());
            }
            fields.insert(key, value);
        }
        Ok(T::object(fields))
    }
}

/// A key, borrowed if it has no escapes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}
