//! Maps and objects, of the data or created by expressions.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::decl::{DYN, DeclType, ObjectType, escape};
use crate::types::Type;
use crate::value::{Evaluated, Text, Value};

/// A map or an object.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// A part of the data.
    #[doc(hidden)]
    Json(&'a serde_json::Map<String, Json>, Shape<'a>),
    /// Created by the expression.
    #[doc(hidden)]
    Values(Arc<Entries<'a>>),
}

/// The declared type of a map of the data.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// It has declared fields.
    #[doc(hidden)]
    Object(&'a Arc<ObjectType>),
    /// Its values have a common type.
    #[doc(hidden)]
    Map(&'a DeclType),
}

/// The entries of a map that an expression created.
#[derive(Clone, Debug, Default)]
pub struct Entries<'a> {
    /// The object's type, if it is an object.
    pub(crate) object: Option<Arc<ObjectType>>,
    pub(crate) entries: BTreeMap<Key<'a>, Value<'a>>,
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) enum Key<'a> {
    #[doc(hidden)]
    Bool(bool),
    #[doc(hidden)]
    Int(i64),
    #[doc(hidden)]
    Uint(u64),
    #[doc(hidden)]
    String(Text<'a>),
}

impl<'a> Entries<'a> {
    /// Shared entries of a map.
    pub(crate) fn of(entries: BTreeMap<Key<'a>, Value<'a>>) -> Arc<Self> {
        Arc::new(Self {
            object: None,
            entries,
        })
    }
}

impl<'a> Key<'a> {
    /// The key of a value, if it can be one. A double without a fraction is the same key as an
    /// integer.
    pub(crate) fn of(value: &Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::String(text) => Self::String(text.clone()),
            Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Self::Int(*value as i64)
            }
            _ => return None,
        })
    }

    pub(crate) fn to_value(&self) -> Value<'a> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::String(text) => Value::String(text.clone()),
        }
    }
}

/// The order of keys; numbers of different types are the same key if they are equal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'k> {
    Bool(bool),
    Number(i128),
    String(&'k str),
}

/// Keys of any lifetime, for lookups.
trait AsRank {
    fn rank(&self) -> Rank<'_>;
}

impl AsRank for Key<'_> {
    fn rank(&self) -> Rank<'_> {
        match self {
            Self::Bool(value) => Rank::Bool(*value),
            Self::Int(value) => Rank::Number(i128::from(*value)),
            Self::Uint(value) => Rank::Number(i128::from(*value)),
            Self::String(text) => Rank::String(text.as_str()),
        }
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Key<'_> {}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl<'a, 'k> Borrow<dyn AsRank + 'k> for Key<'a>
where
    'a: 'k,
{
    fn borrow(&self) -> &(dyn AsRank + 'k) {
        self
    }
}

impl PartialEq for dyn AsRank + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for dyn AsRank + '_ {}

impl PartialOrd for dyn AsRank + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn AsRank + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Keys and values of a map.
pub(crate) enum Pairs<'m, 'a> {
    Json(serde_json::map::Iter<'a>, &'a DeclType),
    Values(btree_map::Iter<'m, Key<'a>, Value<'a>>),
}

impl<'a> Iterator for Pairs<'_, 'a> {
    type Item = (Key<'a>, Evaluated<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Json(pairs, decl) => {
                let (name, value) = pairs.next()?;
                (
                    Key::String(Text::Borrowed(name)),
                    Value::of_json(value, decl),
                )
            }
            Self::Values(pairs) => {
                let (key, value) = pairs.next()?;
                (key.clone(), Ok(value.clone()))
            }
        })
    }
}

