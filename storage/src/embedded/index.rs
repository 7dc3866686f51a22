//! The store in memory: every key's versions, and the log of changes, back to the last compaction.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::History;
use crate::{Entry, Error, Event, Found, ListRequest, Page, ReadAt, Result, Revision, range};

/// The revision of a store that was never written to. As in etcd it is not zero, which readers
/// take for "any".
pub(super) const FIRST: Revision = 1;

/// Current state and history.
pub(super) struct Index {
    keys: BTreeMap<Arc<str>, Vec<Version>>,
    /// Every change after some revision not beyond `compacted`, without gaps: its last is of
    /// revision `revision`.
    log: VecDeque<Arc<Event>>,
    revision: Revision,
    compacted: Revision,
    /// About how many bytes only history holds.
    superseded: usize,
}

/// What a key was from one revision on; without an entry it was gone.
struct Version {
    revision: Revision,
    entry: Option<Arc<Entry>>,
}

/// What a compaction left behind in memory's place on disk: the records to be removed.
pub(super) type Garbage = Vec<Revision>;

impl Index {
    /// An index in which history before `compacted` is forgotten, to be filled with
    /// [`Index::restore`] and [`Index::apply`].
    pub(super) fn new(compacted: Revision) -> Self {
        Self {
            keys: BTreeMap::new(),
            log: VecDeque::new(),
            revision: compacted.max(FIRST),
            compacted,
            superseded: 0,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn compacted(&self) -> Revision {
        self.compacted
    }

    /// The entry under `key` as it is now.
    pub(super) fn latest(&self, key: &str) -> Option<&Arc<Entry>> {
        self.keys.get(key)?.last()?.entry.as_ref()
    }

    /// Reads `key`.
    pub(super) fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        let revision = self.resolve(at)?;
        let entry = self
            .keys
            .get(key)
            .and_then(|versions| entry_at(versions, revision));
        Ok(Found {
            entry: entry.cloned(),
            revision,
        })
    }

    /// Reads the keys that start with `prefix`.
    pub(super) fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        let revision = self.resolve(request.at)?;
        let live = range::keys_in(&self.keys, prefix, request.after.as_deref())
            .filter_map(|(_, versions)| entry_at(versions, revision).cloned());
        let (entries, remaining) = range::page(live, request.limit);
        Ok(Page {
            entries,
            revision,
            remaining,
        })
    }

    /// The revision to read at.
    fn resolve(&self, at: ReadAt) -> Result<Revision> {
        match at {
            ReadAt::Latest => Ok(self.revision),
            ReadAt::NotOlderThan(least) if least <= self.revision => Ok(self.revision),
            ReadAt::NotOlderThan(requested) => Err(self.too_new(requested)),
            ReadAt::Exactly(requested) if requested > self.revision => Err(self.too_new(requested)),
            ReadAt::Exactly(requested) if requested < self.compacted.max(FIRST) => {
                Err(self.forgotten(requested))
            }
            ReadAt::Exactly(exactly) => Ok(exactly),
        }
    }

    pub(super) fn too_new(&self, requested: Revision) -> Error {
        Error::TooNew {
            requested,
            current: self.revision,
        }
    }

    pub(super) fn forgotten(&self, requested: Revision) -> Error {
        Error::Compacted {
            requested,
            oldest: self.compacted.max(FIRST),
        }
    }

    /// Makes a change that became durable part of the state.
    pub(super) fn apply(&mut self, event: Arc<Event>) {
        let revision = event.revision();
        let (key, entry) = match &*event {
            Event::Put { entry, .. } => (&entry.key, Some(entry)),
            Event::Delete { previous, .. } => (&previous.key, None),
            Event::Progress(_) => return,
        };
        self.superseded += event.superseded();
        let version = Version {
            revision,
            entry: entry.cloned(),
        };
        match self.keys.get_mut(&**key) {
            Some(versions) => versions.push(version),
            None => {
                self.keys.insert(key.clone(), vec![version]);
            }
        }
        self.revision = revision;
        self.log.push_back(event);
    }

    /// Fills in what was so when history was forgotten; returns the record this supersedes.
    pub(super) fn restore(&mut self, key: &str, entry: Option<Arc<Entry>>) -> Option<Revision> {
        let before = match entry {
            Some(entry) => {
                let version = Version {
                    revision: entry.revision,
                    entry: Some(entry.clone()),
                };
                self.keys.insert(entry.key.clone(), vec![version])
            }
            None => self.keys.remove(key),
        };
        before.and_then(|versions| versions.last().map(|version| version.revision))
    }

    /// Up to `most` changes after `revision`, as they are in the log.
    pub(super) fn since(
        &self,
        revision: Revision,
        most: usize,
    ) -> Result<impl Iterator<Item = &Arc<Event>>> {
        let first = self
            .log
            .front()
            .map_or(self.revision + 1, |event| event.revision());
        // Nothing happened up to FIRST, so that nothing of it can be missing.
        let next = revision.max(FIRST) + 1;
        if next < first {
            return Err(self.forgotten(revision));
        }
        let skip = usize::try_from(next - first).unwrap_or(usize::MAX);
        Ok(self.log.iter().skip(skip).take(most))
    }

