//! The store in memory: the versions of every key, and the log of changes, back to the last
//! compaction.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::HistoryLimits;
use crate::{Entry, Error, Event, Found, ListRequest, Page, ReadAt, Result, Revision, range};

/// The revision of an empty store. As in etcd it is not zero, which means "any" in reads.
pub(super) const FIRST: Revision = 1;

/// Current entries and history.
pub(super) struct Index {
    keys: BTreeMap<Arc<str>, Vec<Version>>,
    /// Every change after some revision at or before `compacted`, without gaps, up to `revision`.
    log: VecDeque<Arc<Event>>,
    revision: Revision,
    compacted: Revision,
    /// Approximate memory in bytes that only history needs.
    superseded: usize,
}

/// A key's entry from `revision` on; `None` if it was deleted.
struct Version {
    revision: Revision,
    entry: Option<Arc<Entry>>,
}

/// Records on disk that compaction made obsolete.
pub(super) type Garbage = Vec<Revision>;

impl Index {
    /// An index without history before `compacted`, to be filled with [`Index::restore`] and
    /// [`Index::apply`].
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

    /// The current entry of `key`.
    pub(super) fn latest(&self, key: &str) -> Option<&Arc<Entry>> {
        self.keys.get(key)?.last()?.entry.as_ref()
    }

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
                Err(self.compacted_error(requested))
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

    pub(super) fn compacted_error(&self, requested: Revision) -> Error {
        Error::Compacted {
            requested,
            oldest: self.compacted.max(FIRST),
        }
    }

    /// Applies a durable change.
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

    /// Restores a key to its state at the compacted revision; returns the record that this
    /// supersedes.
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

    /// Up to `limit` changes after `revision`, in order.
    pub(super) fn since(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<impl Iterator<Item = &Arc<Event>>> {
        let first = self
            .log
            .front()
            .map_or(self.revision + 1, |event| event.revision());
        // There are no changes up to FIRST, so none can be missing.
        let next = revision.max(FIRST) + 1;
        if next < first {
            return Err(self.compacted_error(revision));
        }
        let skip = usize::try_from(next - first).unwrap_or(usize::MAX);
        Ok(self.log.iter().skip(skip).take(limit))
    }

    /// Makes what was superseded at or before `revision` inaccessible. [`Index::trim`] then frees
    /// it.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.compacted = self.compacted.max(revision);
    }

    /// Whether [`Index::trim`] has anything to remove.
    pub(super) fn has_garbage(&self) -> bool {
        self.log
            .front()
            .is_some_and(|event| event.revision() <= self.compacted)
    }

    /// Removes up to `limit` changes at or before the compacted revision; returns the records to
    /// remove from disk.
    pub(super) fn trim(&mut self, limit: usize) -> Garbage {
        let mut garbage = Garbage::new();
        // Each key is trimmed once, as one key may have most of the changes.
        let mut since = HashMap::new();
        for _ in 0..limit {
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
            self.trim_key(&key, revision);
        }
        garbage
    }

    /// Removes the versions of `key` before `revision`, and the key itself if it was deleted then.
    fn trim_key(&mut self, key: &str, revision: Revision) {
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

    /// The revision to compact to so that history is at most nine tenths of its limits; `None` if
    /// it is within them.
    pub(super) fn over_limits(&self, limits: &HistoryLimits) -> Option<Revision> {
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

    /// An index in which `/a` is written `times` times and then deleted.
    fn with_history(times: Revision) -> Index {
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
    fn trimming_keeps_accessible_versions() {
        let mut index = with_history(10);
        index.compact(6);
        let mut garbage = Garbage::new();
        while index.has_garbage() {
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
    fn deleted_keys_are_trimmed_entirely() {
        let mut index = with_history(3);
        index.compact(index.revision());
        let mut garbage = index.trim(100);
        garbage.sort_unstable();
        assert_eq!(garbage, [2, 3, 4, 5]);
        assert!(index.keys.is_empty() && index.log.is_empty());
        assert_eq!((index.superseded, index.revision()), (0, 5));
    }

    #[test]
    fn history_over_its_limits_is_detected() {
        let index = with_history(100);
        let limits = |events, bytes| index.over_limits(&HistoryLimits { events, bytes });
        let bytes = index.superseded;
        assert_eq!(limits(101, bytes), None);
        // Down to nine tenths: 90 of the 101 changes, or of the bytes.
        assert_eq!(limits(100, bytes), Some(12));
        assert_eq!(limits(101, bytes / 10 * 9), Some(21));
    }
}
