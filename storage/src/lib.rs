//! Where objects live: one small trait over keys, revisions and bytes, and its implementations.
//!
//! There is one global revision, raised by every write; an entry's revision is that of the write
//! that made it so. Nothing here knows of kinds or HTTP; only [`etcd`] knows that a kube-apiserver may have
//! written protobuf there, and hands it out as JSON.
//!
//! * [`embedded`]: the same semantics in the process, durable in one file. The default.
//! * [`etcd`]: a real etcd, shared with other servers.
//! * [`cache`]: in front of either, current state and recent history in memory, fed by one watch.
//! * [`compactor`]: forgets at intervals what is too old.
//!
//! What Kubernetes asks of a store is upstream's `k8s.io/apiserver/pkg/storage/interfaces.go`; the
//! suite in `conformance` holds every implementation to it.

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

pub use error::Error;

/// A point in the store's history. Zero is before the first write.
pub type Revision = u64;

/// The result of asking a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A value under its key, as one write left it. Shared, never changed.
pub struct Entry {
    /// The whole key, such as `/registry/pods/default/web`.
    pub key: Arc<str>,
    /// The bytes that were written.
    pub value: Bytes,
    /// The revision of the write that left this value.
    pub revision: Revision,
    facts: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Entry {
    /// An entry as some write left it.
    pub fn new(key: impl Into<Arc<str>>, value: Bytes, revision: Revision) -> Arc<Self> {
        Arc::new(Self {
            key: key.into(),
            value,
            revision,
            facts: OnceLock::new(),
        })
    }

    /// What its readers derive from the value, made once and kept as long as the entry.
    ///
    /// All callers of one entry must ask for the same type; another one is made anew each time.
    pub fn facts<T: Any + Send + Sync + Clone>(&self, derive: impl Fn(&Self) -> T) -> T {
        let kept = self.facts.get_or_init(|| Box::new(derive(self)));
        kept.downcast_ref::<T>()
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

/// How fresh an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// It holds everything that was acknowledged before the read began.
    Latest,
    /// Not older than this revision; zero means anything will do.
    NotOlderThan(Revision),
    /// Exactly as it was at this revision.
    Exactly(Revision),
}

/// Which part of a range to read.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// How fresh.
    pub at: ReadAt,
    /// At most this many entries; zero for all.
    pub limit: usize,
    /// Only keys greater than this one.
    pub after: Option<String>,
}

impl ListRequest {
    /// Everything, as it is now.
    pub fn all() -> Self {
        Self {
            at: ReadAt::Latest,
            limit: 0,
            after: None,
        }
    }
}

/// A part of a range, in the order of its keys.
#[derive(Clone, Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Arc<Entry>>,
    /// The revision at which this was the state.
    pub revision: Revision,
    /// How many entries follow the last one; zero if none do.
    pub remaining: usize,
}

/// What the answer to a single read carries besides the entry.
#[derive(Clone, Debug)]
pub struct Found {
    /// The entry, if there is one.
    pub entry: Option<Arc<Entry>>,
    /// The revision at which this was so.
    pub revision: Revision,
}

/// One change, or word that nothing changed up to a revision.
#[derive(Debug)]
pub enum Event {
    /// A key was written.
    Put {
        /// As it is now.
        entry: Arc<Entry>,
        /// As it was before, unless it was not there.
        previous: Option<Arc<Entry>>,
        /// What readers encode once for all of them.
        frame: Frame,
    },
    /// A key was deleted.
    Delete {
        /// As it was before.
        previous: Arc<Entry>,
        /// The revision of the deletion.
        revision: Revision,
        /// What readers encode once for all of them.
        frame: Frame,
    },
    /// Every change up to this revision has been delivered. Told now and then, to those to whom
    /// nothing else is.
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

    /// The revision of the change.
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

    /// About how many bytes of memory are kept for the event alone: what is no longer current, and
    /// what a change takes itself.
    pub(crate) fn superseded(&self) -> usize {
        let previous = match self {
            Self::Put { previous, .. } => previous.as_ref(),
            Self::Delete { previous, .. } => Some(previous),
            Self::Progress(_) => None,
        };
        OVERHEAD + previous.map_or(0, |entry| OVERHEAD + entry.value.len())
    }

    /// The same change, for other readers, with a wire form of its own.
    pub(crate) fn for_others(&self) -> Self {
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

/// About what an event takes itself, and an entry with what readers derive from it.
const OVERHEAD: usize = 256;

/// A place on a shared event for its wire form, so that it is encoded once for all its watchers.
#[derive(Debug, Default)]
pub struct Frame(OnceLock<Bytes>);

impl Frame {
    /// The wire form, made by the first to ask.
    pub fn get_or_encode(&self, encode: impl FnOnce() -> Bytes) -> Bytes {
        self.0.get_or_init(encode).clone()
    }
}

/// Changes in order, each exactly once; ends after an error.
pub type Watch = Pin<Box<dyn Stream<Item = Result<Arc<Event>>> + Send>>;

/// A store of entries, in the order of their keys.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Writes a key that is not there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`].
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>>;

    /// Reads a key. That it is not there is an answer, not an error.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a revision not reached in time, [`Error::Compacted`] for one forgotten.
    async fn get(&self, key: &str, at: ReadAt) -> Result<Found>;

    /// Reads the keys that start with `prefix`.
    ///
    /// # Errors
    /// As [`Storage::get`].
    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page>;

    /// Writes a key whose entry is still that of revision `expected`.
    ///
    /// # Errors
    /// [`Error::Conflict`], with the entry that is there instead, if any.
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>>;

    /// Deletes a key whose entry is still that of revision `expected`; returns the revision of
    /// the deletion.
    ///
    /// # Errors
    /// [`Error::Conflict`], with the entry that is there instead, if any.
    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision>;

    /// Follows the keys that start with `prefix`, from the first change after revision `after`,
    /// which may lie in the future.
    ///
    /// The stream may end with [`Error::Slow`] where its reader does not keep up, and with
    /// [`Error::Unavailable`] where the store is closed. It outlives the store's absence, if nothing
    /// can have been missed by then.
    ///
    /// # Errors
    /// [`Error::Compacted`] if changes after it have been forgotten; while the stream runs, also as
    /// its last item.
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch>;

    /// A revision that was current after this call began.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn revision(&self) -> Result<Revision>;

    /// The current revision, where it is known without asking anybody: in a store that nobody else
    /// writes to. A reader who finds it is spared the way through [`Storage::revision`].
    fn known_revision(&self) -> Option<Revision> {
        None
    }

    /// Whether writes have a chance, as far as the store knows; one that failed is tried again now and
    /// then for whoever asks.
    ///
    /// # Errors
    /// [`Error::Unavailable`], and why not.
    async fn writable(&self) -> Result<()> {
        Ok(())
    }

    /// Forgets what was superseded at or before `revision`; what was forgotten already is no
    /// error.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a revision not reached, [`Error::Unavailable`].
    async fn compact(&self, revision: Revision) -> Result<()>;
}
