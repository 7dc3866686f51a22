//! Correlates old values with new ones: by name in objects and maps, by key in lists of type `map`, and not at all
//! in other lists (`k8s.io/apiserver/pkg/cel/common`, `CorrelatedObject` and `MapList`).

use std::collections::HashMap;

use serde_json::Value;

use crate::arena::{Flags, NodeRef};

/// The old value that corresponds to a new one, with its schema. A branch of the schema does not change it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old<'v> {
    node: NodeRef<'v>,
    value: &'v Value,
}

impl<'v> Old<'v> {
    pub(crate) const fn new(node: NodeRef<'v>, value: &'v Value) -> Self {
        Self { node, value }
    }

    /// The old value of a field that the schema declares, or of a key of a map.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let value = self.value.get(name)?;
        let node = self.node.property(name).or_else(|| self.node.values())?;
        Some(Self { node, value })
    }

    /// The old items of a list.
    pub(crate) fn items(self) -> OldItems<'v> {
        OldItems::of(self.node, Some(self.value))
    }

    /// Whether a new value is equal, apart from the order of lists of type `map`. Upstream does not compare items
    /// without their keys, nor fields that the schema does not declare; here, an unchanged object is always valid.
    pub(crate) fn equals(self, new: &Value) -> bool {
        let same_parts = match (self.value, new) {
            (Value::Array(old), Value::Array(new)) if self.node.has(Flags::LIST_MAP) => {
                let items = self.items();
                let known = |item| items.item(item).is_some_and(|old| old.equals(item));
                old.len() == new.len() && new.iter().all(known)
            }
            (Value::Object(old), Value::Object(new)) => {
                let mut fields = new.iter();
                let known = |(name, value): (&String, &Value)| match self.field(name) {
                    Some(old) => old.equals(value),
                    None => old.get(name) == Some(value),
                };
                old.len() == new.len() && fields.all(known)
            }
            _ => false,
        };
        same_parts || self.value == new
    }
}

/// The items of an old list by their keys; empty unless the list is of type `map`.
pub(crate) struct OldItems<'v> {
    node: Option<NodeRef<'v>>,
    keys: Vec<&'v str>,
    items: HashMap<String, &'v Value>,
}

impl<'v> OldItems<'v> {
    pub(crate) fn of(node: NodeRef<'v>, old: Option<&'v Value>) -> Self {
        let old = old.and_then(Value::as_array);
        let (keys, old) = match old {
            Some(old) if node.has(Flags::LIST_MAP) => (node.list_keys(), old.as_slice()),
            _ => (Vec::new(), &[][..]),
        };
        let mut items = HashMap::with_capacity(old.len());
        for item in old {
            if let Some(key) = key(item, &keys) {
                // as upstream, the first of equal ones counts
                items.entry(key).or_insert(item);
            }
        }
        Self {
            node: node.items(),
            keys,
            items,
        }
    }

    /// The old item with the keys of a new one, and its schema.
    pub(crate) fn item(&self, new: &Value) -> Option<Old<'v>> {
        Some(Old::new(self.node?, self.get(new)?))
    }

    /// The old item with the keys of a new one.
    pub(crate) fn get(&self, new: &Value) -> Option<&'v Value> {
        if self.items.is_empty() {
            return None;
        }
        self.items.get(&key(new, &self.keys)?).copied()
    }
}

/// The values of the keys of an item, if it has them all and they are scalars.
fn key(item: &Value, names: &[&str]) -> Option<String> {
    let fields = item.as_object()?;
    let mut out = String::new();
    for name in names {
        let value = fields.get(*name)?;
        if value.is_null() || value.is_array() || value.is_object() {
            return None;
        }
        out.push('\0');
        out.push_str(&value.to_string());
    }
    Some(out)
}
