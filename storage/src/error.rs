//! Errors of store operations, independent of HTTP.

use std::sync::Arc;

use crate::{Entry, Revision};

/// Why a store operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The key already exists.
    #[error("key {key} already exists")]
    AlreadyExists {
        /// The full key.
        key: String,
    },
    /// The entry is not at the expected revision.
    #[error("key {key} is not at the expected revision")]
    Conflict {
        /// The full key.
        key: String,
        /// The current entry; `None` if the key does not exist.
        actual: Option<Arc<Entry>>,
    },
    /// History before `oldest` has been compacted.
    #[error("revision {requested} has been compacted; the oldest available is {oldest}")]
    Compacted {
        /// The requested revision.
        requested: Revision,
        /// The oldest revision that is still available, as far as the store reports it.
        oldest: Revision,
    },
    /// The store has not reached the requested revision.
    #[error("revision {requested} is newer than the current revision {current}")]
    TooNew {
        /// The requested revision.
        requested: Revision,
        /// The store's current revision.
        current: Revision,
    },
    /// The store cannot be reached, or did not respond in time. A write may or may not have been
    /// committed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The value exceeds the store's size limit.
    #[error("too large for the store: {0}")]
    TooLarge(String),
    /// The store's data is invalid.
    #[error("corrupt store: {0}")]
    Corrupt(String),
    /// The watcher did not keep up with changes.
    #[error("the watcher was too slow")]
    Slow,
}
