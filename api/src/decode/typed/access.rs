//! The way into lists, maps and structs.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use serde_json::{Map, Value};

use super::path::{Path, Step};
use super::{Error, NULL, Node, Role, zero};
use crate::facts::{self, Field};

pub(super) struct Items<'de, 'p> {
    pub(super) node: Node<'de, 'p>,
    pub(super) items: std::slice::Iter<'de, Value>,
    pub(super) index: usize,
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
            role: Role::Kept,
        })
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map, or the fields of a struct.
pub(super) struct Fields<'de, 'p> {
    node: Node<'de, 'p>,
    map: Option<&'de Map<String, Value>>,
    fields: Option<serde_json::map::Iter<'de>>,
    current: Option<(&'de str, &'de Value, Role)>,
    owner: &'static str,
    /// What is known of the struct's fields; of a map there is nothing to know.
    facts: &'static [Field],
    /// The facts of those that are always written and have not yet been filled in.
    unset: std::slice::Iter<'static, Field>,
    /// The fields that the type has.
    known: &'static [&'static str],
}

impl<'de, 'p> Fields<'de, 'p> {
    /// The entries of a map.
    pub(super) fn entries(node: Node<'de, 'p>, map: Option<&'de Map<String, Value>>) -> Self {
        Self {
            node,
            map,
            fields: map.map(Map::iter),
            current: None,
            owner: "",
            facts: &[],
            unset: [].iter(),
            known: &[],
        }
    }

    /// The fields of a struct.
    pub(super) fn new(
        node: Node<'de, 'p>,
        map: Option<&'de Map<String, Value>>,
        owner: &'static str,
        known: &'static [&'static str],
    ) -> Self {
        let facts = match (node.path.step, map) {
            // kinds of one name are told apart by their version
            (Step::Root, Some(map)) => {
                let api_version = map.get("apiVersion").and_then(Value::as_str);
                facts::fields(facts::owner(api_version.unwrap_or_default(), owner))
            }
            _ => facts::fields(owner),
        };
        Self {
            owner,
            facts,
            unset: facts.iter(),
            known,
            ..Self::entries(node, map)
        }
    }

    /// `kind` and `apiVersion` of a root object say which type this is; they are no field of it. Those of
    /// an object in another are, and take no empty text.
    fn is_type_meta(&self, key: &str, value: &Value) -> bool {
        let root = matches!(self.node.path.step, Step::Root);
        matches!(key, "kind" | "apiVersion") && (root || (!self.owner.is_empty() && value == ""))
    }

    /// What stands in the document: the next field, and what its value is to the struct.
    fn next_set(&mut self) -> Option<(&'de str, &'de Value, Role)> {
        loop {
            let (key, value) = self.fields.as_mut()?.next()?;
            let is_unset = value.is_null() && self.always(key).is_some();
            if self.is_type_meta(key, value) || is_unset || self.node.report.dropped.contains(value)
            {
                continue;
            }
            let role = if !self.owner.is_empty() && zero::is_zero(value) {
                self.role(key)
            } else {
                Role::Kept
            };
            return Some((key, value, role));
        }
    }

    /// What a zero is to the struct, in a field.
    fn role(&self, key: &str) -> Role {
        if zero::is_kept(self.owner, key) {
            return Role::Kept;
        }
        let fact = self.facts.iter().find(|f| f.name == key);
        if fact.is_some_and(|f| f.keeps_empty || f.always.is_some()) {
            Role::OmittedIfNoItems
        } else {
            Role::Omitted
        }
    }

    /// What Go always writes of a field, if that is something and the type has the field.
    fn always(&self, key: &str) -> Option<&'static Value> {
        let fact = self.facts.iter().find(|f| f.name == key)?;
        let written = zero::written(fact.always?)?;
        self.known.contains(&key).then_some(written)
    }

    /// The next absent field that Go always writes.
    fn next_unset(&mut self) -> Option<(&'de str, &'de Value, Role)> {
        loop {
            let fact = self.unset.next()?;
            let always = fact.always?; // those stand first
            let is_set =
                (self.map.and_then(|map| map.get(fact.name))).is_some_and(|v| !v.is_null());
            if is_set || !self.known.contains(&fact.name) {
                continue;
            }
            if let Some(value) = zero::written(always) {
                return Some((fact.name, value, Role::Unset));
            }
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.next_set().or_else(|| self.next_unset());
        match self.current {
            Some((key, ..)) => seed.deserialize(StrDeserializer::new(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value, role) = self.current.take().unwrap_or(("", &NULL, Role::Unset));
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
            role,
        })
    }
}
