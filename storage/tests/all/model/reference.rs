//! The reference model.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_storage::{Entry, Error, Event, ReadAt, Result, Revision};

/// A revision relative to the current one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Latest,
    NotOlder(i64),
    Exactly(i64),
}

pub(crate) type State = BTreeMap<String, (Vec<u8>, Revision)>;

/// A trivial store that keeps every state it ever had.
pub(crate) struct Model {
    /// The store's revision before the test.
    pub(crate) base: Revision,
    pub(crate) compacted: Revision,
    states: Vec<State>,
    /// All changes since `base`.
    pub(crate) changes: Vec<Change>,
}

/// The key, and its value after and before.
pub(crate) type Change = (String, Option<Vec<u8>>, Option<Vec<u8>>);

impl Model {
    pub(crate) fn new(base: Revision) -> Self {
        Self {
            base,
            compacted: base,
            states: vec![State::new()],
            changes: Vec::new(),
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.base + self.changes.len() as Revision
    }

    pub(crate) fn now(&self) -> &State {
        self.states.last().unwrap()
    }

    pub(crate) fn write(&mut self, key: &str, value: Option<Vec<u8>>) -> Revision {
        let mut state = self.now().clone();
        let revision = self.revision() + 1;
        let before = match &value {
            Some(value) => state.insert(key.into(), (value.clone(), revision)),
            None => state.remove(key),
        };
        self.changes
            .push((key.into(), value, before.map(|(value, _)| value)));
        self.states.push(state);
        revision
    }

    /// The state that a read sees, and its revision.
    pub(crate) fn at(&self, at: ReadAt) -> Outcome<(&State, Revision)> {
        let revision = match at {
            ReadAt::Latest => self.revision(),
            ReadAt::NotOlderThan(least) if least > self.revision() => return Err(Fault::TooNew),
            ReadAt::NotOlderThan(_) => self.revision(),
            ReadAt::Exactly(exactly) if exactly > self.revision() => return Err(Fault::TooNew),
            ReadAt::Exactly(exactly) if exactly < self.compacted => return Err(Fault::Compacted),
            ReadAt::Exactly(exactly) => exactly,
        };
        Ok((&self.states[(revision - self.base) as usize], revision))
    }

    /// `at` with an absolute revision, at least `base`.
    pub(crate) fn resolve(&self, at: At) -> ReadAt {
        let absolute = |back: i64| self.revision().saturating_add_signed(back).max(self.base);
        match at {
            At::Latest => ReadAt::Latest,
            At::NotOlder(back) => ReadAt::NotOlderThan(absolute(back)),
            At::Exactly(back) => ReadAt::Exactly(absolute(back)),
        }
    }
}

/// The errors that the model predicts.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    Exists,
    Conflict(Option<(Vec<u8>, Revision)>),
    Compacted,
    TooNew,
}

pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

pub(crate) fn simple<T>(result: Result<T>) -> Outcome<T> {
    result.map_err(|error| match error {
        Error::AlreadyExists { .. } => Fault::Exists,
        Error::Conflict { actual, .. } => Fault::Conflict(actual.as_deref().map(content)),
        Error::Compacted { .. } => Fault::Compacted,
        Error::TooNew { .. } => Fault::TooNew,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn content(entry: &Entry) -> (Vec<u8>, Revision) {
    (entry.value.to_vec(), entry.revision)
}

pub(crate) fn change(event: &Event) -> Option<Change> {
    let bytes = |entry: &Arc<Entry>| entry.value.to_vec();
    match event {
        Event::Put {
            entry, previous, ..
        } => Some((
            entry.key.to_string(),
            Some(bytes(entry)),
            previous.as_ref().map(bytes),
        )),
        Event::Delete { previous, .. } => {
            Some((previous.key.to_string(), None, Some(bytes(previous))))
        }
        Event::Progress(_) => None,
    }
}
