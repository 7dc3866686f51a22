//! What a text is parsed to.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use crate::decode::document::{Document, Field};

/// A form of documents.
pub(super) trait Tree<'t>: Sized {
    /// The fields of an object, while it is parsed.
    type Fields: Fields<'t, Self>;

    fn null() -> Self;
    fn bool(value: bool) -> Self;
    fn number(number: Number) -> Self;
    fn string(text: Cow<'t, str>) -> Self;
    fn array(items: Vec<Self>) -> Self;
    fn object(fields: Self::Fields) -> Self;
    /// A value that is kept as its JSON.
    fn text(json: String) -> Self;
}

/// Fields with unique keys.
pub(super) trait Fields<'t, T>: Default {
    fn contains(&self, key: &str) -> bool;
    /// Adds a field, or replaces its value.
    fn insert(&mut self, key: Cow<'t, str>, value: T);
}

impl<'t> Tree<'t> for Value {
    type Fields = Map<String, Self>;

    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(number: Number) -> Self {
        Self::Number(number)
    }

    fn string(text: Cow<'t, str>) -> Self {
        Self::String(text.into_owned())
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(fields: Self::Fields) -> Self {
        Self::Object(fields)
    }

    fn text(json: String) -> Self {
        // it was parsed before
        serde_json::from_str(&json).unwrap_or_default()
    }
}

impl<'t> Fields<'t, Value> for Map<String, Value> {
    fn contains(&self, key: &str) -> bool {
        self.contains_key(key)
    }

    fn insert(&mut self, key: Cow<'t, str>, value: Value) {
        self.insert(key.into_owned(), value);
    }
}

impl<'t> Tree<'t> for Document<'t> {
    type Fields = Ordered<'t>;

    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(number: Number) -> Self {
        Self::Number(number)
    }

    fn string(text: Cow<'t, str>) -> Self {
        Self::String(text)
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(fields: Ordered<'t>) -> Self {
        Self::Object(fields.fields)
    }

    fn text(json: String) -> Self {
        Self::Text(json)
    }
}

/// From how many fields on keys are looked up by their hash.
const MANY: usize = 24;

/// Fields in the order of the text.
#[derive(Default)]
pub(super) struct Ordered<'t> {
    fields: Vec<Field<'t>>,
    /// The place of each key, if there are many.
    places: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Ordered<'t> {
    fn place(&self, key: &str) -> Option<usize> {
        if self.places.is_empty() {
            self.fields.iter().position(|(name, _)| name == key)
        } else {
            self.places.get(key).copied()
        }
    }
}

impl<'t> Fields<'t, Document<'t>> for Ordered<'t> {
    fn contains(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    fn insert(&mut self, key: Cow<'t, str>, value: Document<'t>) {
        let place = self.place(&key);
        if let Some((_, replaced)) = place.and_then(|place| self.fields.get_mut(place)) {
            *replaced = value;
            return;
        }
        if !self.places.is_empty() {
            self.places.insert(key.clone(), self.fields.len());
        }
        self.fields.push((key, value));
        if self.places.is_empty() && self.fields.len() >= MANY {
            let keys = self.fields.iter().map(|(name, _)| name.clone());
            self.places = keys.zip(0..).collect();
        }
    }
}
