//! What is decoded: a value, or a document that borrows from its text.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::decode::document::{Document, Field};

/// A JSON value that is decoded into a type. One type for both forms, so that the `Deserialize` of each kind
/// is compiled once.
#[derive(Clone, Copy, Debug)]
pub enum Source<'de> {
    /// Such as the result of a patch.
    Value(&'de Value),
    /// Such as a stored object.
    Document(&'de Document<'de>),
}

impl<'de> From<&'de Value> for Source<'de> {
    fn from(value: &'de Value) -> Self {
        Self::Value(value)
    }
}

impl<'de> From<&'de Document<'_>> for Source<'de> {
    fn from(document: &'de Document<'_>) -> Self {
        Self::Document(document)
    }
}

/// A JSON value, one level deep.
#[derive(Clone, Copy)]
pub(in crate::decode) enum Shape<'de> {
    Null,
    Bool(bool),
    Number(&'de Number),
    String(&'de str),
    Array(Array<'de>),
    Object(Object<'de>),
    /// The JSON of a value that is kept as text.
    Text(&'de str),
}

impl<'de> Source<'de> {
    pub(super) fn shape(self) -> Shape<'de> {
        match self {
            Self::Value(Value::Null) | Self::Document(Document::Null) => Shape::Null,
            Self::Value(Value::Bool(v)) | Self::Document(Document::Bool(v)) => Shape::Bool(*v),
            Self::Value(Value::Number(n)) | Self::Document(Document::Number(n)) => Shape::Number(n),
            Self::Value(Value::String(text)) => Shape::String(text),
            Self::Document(Document::String(text)) => Shape::String(text),
            Self::Value(Value::Array(items)) => Shape::Array(Array::Values(items)),
            Self::Document(Document::Array(items)) => Shape::Array(Array::Documents(items)),
            Self::Value(Value::Object(map)) => Shape::Object(Object::Values(map)),
            Self::Document(Document::Object(fields)) => Shape::Object(Object::Documents(fields)),
            Self::Document(Document::Text(json)) => Shape::Text(json),
        }
    }

    /// A field of an object.
    pub fn field(self, key: &str) -> Option<Self> {
        match self.shape() {
            Shape::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(self) -> Option<&'de str> {
        match self.shape() {
            Shape::String(text) => Some(text),
            _ => None,
        }
    }

    /// The field of an object, if it is text.
    pub fn text(self, key: &str) -> Option<&'de str> {
        self.field(key)?.as_str()
    }

    /// Whether it is an object.
    pub const fn is_object(self) -> bool {
        matches!(
            self,
            Self::Value(Value::Object(_)) | Self::Document(Document::Object(_))
        )
    }

    /// The address, which is stable while the document is borrowed.
    pub(super) fn address(self) -> usize {
        match self {
            Self::Value(value) => std::ptr::from_ref(value).addr(),
            Self::Document(document) => std::ptr::from_ref(document).addr(),
        }
    }

    /// Whether it is `null`.
    pub const fn is_null(self) -> bool {
        matches!(
            self,
            Self::Value(Value::Null) | Self::Document(Document::Null)
        )
    }

    pub(super) const fn is_string(self) -> bool {
        matches!(
            self,
            Self::Value(Value::String(_)) | Self::Document(Document::String(_))
        )
    }

    /// The document as a value.
    pub fn value(self) -> Cow<'de, Value> {
        match self {
            Self::Value(value) => Cow::Borrowed(value),
            Self::Document(_) => Cow::Owned(self.to_value()),
        }
    }

    /// A value of its own.
    pub(super) fn to_value(self) -> Value {
        match self.shape() {
            Shape::Null => Value::Null,
            Shape::Bool(value) => Value::Bool(value),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::String(text) => Value::from(text),
            Shape::Array(items) => items.iter().map(Source::to_value).collect(),
            Shape::Object(fields) => {
                let fields = fields.iter().map(|(key, v)| (key.to_owned(), v.to_value()));
                Value::Object(fields.collect())
            }
            // it was parsed before
            Shape::Text(json) => serde_json::from_str(json).unwrap_or_default(),
        }
    }
}

/// The items of a list.
#[derive(Clone, Copy)]
pub(in crate::decode) enum Array<'de> {
    Values(&'de [Value]),
    Documents(&'de [Document<'de>]),
}

impl<'de> Array<'de> {
    pub(super) const EMPTY: Self = Self::Values(&[]);

    pub(super) const fn len(self) -> usize {
        match self {
            Self::Values(items) => items.len(),
            Self::Documents(items) => items.len(),
        }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(self, index: usize) -> Option<Source<'de>> {
        match self {
            Self::Values(items) => items.get(index).map(Source::Value),
            Self::Documents(items) => items.get(index).map(Source::Document),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Source<'de>> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

/// The fields of an object.
#[derive(Clone, Copy)]
pub(in crate::decode) enum Object<'de> {
    Values(&'de Map<String, Value>),
    Documents(&'de [Field<'de>]),
}

impl<'de> Object<'de> {
    pub(super) fn is_empty(self) -> bool {
        match self {
            Self::Values(map) => map.is_empty(),
            Self::Documents(fields) => fields.is_empty(),
        }
    }

    pub(super) fn get(self, key: &str) -> Option<Source<'de>> {
        match self {
            Self::Values(map) => map.get(key).map(Source::Value),
            Self::Documents(fields) => {
                let field = fields.iter().find(|(name, _)| name == key);
                field.map(|(_, value)| Source::Document(value))
            }
        }
    }

    pub(super) fn iter(self) -> Entries<'de> {
        match self {
            Self::Values(map) => Entries::Values(map.iter()),
            Self::Documents(fields) => Entries::Documents(fields.iter()),
        }
    }
}

/// The fields of an object, in order.
pub(super) enum Entries<'de> {
    Values(serde_json::map::Iter<'de>),
    Documents(std::slice::Iter<'de, Field<'de>>),
}

impl<'de> Iterator for Entries<'de> {
    type Item = (&'de str, Source<'de>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Values(fields) => {
                let (key, value) = fields.next()?;
                Some((key, Source::Value(value)))
            }
            Self::Documents(fields) => {
                let (key, value): &'de (Cow<'de, str>, Document<'de>) = fields.next()?;
                Some((key, Source::Document(value)))
            }
        }
    }
}
