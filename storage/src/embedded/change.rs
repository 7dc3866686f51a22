//! Writes before they are durable: how each is decided.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::index::Index;
use crate::{Entry, Error, Event, Frame, Result, Revision};

/// A write request.
pub(super) struct Write {
    pub(super) key: Arc<str>,
    pub(super) change: Change,
    pub(super) reply: oneshot::Sender<Result<Arc<Event>>>,
}

/// The requested change of a key.
pub(super) enum Change {
    Create(Bytes),
    Swap { expected: Revision, value: Bytes },
    Delete { expected: Revision },
}

impl Write {
    /// How many bytes it adds to a batch.
    pub(super) fn bytes(&self) -> usize {
        match &self.change {
            Change::Create(value) | Change::Swap { value, .. } => value.len(),
            Change::Delete { .. } => 0,
        }
    }
}

/// The outcome of a write, and the caller that receives it once it is durable.
pub(super) type Decision = (oneshot::Sender<Result<Arc<Event>>>, Result<Arc<Event>>);

/// Decides every write in order, each against the entries that the previous ones will leave.
pub(super) fn decide_all(index: &Index, writes: Vec<Write>) -> (Vec<Arc<Event>>, Vec<Decision>) {
    let mut pending: HashMap<Arc<str>, Option<Arc<Entry>>> = HashMap::new();
    let mut events = Vec::with_capacity(writes.len());
    let mut decisions = Vec::with_capacity(writes.len());
    let mut revision = index.revision();
    for Write { key, change, reply } in writes {
        let current = match pending.get(&key) {
            Some(entry) => entry.clone(),
            None => index.latest(&key).cloned(),
        };
        let outcome = change.decide(&key, current, revision + 1).map(Arc::new);
        if let Ok(event) = &outcome {
            revision += 1;
            let entry = match &**event {
                Event::Put { entry, .. } => Some(entry.clone()),
                Event::Delete { .. } | Event::Progress(_) => None,
            };
            pending.insert(key, entry);
            events.push(event.clone());
        }
        decisions.push((reply, outcome));
    }
    (events, decisions)
}

impl Change {
    /// The event of applying the change to `current` at `revision`.
    pub(super) fn decide(
        self,
        key: &Arc<str>,
        current: Option<Arc<Entry>>,
        revision: Revision,
    ) -> Result<Event> {
        let put = |value, previous: Option<Arc<Entry>>| {
            // All versions of an entry share the key's allocation.
            let key = previous.as_ref().map_or(key, |previous| &previous.key);
            let entry = Entry::new(key.clone(), value, revision);
            Ok(Event::Put {
                entry,
                previous,
                frame: Frame::default(),
            })
        };
        match (self, current) {
            (Self::Create(value), None) => put(value, None),
            (Self::Create(_), Some(_)) => Err(Error::AlreadyExists {
                key: key.to_string(),
            }),
            (Self::Swap { expected, value }, Some(entry)) if entry.revision == expected => {
                put(value, Some(entry))
            }
            (Self::Delete { expected }, Some(previous)) if previous.revision == expected => {
                Ok(Event::Delete {
                    previous,
                    revision,
                    frame: Frame::default(),
                })
            }
            (Self::Swap { .. } | Self::Delete { .. }, actual) => Err(Error::Conflict {
                key: key.to_string(),
                actual,
            }),
        }
    }
}
