//! Those who keep something of their own up to date with the store.

use std::sync::Arc;

use crate::{Entry, Event};

/// Keeps something up to date with a part of the store, such as an index.
///
/// Called in order, one call at a time, and on the way of every change: it must be quick, and must
/// not wait for anything that waits for the cache.
pub trait Observer: Send + Sync {
    /// Begin anew with these entries: at first, and when changes may have been missed.
    fn reset(&self, entries: &[Arc<Entry>]);

    /// One change; never [`Event::Progress`].
    fn apply(&self, event: &Event);
}

/// All of them.
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

    /// Shows them everything; `all` is in the order of keys.
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
