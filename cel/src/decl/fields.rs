//! The fields of a declared object, in little memory: definitions declare thousands.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Fields, sorted by name.
#[derive(Debug, PartialEq)]
pub(crate) struct Fields<D>(Box<[Field<D>]>);

/// A field of an object, with a declared type.
#[derive(Debug, PartialEq)]
pub(crate) struct Field<D> {
    /// Its name in expressions.
    pub(crate) name: Box<str>,
    /// Its name in JSON, if that is another.
    json_name: Option<Box<str>>,
    pub(crate) decl: D,
}

impl<D> Fields<D> {
    pub(crate) fn get(&self, name: &str) -> Option<&Field<D>> {
        let at = self.0.binary_search_by(|field| (*field.name).cmp(name));
        self.0.get(at.ok()?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field<D>> {
        self.0.iter()
    }
}

impl<D> Default for Fields<D> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<D> From<BTreeMap<Box<str>, Field<D>>> for Fields<D> {
    fn from(fields: BTreeMap<Box<str>, Field<D>>) -> Self {
        Self(fields.into_values().collect())
    }
}

impl<D> Field<D> {
    pub(crate) fn new(name: &str, json_name: &str, decl: D) -> Self {
        Self {
            name: name.into(),
            json_name: (name != json_name).then(|| json_name.into()),
            decl,
        }
    }

    pub(crate) fn json_name(&self) -> &str {
        self.json_name.as_ref().unwrap_or(&self.name)
    }

    /// The value in an object. As upstream, a field that is null is missing.
    pub(crate) fn value<'a>(&self, map: &'a serde_json::Map<String, Json>) -> Option<&'a Json> {
        map.get(self.json_name()).filter(|value| !value.is_null())
    }
}
