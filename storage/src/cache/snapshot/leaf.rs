//! A part of a snapshot.

use std::ops::Range;
use std::sync::Arc;

use crate::Entry;

/// Entries in the order of their keys.
#[derive(Clone, Default)]
pub(super) struct Leaf(Vec<Arc<Entry>>);

impl Leaf {
    /// A leaf of entries that are in the order of their keys.
    pub(super) fn of(entries: &[Arc<Entry>]) -> Self {
        Self(entries.to_vec())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.0.get(self.place(key).ok()?)
    }

    /// The entries at these places.
    pub(super) fn at(&self, places: Range<usize>) -> &[Arc<Entry>] {
        self.0.get(places).unwrap_or_default()
    }

    /// The places of the keys that start with `prefix` and are greater than `after`.
    pub(super) fn places(&self, prefix: &str, after: Option<&str>) -> Range<usize> {
        let before = |entry: &Arc<Entry>| match after {
            Some(after) if after >= prefix => *entry.key <= *after,
            _ => *entry.key < *prefix,
        };
        // Only the first leaf of a range begins before it.
        let start = match self.0.first() {
            Some(first) if before(first) => self.0.partition_point(before),
            _ => 0,
        };
        let rest = self.at(start..self.len());
        // Most leaves of a long range are all in it.
        let all = |last: &Arc<Entry>| last.key.starts_with(prefix);
        let length = match rest.last() {
            Some(last) if !all(last) => rest.partition_point(all),
            _ => rest.len(),
        };
        start..start + length
    }

    pub(super) fn put(&mut self, entry: &Arc<Entry>) {
        match self.place(&entry.key) {
            Ok(at) => {
                if let Some(old) = self.0.get_mut(at) {
                    *old = entry.clone();
                }
            }
            Err(at) => self.0.insert(at, entry.clone()),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Ok(at) = self.place(key) {
            self.0.remove(at);
        }
    }

    /// Splits off the second half, and returns it with its first key.
    pub(super) fn divide(&mut self) -> Option<(Arc<str>, Self)> {
        let end = self.0.split_off(self.len() / 2);
        let key = end.first()?.key.clone();
        Some((key, Self(end)))
    }

    /// Adds the entries of the next leaf.
    pub(super) fn append(&mut self, next: &Self) {
        self.0.extend_from_slice(&next.0);
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|entry| (*entry.key).cmp(key))
    }
}
