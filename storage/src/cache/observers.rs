//! Observers, which keep data of their own in sync with the store.

use std::sync::Arc;

use crate::{Entry, Event};

/// Keeps data, such as an index, in sync with a part of the store.
///
/// Called in order, one call at a time, on the path of every change: it must be fast, and must not
/// wait for anything that waits for the cache.
pub trait Observer: Send + Sync {
    /// Replaces everything by these entries: at the start, and when changes may have been missed.
    fn reset(&self, entries: &[Arc<Entry>]);

    /// Applies one change; never called with [`Event::Progress`].
    fn apply(&self, event: &Event);
}

#[derive(Default)]
pub(super) struct Observers(Vec<(Box<str>, Box<dyn Observer>)>);

impl Observers {
    pub(super) fn add(
        &mut self,
        prefix: &str,
        observer: Box<dyn Observer>,
        entries: &[Arc<Entry>],
    ) {
        observer.reset(entries);
        self.0.push((prefix.into(), observer));
    }

    /// Resets all observers; `all` is sorted by key.
    pub(super) fn reset(&self, all: &[Arc<Entry>]) {
        for (prefix, observer) in &self.0 {
            let start = all.partition_point(|entry| *entry.key < **prefix);
            let length = all[start..].partition_point(|entry| entry.key.starts_with(&**prefix));
            observer.reset(&all[start..start + length]);
        }
    }

    pub(super) fn apply(&self, event: &Event) {
        let Some(key) = event.key() else { return };
        for (_, observer) in self
            .0
            .iter()
            .filter(|(prefix, _)| key.starts_with(&**prefix))
        {
            observer.apply(event);
        }
    }
}
