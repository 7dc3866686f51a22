//! Why a store did not do what it was asked. Nothing here knows of HTTP.

use std::sync::Arc;

use crate::{Entry, Revision};

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The key is there already.
    #[error("key {key} already exists")]
    AlreadyExists {
        /// The whole key.
        key: String,
    },
    /// The entry is not of the expected revision.
    #[error("key {key} is not at the expected revision")]
    Conflict {
        /// The whole key.
        key: String,
        /// What is there instead; `None` if the key is gone.
        actual: Option<Arc<Entry>>,
    },
    /// History before `oldest` has been forgotten.
    #[error("revision {requested} has been compacted, the oldest kept is {oldest}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision that can still be asked for, as far as the store tells.
        oldest: Revision,
    },
    /// The store has not reached the revision.
    #[error("revision {requested} is newer than the current one, {current}")]
    TooNew {
        /// What was asked for.
        requested: Revision,
        /// How far the store is.
        current: Revision,
    },
    /// The store cannot be reached, or did not answer in time. A write may or may not have happened.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The value is larger than the store takes.
    #[error("too large for the store: {0}")]
    TooLarge(String),
    /// What the store holds cannot be read.
    #[error("corrupt store: {0}")]
    Corrupt(String),
    /// The watcher did not keep up and missed changes.
    #[error("the watcher was too slow")]
    Slow,
}
