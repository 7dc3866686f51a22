//! The current entries, ordered by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Entry, Event, range};

#[derive(Default)]
pub(super) struct Snapshot {
    entries: BTreeMap<Arc<str>, Arc<Entry>>,
}

impl Snapshot {
    pub(super) fn of(entries: &[Arc<Entry>]) -> Self {
        Self {
            entries: entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.clone()))
                .collect(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// A page of the keys that start with `prefix`, and how many follow it.
    pub(super) fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Arc<Entry>>, usize) {
        let entries = range::keys_in(&self.entries, prefix, after).map(|(_, entry)| entry.clone());
        range::page(entries, limit)
    }

    /// The entries of all keys that start with `prefix`.
    pub(super) fn all_in(&self, prefix: &str) -> Vec<Arc<Entry>> {
        self.page(prefix, None, 0).0
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Put { entry, .. } => {
                self.entries.insert(entry.key.clone(), entry.clone());
            }
            Event::Delete { previous, .. } => {
                self.entries.remove(&previous.key);
            }
            Event::Progress(_) => {}
        }
    }
}
