//! Correlates old values with new ones, for `oldSelf` and for values that did not change
//! (`k8s.io/apiserver/pkg/cel/common`, `CorrelatedObject` and `MapList`).

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value;

use crate::arena::{Flags, NodeRef};

/// A value of the new object with its ancestors, and the old values that correspond to them.
#[derive(Debug)]
pub(super) struct Correlation<'w> {
    value: &'w Value,
    old: Option<&'w Value>,
    parent: Option<&'w Correlation<'w>>,
    /// The result of [`is_unchanged`](Self::is_unchanged), once it is known: many rules may ask.
    unchanged: Cell<Option<bool>>,
}

impl<'w> Correlation<'w> {
    pub(super) const fn new(
        value: &'w Value,
        old: Option<&'w Value>,
        parent: Option<&'w Correlation<'w>>,
    ) -> Self {
        Self {
            value,
            old,
            parent,
            unchanged: Cell::new(None),
        }
    }

    /// Whether the value or one of its ancestors is equal to its old value.
    pub(super) fn is_unchanged(&self) -> bool {
        if let Some(known) = self.unchanged.get() {
            return known;
        }
        let found = self.parent.is_some_and(Self::is_unchanged)
            || self.old.is_some_and(|old| old == self.value);
        self.unchanged.set(Some(found));
        found
    }
}

/// The items of an old list by their keys; empty unless the list is of type `map`.
pub(super) struct OldItems<'w, 's> {
    keys: Vec<&'s str>,
    items: HashMap<String, &'w Value>,
}

impl<'w, 's> OldItems<'w, 's> {
    pub(super) fn of(node: NodeRef<'s>, old: Option<&'w Value>) -> Self {
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
        Self { keys, items }
    }

    /// The old item with the keys of a new one.
    pub(super) fn get(&self, new: &Value) -> Option<&'w Value> {
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
