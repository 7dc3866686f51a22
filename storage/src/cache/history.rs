//! The last changes, for watches that start in the past.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Entry, Error, Event, Result, Revision};

/// A bounded window of changes.
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    /// Every change after this revision is in the window.
    oldest: Revision,
    /// The bytes of values that were replaced by them.
    superseded: usize,
    most_events: usize,
    most_bytes: usize,
}

impl History {
    /// An empty window with these limits.
    pub(super) fn new(most_events: usize, most_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            oldest: 0,
            superseded: 0,
            most_events,
            most_bytes,
        }
    }

    /// Begins anew at `revision`.
    pub(super) fn reset(&mut self, revision: Revision) {
        self.events.clear();
        self.superseded = 0;
        self.oldest = revision;
    }

    /// Adds a change, and forgets the oldest ones if there are too many.
    pub(super) fn push(&mut self, event: Arc<Event>) {
        self.superseded += superseded_by(&event);
        self.events.push_back(event);
        while self.events.len() > self.most_events || self.superseded > self.most_bytes {
            self.forget_one();
        }
    }

    /// Forgets what is not after `revision`.
    pub(super) fn compact(&mut self, revision: Revision) {
        while self
            .events
            .front()
            .is_some_and(|event| event.revision() <= revision)
        {
            self.forget_one();
        }
        self.oldest = self.oldest.max(revision);
    }

    fn forget_one(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.superseded = self.superseded.saturating_sub(superseded_by(&event));
            self.oldest = self.oldest.max(event.revision());
        }
    }

    /// The changes after `revision`.
    ///
    /// # Errors
    /// [`Error::Compacted`] if some of them are forgotten.
    pub(super) fn since(&self, revision: Revision) -> Result<impl Iterator<Item = &Arc<Event>>> {
        if revision < self.oldest {
            return Err(Error::Compacted {
                requested: revision,
                oldest: self.oldest,
            });
        }
        let start = self
            .events
            .partition_point(|event| event.revision() <= revision);
        Ok(self.events.range(start..))
    }
}

fn superseded_by(event: &Event) -> usize {
    let bytes = |entry: &Arc<Entry>| entry.value.len();
    match event {
        Event::Put { previous, .. } => previous.as_ref().map_or(0, bytes),
        Event::Delete { previous, .. } => bytes(previous),
        Event::Progress(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Frame;

    fn put(revision: Revision, before: &'static str) -> Arc<Event> {
        let entry = Entry::new("k", Bytes::new(), revision);
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
    fn the_window_is_bounded_by_number() {
        let mut history = History::new(2, usize::MAX);
        history.reset(5);
        assert_eq!(since(&history, 5), Ok(vec![]));
        assert_eq!(since(&history, 4), Err(5));
        for revision in [6, 8, 9] {
            history.push(put(revision, ""));
        }
        assert_eq!(since(&history, 6), Ok(vec![8, 9]));
        assert_eq!(since(&history, 7), Ok(vec![8, 9]));
        assert_eq!(since(&history, 20), Ok(vec![]));
        assert_eq!(since(&history, 5), Err(6));
    }

    #[test]
    fn the_window_is_bounded_by_size() {
        let mut history = History::new(100, 10);
        for revision in 1..=5 {
            history.push(put(revision, "four"));
        }
        assert_eq!(since(&history, 3), Ok(vec![4, 5]));
        assert_eq!(since(&history, 2), Err(3));
    }

    #[test]
    fn compaction_closes_the_past() {
        let mut history = History::new(100, 100);
        for revision in 1..=5 {
            history.push(put(revision, ""));
        }
        history.compact(3);
        assert_eq!(
            (since(&history, 2), since(&history, 3)),
            (Err(3), Ok(vec![4, 5]))
        );
    }
}
