//! The type of each value in an object: from type metadata for built-in kinds, from the schema for custom ones.

mod built_in;
mod custom;

use std::borrow::Cow;

use portcullis_api::type_metadata::ListType;
use serde_json::Value;
use smol_str::SmolStr;

use self::built_in::BuiltIn;
use self::custom::{Below, Custom, Items};
use super::element::{Element, Scalar};

/// The type of a value, and whether it is atomic.
#[derive(Clone, Copy, Debug)]
pub enum FieldType<'s> {
    /// A value of a built-in kind.
    BuiltIn(BuiltIn),
    /// A value that the schema of a custom kind describes.
    Custom(Custom<'s>),
    /// The root of an object of a custom kind without a schema.
    DeducedObject,
    /// A value of a custom kind that is not described: objects are maps, lists are atomic.
    Deduced,
    /// An atomic value of a custom kind.
    Atomic,
}

impl<'s> FieldType<'s> {
    /// An object of a built-in kind.
    pub const fn of_kind(kind: &'static str) -> Self {
        Self::BuiltIn(BuiltIn::of_type(kind))
    }

    /// An object of a version of a custom kind, by the schema of that version.
    pub fn of_custom(schema: Option<&'s portcullis_schema::Schema>) -> Self {
        schema.map_or(Self::DeducedObject, |schema| {
            Self::Custom(Custom::of_object(schema.root()))
        })
    }

    const METADATA: Self = Self::of_kind("ObjectMeta");

    /// Whether an object here declares a field of that name, and is not a map that contains it as a key.
    pub fn declares(self, name: &str) -> bool {
        match self {
            Self::BuiltIn(built_in) => built_in.is_struct(),
            Self::Custom(custom) => custom.declares(name),
            Self::DeducedObject => matches!(name, "apiVersion" | "kind" | "metadata"),
            Self::Deduced | Self::Atomic => false,
        }
    }

    /// Whether an empty object here has a meaning. Empty maps of built-in kinds are not stored.
    pub fn keeps_empty(self) -> bool {
        match self {
            Self::BuiltIn(built_in) => built_in.is_struct(),
            Self::Custom(_) | Self::DeducedObject | Self::Deduced | Self::Atomic => true,
        }
    }

    /// Whether a declared field is removed once nothing is left of what was applied to it. In custom kinds a
    /// null remains, as upstream before 1.21 (`EnsureNamedFieldsAreMembers`).
    pub fn removes_empty(self, name: &str) -> bool {
        matches!(self, Self::BuiltIn(_)) && self.declares(name)
    }

    /// Whether an object here is atomic: owned and replaced as a whole.
    pub fn is_atomic(self) -> bool {
        match self {
            Self::BuiltIn(built_in) => built_in.is_atomic(),
            Self::Custom(custom) => custom.is_atomic(),
            Self::DeducedObject | Self::Deduced => false,
            Self::Atomic => true,
        }
    }

    /// A field of a struct, or an entry of a map.
    pub fn field(self, name: &str) -> Self {
        match self {
            Self::BuiltIn(built_in) => Self::BuiltIn(built_in.field(name)),
            Self::Custom(custom) => custom.field(name).into(),
            Self::DeducedObject if name == "metadata" => Self::METADATA,
            Self::DeducedObject | Self::Deduced => Self::Deduced,
            Self::Atomic => Self::Atomic,
        }
    }

    /// An item of a list whose items are distinguished.
    pub fn item(self) -> Self {
        match self {
            Self::BuiltIn(built_in) => Self::BuiltIn(built_in.item()),
            Self::Custom(custom) => custom.item().into(),
            Self::DeducedObject | Self::Deduced | Self::Atomic => Self::Atomic,
        }
    }

    /// The step down by an element.
    pub fn below(self, element: &Element) -> Self {
        match element {
            Element::Field(name) => self.field(name),
            Element::Key(_) | Element::Value(_) | Element::Index(_) => self.item(),
        }
    }

    /// The steps to the items of a list, in its order; `None` if the list is atomic, or an item cannot be
    /// distinguished.
    pub fn elements(self, items: &[Value]) -> Option<Vec<Element>> {
        match self.items() {
            Items::Atomic => None,
            by => items.iter().map(|item| self.step(&by, item)).collect(),
        }
    }

    /// Whether the items of a list here are distinguished.
    pub fn is_associative(self) -> bool {
        self.items() != Items::Atomic
    }

    /// The step to one item.
    pub fn element(self, item: &Value) -> Option<Element> {
        self.step(&self.items(), item)
    }

    /// The names of the fields that distinguish items.
    pub fn keys(self) -> Cow<'s, [&'s str]> {
        match self.items() {
            Items::Keys(keys) => keys,
            Items::Atomic | Items::Scalars => Cow::default(),
        }
    }

    fn items(self) -> Items<'s> {
        match self {
            Self::BuiltIn(built_in) => match built_in.list() {
                ListType::Unmarked | ListType::Atomic => Items::Atomic,
                ListType::Set => Items::Scalars,
                ListType::Map(keys) => Items::Keys(Cow::Borrowed(keys)),
            },
            Self::Custom(custom) => custom.items(),
            Self::DeducedObject | Self::Deduced | Self::Atomic => Items::Atomic,
        }
    }

    fn step(self, by: &Items<'_>, item: &Value) -> Option<Element> {
        match (by, item) {
            (Items::Keys(keys), Value::Object(fields)) => {
                let mut key: Vec<_> = (keys.iter())
                    .filter_map(|name| {
                        let value = fields.get(*name).cloned();
                        let value = value.or_else(|| self.key_default(name))?;
                        Some((SmolStr::from(*name), Scalar(value)))
                    })
                    .collect();
                key.sort_by(|(a, _), (b, _)| a.cmp(b));
                (!key.is_empty()).then_some(Element::Key(key))
            }
            (Items::Scalars, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Some(Element::Value(Scalar(item.clone())))
            }
            _ => None,
        }
    }

    fn key_default(self, key: &str) -> Option<Value> {
        match self {
            Self::BuiltIn(built_in) => built_in.key_default(key),
            Self::Custom(custom) => custom.key_default(key),
            Self::DeducedObject | Self::Deduced | Self::Atomic => None,
        }
    }
}

impl<'s> From<Below<'s>> for FieldType<'s> {
    fn from(below: Below<'s>) -> Self {
        match below {
            Below::Custom(custom) => Self::Custom(custom),
            Below::Metadata => Self::METADATA,
            Below::Deduced => Self::Deduced,
            Below::Atomic => Self::Atomic,
        }
    }
}

#[cfg(test)]
mod tests;
