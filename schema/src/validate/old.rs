//! Correlates old values with new ones.

use std::collections::HashMap;

use serde_json::Value;

use crate::arena::{Flags, NodeRef};
use crate::list_type::key;

/// The old value that corresponds to a new one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Old<'v>(&'v Value);

impl<'v> Old<'v> {
    pub(super) const fn new(value: &'v Value) -> Self {
        Self(value)
    }

    pub(super) fn equals(self, value: &Value) -> bool {
        self.0 == value
    }

    pub(super) fn field(self, name: &str) -> Option<Self> {
        self.0.get(name).map(Self)
    }

    /// The old items of a list, if they can be correlated.
    pub(super) fn items<'s>(self, node: NodeRef<'s>) -> Option<OldItems<'v, 's>> {
        let items = self.0.as_array()?;
        if node.has(Flags::LIST_MAP) {
            let names = node.list_keys();
            let keyed = items
                .iter()
                .map(|item| (key(item, &names).to_string(), item));
            return Some(OldItems::ByKey(keyed.collect(), names));
        }
        let by_index = !node.has(Flags::LIST_SET) && !node.has(Flags::LIST_ATOMIC);
        by_index.then_some(OldItems::ByIndex(items))
    }
}

/// The items of an old list.
pub(super) enum OldItems<'v, 's> {
    ByIndex(&'v [Value]),
    ByKey(HashMap<String, &'v Value>, Vec<&'s str>),
}

impl<'v> OldItems<'v, '_> {
    /// The old item that corresponds to the new one at an index.
    pub(super) fn item(&self, index: usize, new: &Value) -> Option<Old<'v>> {
        let old = match self {
            Self::ByIndex(items) => items.get(index)?,
            Self::ByKey(items, names) => items.get(&key(new, names).to_string())?,
        };
        (!old.is_null()).then_some(Old(old))
    }
}
