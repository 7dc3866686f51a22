//! Access to the contents of lists, maps and structs.

use super::path::{Path, Step};
use super::source::{Array, Entries, Object, Source};
use super::{Error, NULL, Node, Role, zero};
use crate::type_metadata::{self, Field};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

pub(super) struct Items<'de, 'p> {
    pub(super) node: Node<'de, 'p>,
    pub(super) items: Array<'de>,
    pub(super) index: usize,
}

// What is not generic is not compiled into the `Deserialize` of each kind.
impl<'de> Items<'de, '_> {
    #[inline(never)]
    fn advance(&mut self) -> Option<Node<'de, '_>> {
        let value = self.items.get(self.index)?;
        let path = Path {
            parent: Some(&self.node.path),
            step: Step::Index(self.index),
            owner: self.node.path.owner,
        };
        self.index += 1;
        Some(Node {
            value,
            path,
            report: self.node.report,
            role: Role::Kept,
        })
    }
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        match self.advance() {
            Some(item) => seed.deserialize(item).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.index)
    }
}

/// The entries of a map, or the fields of a struct.
pub(super) struct Fields<'de, 'p> {
    node: Node<'de, 'p>,
    map: Option<Object<'de>>,
    fields: Option<Entries<'de>>,
    current: Option<(&'de str, Source<'de>, Role)>,
    owner: &'static str,
    /// The metadata of the struct's fields; empty for a map.
    metadata: &'static [Field],
    /// The metadata of fields that are always written, as far as they have not been visited.
    unset: std::slice::Iter<'static, Field>,
    /// The names of the type's fields.
    known: &'static [&'static str],
}

impl<'de, 'p> Fields<'de, 'p> {
    /// The entries of a map.
    pub(super) fn entries(node: Node<'de, 'p>, map: Option<Object<'de>>) -> Self {
        Self {
            node,
            map,
            fields: map.map(Object::iter),
            current: None,
            owner: "",
            metadata: &[],
            unset: [].iter(),
            known: &[],
        }
    }

    /// The fields of a struct.
    pub(super) fn new(
        node: Node<'de, 'p>,
        map: Option<Object<'de>>,
        owner: &'static str,
        known: &'static [&'static str],
    ) -> Self {
        let metadata = match (node.path.step, map) {
            // kinds of the same name are distinguished by their version
            (Step::Root, Some(map)) => {
                let api_version = map.get("apiVersion").and_then(Source::as_str);
                type_metadata::fields(type_metadata::type_name(
                    api_version.unwrap_or_default(),
                    owner,
                ))
            }
            _ => type_metadata::fields(owner),
        };
        Self {
            owner,
            metadata,
            unset: metadata.iter(),
            known,
            ..Self::entries(node, map)
        }
    }

    /// Whether to skip `kind` or `apiVersion`. At the root they name the type and are not fields of
    /// it. In an object within another, upstream sets them to the type, whatever they are (upstream:
    /// `Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec`). References have them as fields, which a struct
    /// without metadata tells.
    fn is_type_meta(&self, key: &str, value: Source<'_>) -> bool {
        let root = matches!(self.node.path.step, Step::Root);
        let is_object = || self.known.contains(&"metadata") && value.is_string();
        matches!(key, "kind" | "apiVersion") && (root || is_object())
    }

    /// The next field in the document, as (name, value, role).
    fn next_set(&mut self) -> Option<(&'de str, Source<'de>, Role)> {
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

    /// The role of a zero value of a field.
    fn role(&self, key: &str) -> Role {
        if zero::is_kept(self.owner, key) {
            return Role::Kept;
        }
        let field = self.metadata.iter().find(|f| f.name == key);
        if field.is_some_and(|f| f.keeps_empty || f.always.is_some()) {
            Role::OmittedIfNoItems
        } else {
            Role::Omitted
        }
    }

    /// What Go writes for an unset field, unless it is null or the type does not have the field.
    fn always(&self, key: &str) -> Option<Source<'static>> {
        let field = self.metadata.iter().find(|f| f.name == key)?;
        let written = zero::written(field.always?)?;
        self.known.contains(&key).then_some(written)
    }

    /// The next unset field that Go always writes; a time that is not set is null.
    fn next_unset(&mut self) -> Option<(&'de str, Source<'de>, Role)> {
        loop {
            let field = self.unset.next()?;
            let always = field.always?; // those come first
            let given = self.map.and_then(|map| map.get(field.name));
            let written = zero::written(always);
            // where Go writes null, a null has been visited
            let is_set = given.is_some_and(|v| written.is_none() || !v.is_null());
            if is_set || !self.known.contains(&field.name) {
                continue;
            }
            let value = written.unwrap_or(NULL);
            return Some((field.name, value, Role::Unset));
        }
    }
}

impl<'de> Fields<'de, '_> {
    /// Goes on to the next field, and returns its name.
    #[inline(never)]
    fn advance(&mut self) -> Option<&'de str> {
        self.current = self.next_set().or_else(|| self.next_unset());
        self.current.map(|(key, ..)| key)
    }

    /// The value of that field.
    #[inline(never)]
    fn take(&mut self) -> Node<'de, '_> {
        let (key, value, role) = self.current.take().unwrap_or(("", NULL, Role::Unset));
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
        Node {
            value,
            path,
            report: self.node.report,
            role,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.advance() {
            Some(key) => seed.deserialize(StrDeserializer::new(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.take())
    }
}
