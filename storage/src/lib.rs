//! Storage for objects: a small trait over keys, revisions and bytes, and its implementations.
//!
//! One global revision is incremented by every write; an entry's revision is that of the write that
//! last changed it. Nothing here depends on kinds or HTTP. Only [`etcd`] handles the protobuf that
//! a kube-apiserver may have written, and returns it as JSON.
//!
//! * [`embedded`]: etcd's semantics in the process, durable in one directory. The default.
//! * [`etcd`]: a real etcd, which may be shared with other servers.
//! * [`cache`]: in front of either, the current entries and recent history in memory, fed by one
//!   watch.
//! * [`compactor`]: periodic compaction of old history.
//! * [`turn`]: how whatever reads much takes turns with others.
//!
//! The requirements are those of upstream's `k8s.io/apiserver/pkg/storage/interfaces.go`; the suite
//! in `conformance` checks every implementation against them.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

pub mod cache;
pub mod compactor;
#[cfg(feature = "test-util")]
pub mod conformance;
pub mod embedded;
pub mod error;
pub mod etcd;
#[cfg(feature = "test-util")]
pub mod etcd_server;
mod outage;
mod range;
#[cfg(feature = "test-util")]
pub mod reserved_address;
pub mod turn;

pub use error::Error;

/// A position in the store's history. Zero is before the first write.
pub type Revision = u64;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A key and its value at one revision. Shared and immutable.
pub struct Entry {
    /// The full key, such as `/registry/pods/default/web`.
    pub key: Arc<str>,
    /// The value, opaque to the store.
    pub value: Bytes,
    /// The revision of the write that stored this value.
    pub revision: Revision,
    derived: OnceLock<Box<dyn Any + Send + Sync>>,
    mark: OnceLock<usize>,
}

impl Entry {
    /// An entry with nothing derived yet.
    pub fn new(key: impl Into<Arc<str>>, value: Bytes, revision: Revision) -> Arc<Self> {
        Arc::new(Self {
            key: key.into(),
            value,
            revision,
            derived: OnceLock::new(),
            mark: OnceLock::new(),
        })
    }

    /// A position in the value that its readers need, found once and cached as long as the entry lives. They
    /// must all look for the same.
    pub fn mark(&self, find: impl FnOnce() -> usize) -> usize {
        *self.mark.get_or_init(find)
    }

    /// A value derived from the entry, computed once and cached as long as the entry lives.
    ///
    /// All callers must use the same type for a given entry; any other type is recomputed on each
    /// call.
    pub fn derived<T: Any + Send + Sync + Clone>(&self, derive: impl Fn(&Self) -> T) -> T {
        let cached = self.derived.get_or_init(|| Box::new(derive(self)));
        cached
            .downcast_ref::<T>()
            .cloned()
            .unwrap_or_else(|| derive(self))
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("revision", &self.revision)
            .field("bytes", &self.value.len())
            .finish_non_exhaustive()
    }
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// At least as fresh as every write that was acknowledged before the read began.
    Latest,
    /// This revision or newer; zero accepts any.
    NotOlderThan(Revision),
    /// The snapshot at this revision.
    Exactly(Revision),
}

/// Which part of a range to read.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// How fresh the read must be.
    pub at: ReadAt,
    /// At most this many entries; zero for all.
    pub limit: usize,
    /// Only keys greater than this one.
    pub after: Option<String>,
}

impl ListRequest {
    /// All entries at the latest revision.
    pub fn all() -> Self {
        Self {
            at: ReadAt::Latest,
            limit: 0,
            after: None,
        }
    }
}

/// A page of a range, ordered by key.
#[derive(Clone, Debug)]
pub struct Page {
    /// In key order.
    pub entries: Vec<Arc<Entry>>,
    /// The revision of the snapshot that the page is read from.
    pub revision: Revision,
    /// How many entries of the range follow the page.
    pub remaining: usize,
}

/// The result of reading a single key.
#[derive(Clone, Debug)]
pub struct Found {
    /// The entry; `None` if the key does not exist.
    pub entry: Option<Arc<Entry>>,
    /// The revision of the snapshot that was read.
    pub revision: Revision,
}

/// One change, or a progress notification.
#[derive(Debug)]
pub enum Event {
    /// A key was written.
    Put {
        /// The entry that was written.
        entry: Arc<Entry>,
        /// The entry it replaced; `None` if the key was created.
        previous: Option<Arc<Entry>>,
        /// The wire form, shared by all watchers.
        frame: Frame,
    },
    /// A key was deleted.
    Delete {
        /// The entry that was deleted.
        previous: Arc<Entry>,
        /// The revision of the deletion.
        revision: Revision,
        /// The wire form, shared by all watchers.
        frame: Frame,
    },
    /// Every change up to this revision has been delivered. Sent occasionally to idle watchers.
    Progress(Revision),
}