    /// Starts forgetting what was superseded at or before `revision`: readers can no longer ask
    /// for it. [`Index::trim`] does the work.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.compacted = self.compacted.max(revision);
    }

    /// Whether [`Index::trim`] has something to do.
    pub(super) fn has_forgotten(&self) -> bool {
        self.log
            .front()
            .is_some_and(|event| event.revision() <= self.compacted)
    }

    /// Forgets up to `most` changes that are not after the compacted revision. Empty when there is
    /// nothing left to forget.
    pub(super) fn trim(&mut self, most: usize) -> Garbage {
        let mut garbage = Garbage::new();
        // Once for each key, as there may be one with most of the changes.
        let mut since = HashMap::new();
        for _ in 0..most {
            let next = self
                .log
                .pop_front_if(|event| event.revision() <= self.compacted);
            let Some(event) = next else { break };
            self.superseded = self.superseded.saturating_sub(event.superseded());
            let revision = event.revision();
            let previous = match &*event {
                Event::Put { previous, .. } => previous.as_ref(),
                Event::Delete { previous, .. } => {
                    garbage.push(revision);
                    Some(previous)
                }
                Event::Progress(_) => None,
            };
            if let Some(previous) = previous {
                garbage.push(previous.revision);
                since.insert(previous.key.clone(), revision);
            }
        }
        for (key, revision) in since {
            self.forget(&key, revision);
        }
        garbage
    }

    /// Forgets what `key` was before `revision`, and the key if it was gone since.
    fn forget(&mut self, key: &str, revision: Revision) {
        let Some(versions) = self.keys.get_mut(key) else {
            return;
        };
        versions.drain(..versions.partition_point(|version| version.revision < revision));
        match versions.as_slice() {
            [only] if only.revision == revision && only.entry.is_none() => {
                self.keys.remove(key);
            }
            [_] => versions.shrink_to_fit(),
            _ => {}
        }
    }

    /// How far to compact to bring history back under nine tenths of its limits, if it is over.
    pub(super) fn overfull(&self, limits: &History) -> Option<Revision> {
        if self.log.len() <= limits.events && self.superseded <= limits.bytes {
            return None;
        }
        let (events, bytes) = (limits.events / 10 * 9, limits.bytes / 10 * 9);
        let mut superseded = self.superseded;
        let mut left = self.log.len();
        let mut target = None;
        for event in &self.log {
            if left <= events && superseded <= bytes {
                break;
            }
            left -= 1;
            superseded = superseded.saturating_sub(event.superseded());
            target = Some(event.revision());
        }
        target.filter(|target| *target > self.compacted)
    }
}

fn entry_at(versions: &[Version], revision: Revision) -> Option<&Arc<Entry>> {
    let newer = versions.partition_point(|version| version.revision <= revision);
    versions[..newer].last()?.entry.as_ref()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Frame;

    /// An index in which `/a` was written `times` times and is then deleted.
    fn with_a_past(times: Revision) -> Index {
        let mut index = Index::new(0);
        for revision in FIRST + 1..=FIRST + times {
            let previous = index.latest("/a").cloned();
            let entry = Entry::new("/a", Bytes::from_static(b"four"), revision);
            index.apply(Arc::new(Event::Put {
                entry,
                previous,
                frame: Frame::default(),
            }));
        }
        let (previous, revision) = (index.latest("/a").unwrap().clone(), index.revision() + 1);
        index.apply(Arc::new(Event::Delete {
            previous,
            revision,
            frame: Frame::default(),
        }));
        index
    }

    #[test]
    fn trimming_leaves_what_can_be_asked_for() {
        let mut index = with_a_past(10);
        index.compact(6);
        let mut garbage = Garbage::new();
        while index.has_forgotten() {
            garbage.extend(index.trim(2));
        }
        assert_eq!(garbage, [2, 3, 4, 5]);
        for revision in 6..=12 {
            let found = index.get("/a", ReadAt::Exactly(revision)).unwrap().entry;
            assert_eq!(
                found.map(|entry| entry.revision),
                (revision < 12).then_some(revision)
            );
        }
        assert!(index.get("/a", ReadAt::Exactly(5)).is_err());
    }

    #[test]
    fn nothing_is_left_of_what_was_deleted() {
        let mut index = with_a_past(3);
        index.compact(index.revision());
        let mut garbage = index.trim(100);
        garbage.sort_unstable();
        assert_eq!(garbage, [2, 3, 4, 5]);
        assert!(index.keys.is_empty() && index.log.is_empty());
        assert_eq!((index.superseded, index.revision()), (0, 5));
    }

    #[test]
    fn too_much_history_is_noticed() {
        let index = with_a_past(100);
        let limits = |events, bytes| index.overfull(&History { events, bytes });
        let bytes = index.superseded;
        assert_eq!(limits(101, bytes), None);
        // Down to nine tenths: 90 of the 101 changes, or of the bytes.
        assert_eq!(limits(100, bytes), Some(12));
        assert_eq!(limits(101, bytes / 10 * 9), Some(21));
    }
}