impl<'a> Map<'a> {
    pub(crate) fn made(entries: BTreeMap<Key<'a>, Value<'a>>) -> Self {
        Self::Values(Entries::of(entries))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(map, _) => map.len(),
            Self::Values(values) => values.entries.len(),
        }
    }

    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Json(_, Shape::Object(object)) => Type::Object(Arc::clone(object)),
            Self::Values(values) if values.object.is_some() => {
                values.object.clone().map_or(Type::Dyn, Type::Object)
            }
            Self::Json(..) | Self::Values(_) => Type::map(Type::Dyn, Type::Dyn),
        }
    }

    /// Whether it is an object, which is not iterable.
    pub(crate) fn is_object(&self) -> bool {
        match self {
            Self::Json(_, shape) => matches!(shape, Shape::Object(_)),
            Self::Values(values) => values.object.is_some(),
        }
    }

    /// The value of a field, or of a string key.
    pub(crate) fn field(&self, name: &str) -> Option<Evaluated<'a>> {
        match self {
            Self::Json(map, Shape::Map(decl)) => {
                map.get(name).map(|value| Value::of_json(value, decl))
            }
            Self::Json(map, Shape::Object(object)) => {
                if let Some(field) = object.field(name) {
                    return field
                        .value(map)
                        .map(|value| Value::of_json(value, &field.decl));
                }
                let value = object.open.then(|| map.get(name)).flatten()?;
                Some(Value::of_json(value, &DYN))
            }
            Self::Values(values) => {
                let key = Key::String(Text::Borrowed(name));
                let key: &dyn AsRank = &key;
                values.entries.get(key).cloned().map(Ok)
            }
        }
    }

    /// The value of a field by its name in JSON, even if expressions cannot access it.
    pub(crate) fn declared_key(&self, json_name: &str) -> Option<Evaluated<'a>> {
        match self {
            Self::Json(map, _) => map.get(json_name).map(|value| Value::of_json(value, &DYN)),
            Self::Values(_) => match escape(json_name) {
                Some(name) => self.field(&name),
                None => self.field(json_name),
            },
        }
    }

    /// The data of an object and its type.
    pub(crate) fn as_json_object(
        &self,
    ) -> Option<(&'a serde_json::Map<String, Json>, &'a ObjectType)> {
        match self {
            Self::Json(map, Shape::Object(object)) => Some((map, object)),
            Self::Json(_, Shape::Map(_)) | Self::Values(_) => None,
        }
    }

    /// Whether a field is set.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Json(map, Shape::Object(object)) => match object.field(name) {
                Some(field) => field.value(map).is_some(),
                None => object.open && map.contains_key(name),
            },
            Self::Json(map, Shape::Map(_)) => map.contains_key(name),
            Self::Values(_) => self.field(name).is_some(),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &Value<'a>) -> Option<Evaluated<'a>> {
        if let Value::String(text) = key {
            return self.field(text.as_str());
        }
        match self {
            Self::Values(values) => values.entries.get(&Key::of(key)?).cloned().map(Ok),
            Self::Json(..) => None,
        }
    }

    /// Keys and values, in the order of the keys.
    pub(crate) fn iter(&self) -> Pairs<'_, 'a> {
        match self {
            Self::Json(map, Shape::Map(decl)) => Pairs::Json(map.iter(), decl),
            Self::Json(map, Shape::Object(_)) => Pairs::Json(map.iter(), &DYN),
            Self::Values(values) => Pairs::Values(values.entries.iter()),
        }
    }

    /// The fields of an object that are set, by name.
    pub(crate) fn declared_fields(&self) -> Vec<(&str, Evaluated<'a>)> {
        match self {
            Self::Json(map, Shape::Object(object)) => {
                let present = object.fields.iter().filter_map(|field| {
                    let value = field.value(map)?;
                    Some((&*field.name, Value::of_json(value, &field.decl)))
                });
                present.collect()
            }
            Self::Json(map, Shape::Map(decl)) => {
                let entry =
                    |(name, value): (&'a String, _)| (name.as_str(), Value::of_json(value, decl));
                map.iter().map(entry).collect()
            }
            Self::Values(values) => {
                let text = values.entries.iter().filter_map(|(key, value)| match key {
                    Key::String(text) => Some((text.as_str(), Ok(value.clone()))),
                    Key::Bool(_) | Key::Int(_) | Key::Uint(_) => None,
                });
                text.collect()
            }
        }
    }
}