impl Event {
    /// The key that changed; `None` for [`Event::Progress`].
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Put { entry, .. } => Some(&entry.key),
            Self::Delete { previous, .. } => Some(&previous.key),
            Self::Progress(_) => None,
        }
    }

    /// The revision of the change, or of the progress notification.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put { entry, .. } => entry.revision,
            Self::Delete { revision, .. } | Self::Progress(revision) => *revision,
        }
    }
}

impl Event {
    /// The value that was written or deleted.
    pub(crate) fn value(&self) -> &[u8] {
        match self {
            Self::Put { entry, .. } => &entry.value,
            Self::Delete { previous, .. } => &previous.value,
            Self::Progress(_) => &[],
        }
    }

    /// Approximate memory in bytes that only history needs: the superseded entry and the event's
    /// own overhead.
    pub(crate) fn superseded(&self) -> usize {
        let previous = match self {
            Self::Put { previous, .. } => previous.as_ref(),
            Self::Delete { previous, .. } => Some(previous),
            Self::Progress(_) => None,
        };
        OVERHEAD + previous.map_or(0, |entry| OVERHEAD + entry.value.len())
    }

    /// The same change with a wire form of its own.
    pub(crate) fn with_own_frame(&self) -> Self {
        let frame = Frame::default();
        match self {
            Self::Put {
                entry, previous, ..
            } => Self::Put {
                entry: entry.clone(),
                previous: previous.clone(),
                frame,
            },
            Self::Delete {
                previous, revision, ..
            } => Self::Delete {
                previous: previous.clone(),
                revision: *revision,
                frame,
            },
            Self::Progress(revision) => Self::Progress(*revision),
        }
    }
}

/// Approximate overhead in bytes of an event, and of an entry with its derived value.
const OVERHEAD: usize = 256;

/// The wire form of a shared event, encoded once for all its watchers.
#[derive(Debug, Default)]
pub struct Frame(OnceLock<Bytes>);

impl Frame {
    /// The wire form, encoded by the first caller.
    pub fn get_or_encode(&self, encode: impl FnOnce() -> Bytes) -> Bytes {
        self.0.get_or_init(encode).clone()
    }
}

/// Changes in order, each delivered exactly once; ends after an error.
pub type Watch = Pin<Box<dyn Stream<Item = Result<Arc<Event>>> + Send>>;

/// A store of entries, ordered by key.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Writes a key that does not exist.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`].
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>>;

    /// Reads a key. A missing key is not an error.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a revision not reached in time, [`Error::Compacted`] for one before
    /// the last compaction.
    async fn get(&self, key: &str, at: ReadAt) -> Result<Found>;

    /// Reads the keys that start with `prefix`.
    ///
    /// # Errors
    /// As [`Storage::get`].
    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page>;

    /// Writes a key if its entry is still at revision `expected`.
    ///
    /// # Errors
    /// [`Error::Conflict`], with the current entry, if any.
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>>;

    /// Deletes a key if its entry is still at revision `expected`; returns the revision of the
    /// deletion.
    ///
    /// # Errors
    /// [`Error::Conflict`], with the current entry, if any.
    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision>;

    /// Watches the keys that start with `prefix`, from the first change after revision `after`,
    /// which may be in the future.
    ///
    /// The stream may end with [`Error::Slow`] if its receiver does not keep up, and with
    /// [`Error::Unavailable`] if the store is closed. It survives an outage of the store unless
    /// changes may have been missed.
    ///
    /// # Errors
    /// [`Error::Compacted`] if changes after `after` have been compacted; possibly also as the last
    /// item of the stream.
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch>;

    /// A revision that was current after this call began.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn revision(&self) -> Result<Revision>;

    /// The current revision, if it is known without I/O: in a store with a single writer. Saves
    /// callers [`Storage::revision`].
    fn known_revision(&self) -> Option<Revision> {
        None
    }

    /// Whether the store accepts writes. After a failed write, calls retry it from time to time.
    ///
    /// # Errors
    /// [`Error::Unavailable`], with the cause.
    async fn writable(&self) -> Result<()> {
        Ok(())
    }

    /// Discards what was superseded at or before `revision`. Compacting an already compacted
    /// revision succeeds.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a revision not reached, [`Error::Unavailable`].
    async fn compact(&self, revision: Revision) -> Result<()>;
}
