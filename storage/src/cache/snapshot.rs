//! The current entries, ordered by key.
//!
//! They are kept in leaves that readers share: a read takes references to leaves, not to each entry, so that
//! changes and other reads wait for a long list only briefly. A leaf that is being read is copied when it
//! changes.

mod leaf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use crate::turn::Turn;
use crate::{Entry, Event};

use leaf::Leaf;

/// A leaf with more entries is divided.
const MOST: usize = 256;
/// A leaf with fewer is joined to the next one, if both together have at most [`JOINED`].
const FEW: usize = MOST / 4;
/// See [`FEW`].
const JOINED: usize = MOST / 2;

/// The current entries.
pub(super) struct Snapshot {
    /// Each leaf by a key that is not greater than its own keys, and greater than those of the leaf before it. The
    /// first one is always there, by the empty key.
    leaves: BTreeMap<Arc<str>, Arc<Leaf>>,
}

/// A range of a snapshot, as it was when it was taken.
#[derive(Default)]
pub(super) struct Taken {
    parts: Vec<(Arc<Leaf>, std::ops::Range<usize>)>,
    len: usize,
    /// How many entries of the range follow.
    pub(super) remaining: usize,
}

impl Taken {
    /// The entries, in the order of their keys.
    pub(super) fn into_entries(self) -> Vec<Arc<Entry>> {
        let mut entries = Vec::with_capacity(self.len);
        for (leaf, places) in self.parts {
            entries.extend_from_slice(leaf.at(places));
        }
        entries
    }

    /// As [`Taken::into_entries`], in turns with other tasks.
    pub(super) async fn collect(self) -> Vec<Arc<Entry>> {
        let mut entries = Vec::with_capacity(self.len);
        let mut turn = Turn::begin();
        for (leaf, places) in self.parts {
            entries.extend_from_slice(leaf.at(places));
            turn.step().await;
        }
        entries
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Snapshot {
    /// A snapshot of entries that are in the order of their keys.
    pub(super) fn of(entries: &[Arc<Entry>]) -> Self {
        let mut leaves = BTreeMap::from([("".into(), Arc::default())]);
        for (at, leaf) in entries.chunks(MOST - FEW).enumerate() {
            let first = leaf.first().filter(|_| at > 0);
            let key = first.map_or_else(|| "".into(), |first| first.key.clone());
            leaves.insert(key, Arc::new(Leaf::of(leaf)));
        }
        Self { leaves }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        let until = (Unbounded, Included(key));
        let (_, leaf) = self.leaves.range::<str, _>(until).next_back()?;
        leaf.get(key)
    }

    /// At most `limit` entries (zero for all) whose keys start with `prefix` and are greater than `after`.
    pub(super) fn take(&self, prefix: &str, after: Option<&str>, limit: usize) -> Taken {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let start = after.filter(|after| *after >= prefix).unwrap_or(prefix);
        let until = (Unbounded, Included(start));
        let first = self.leaves.range::<str, _>(until).next_back();
        let others = self.leaves.range::<str, _>((Excluded(start), Unbounded));
        let mut taken = Taken::default();
        for (key, leaf) in first.into_iter().chain(others) {
            let places = leaf.places(prefix, after);
            // The first leaf may have only keys before the range; a later one without any of it lies behind it.
            if places.is_empty() && **key > *start {
                break;
            }
            let length = places.len().min(limit - taken.len);
            taken.len += length;
            taken.remaining += places.len() - length;
            if length > 0 {
                let places = places.start..places.start + length;
                taken.parts.push((leaf.clone(), places));
            }
        }
        taken
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Put { entry, .. } => self.put(entry),
            Event::Delete { previous, .. } => self.remove(&previous.key),
            Event::Progress(_) => {}
        }
    }

    fn put(&mut self, entry: &Arc<Entry>) {
        let until = (Unbounded, Included(&*entry.key));
        let Some((_, leaf)) = self.leaves.range_mut::<str, _>(until).next_back() else {
            return;
        };
        let leaf = Arc::make_mut(leaf);
        leaf.put(entry);
        if leaf.len() > MOST
            && let Some((key, end)) = leaf.divide()
        {
            self.leaves.insert(key, Arc::new(end));
        }
    }

    fn remove(&mut self, key: &str) {
        let until = (Unbounded, Included(key));
        let Some((start, leaf)) = self.leaves.range_mut::<str, _>(until).next_back() else {
            return;
        };
        if leaf.get(key).is_none() {
            return;
        }
        Arc::make_mut(leaf).remove(key);
        let (start, len) = (start.clone(), leaf.len());
        if len == 0 && !start.is_empty() {
            // An empty leaf would look like the end of a range.
            self.leaves.remove(&start);
        } else if len < FEW {
            self.join(&start, len);
        }
    }

    /// Joins the leaf at `start`, of so many entries, to the next one, if they are few.
    fn join(&mut self, start: &str, len: usize) {
        let after = (Excluded(start), Unbounded);
        let next = self.leaves.range::<str, _>(after).next();
        let next = next.filter(|(_, next)| next.len() + len <= JOINED);
        let Some(next) = next.map(|(key, _)| key.clone()) else {
            return;
        };
        if let (Some(next), Some(leaf)) = (self.leaves.remove(&next), self.leaves.get_mut(start)) {
            Arc::make_mut(leaf).append(&next);
        }
    }
}
