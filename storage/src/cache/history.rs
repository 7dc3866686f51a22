//! Recent changes, for watches that start in the past.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Error, Event, Result, Revision};

/// A bounded window of changes.
///
/// It owns the changes of all watchers, those that start in the past and those that are slow, so
/// that its limits bound the memory of all of them together.
pub(super) struct History {
    /// Each with its size in bytes.
    events: VecDeque<(Arc<Event>, usize)>,
    /// Every change after this revision is in the window.
    oldest: Revision,
    /// Their total size.
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl History {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            oldest: 0,
            bytes: 0,
            max_events: max_events.max(1),
            max_bytes,
        }
    }

    /// Empties the window, which then starts at `revision`.
    pub(super) fn reset(&mut self, revision: Revision) {
        self.events.clear();
        self.bytes = 0;
        self.oldest = revision;
    }

    /// Adds a change, and drops the oldest ones over the limits; never the last, which has only
    /// just been queued for watchers. `framed` is whether it will be encoded for one of them.
    pub(super) fn push(&mut self, event: Arc<Event>, framed: bool) {
        let frame = if framed { event.value().len() } else { 0 };
        let size = event.superseded() + frame;
        self.bytes += size;
        self.events.push_back((event, size));
        while self.events.len() > self.max_events
            || self.bytes > self.max_bytes && self.events.len() > 1
        {
            self.drop_oldest();
        }
    }

    /// Drops the changes up to `revision`.
    pub(super) fn compact(&mut self, revision: Revision) {
        while self
            .events
            .front()
            .is_some_and(|(event, _)| event.revision() <= revision)
        {
            self.drop_oldest();
        }
        self.oldest = self.oldest.max(revision);
    }

    fn drop_oldest(&mut self) {
        if let Some((event, size)) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(size);
            self.oldest = self.oldest.max(event.revision());
        }
    }

    /// The changes after `revision`.
    ///
    /// # Errors
    /// [`Error::Compacted`] if some of them have been dropped.
    pub(super) fn since(&self, revision: Revision) -> Result<impl Iterator<Item = &Arc<Event>>> {
        if revision < self.oldest {
            return Err(Error::Compacted {
                requested: revision,
                oldest: self.oldest,
            });
        }
        let start = self
            .events
            .partition_point(|(event, _)| event.revision() <= revision);
        Ok(self.events.range(start..).map(|(event, _)| event))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Entry, Frame};

    fn put(revision: Revision, before: &'static str) -> Arc<Event> {
        let entry = Entry::new("k", Bytes::from("new"), revision);
        let previous = Some(Entry::new("k", Bytes::from(before), revision - 1));
        Arc::new(Event::Put {
            entry,
            previous,
            frame: Frame::default(),
        })
    }

    fn since(history: &History, revision: Revision) -> Result<Vec<Revision>, Revision> {
        match history.since(revision) {
            Ok(events) => Ok(events.map(|event| event.revision()).collect()),
            Err(Error::Compacted { oldest, .. }) => Err(oldest),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_window_is_bounded_by_count() {
        let mut history = History::new(2, usize::MAX);
        history.reset(5);
        assert_eq!(since(&history, 5), Ok(vec![]));
        assert_eq!(since(&history, 4), Err(5));
        for revision in [6, 8, 9] {
            history.push(put(revision, ""), false);
        }
        assert_eq!(since(&history, 6), Ok(vec![8, 9]));
        assert_eq!(since(&history, 7), Ok(vec![8, 9]));
        assert_eq!(since(&history, 20), Ok(vec![]));
        assert_eq!(since(&history, 5), Err(6));
    }

    #[test]
    fn the_window_is_bounded_by_size() {
        let size = put(2, "four").superseded();
        let mut history = History::new(100, 2 * size + 2);
        for revision in 1..=5 {
            history.push(put(revision, "four"), false);
        }
        assert_eq!(since(&history, 3), Ok(vec![4, 5]));
        assert_eq!(since(&history, 2), Err(3));
        // Wire forms count too: the three bytes of this one are one too many.
        history.push(put(6, "four"), true);
        assert_eq!(since(&history, 5), Ok(vec![6]));
        assert_eq!(since(&history, 4), Err(5));
        // The last change always stays.
        history.max_bytes = 3;
        history.push(put(7, "four"), true);
        assert_eq!(since(&history, 6), Ok(vec![7]));
    }

    #[test]
    fn compaction_drops_old_changes() {
        let mut history = History::new(100, usize::MAX);
        for revision in 1..=5 {
            history.push(put(revision, ""), false);
        }
        history.compact(3);
        assert_eq!(
            (since(&history, 2), since(&history, 3)),
            (Err(3), Ok(vec![4, 5]))
        );
    }
}
