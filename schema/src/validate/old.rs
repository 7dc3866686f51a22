//! The old value beside the new.

use std::collections::HashMap;

use serde_json::Value;

use crate::arena::{Flags, NodeRef};
use crate::list_type::key;

/// The value that stood where a new one stands.
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

    /// The old items of a list, if they can be told apart.
    pub(super) fn items<'s>(self, node: NodeRef<'s>) -> Option<OldItems<'v, 's>> {
        let items = self.0.as_array()?;
        if node.has(Flags::LIST_MAP) {
            let names = node.list_keys();
            let keyed = items
                .iter()
                .map(|item| (key(item, &names).to_string(), item));
            return Some(OldItems::ByKey(keyed.collect(), names));
        }
        let by_place = !node.has(Flags::LIST_SET) && !node.has(Flags::LIST_ATOMIC);
        by_place.then_some(OldItems::ByPlace(items))
    }
}

/// The items of an old list.
pub(super) enum OldItems<'v, 's> {
    ByPlace(&'v [Value]),
    ByKey(HashMap<String, &'v Value>, Vec<&'s str>),
}

impl<'v> OldItems<'v, '_> {
    /// The item that stood for the one that is now at a place.
    pub(super) fn item(&self, place: usize, new: &Value) -> Option<Old<'v>> {
        let old = match self {
            Self::ByPlace(items) => items.get(place)?,
            Self::ByKey(items, names) => items.get(&key(new, names).to_string())?,
        };
        (!old.is_null()).then_some(Old(old))
    }
}
