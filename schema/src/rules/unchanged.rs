//! Values that did not change, about which no rule complains.

use std::cell::Cell;

use serde_json::Value;

use crate::correlate::Old;

/// A value of the new object with its ancestors, and the old values that correspond to them.
#[derive(Debug)]
pub(super) struct Correlation<'w> {
    value: &'w Value,
    old: Option<Old<'w>>,
    parent: Option<&'w Correlation<'w>>,
    /// The result of [`is_unchanged`](Self::is_unchanged), once it is known: many rules may ask.
    unchanged: Cell<Option<bool>>,
}

impl<'w> Correlation<'w> {
    pub(super) const fn new(
        value: &'w Value,
        old: Option<Old<'w>>,
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
            || self.old.is_some_and(|old| old.equals(self.value));
        self.unchanged.set(Some(found));
        found
    }
}
