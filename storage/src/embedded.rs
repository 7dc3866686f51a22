//! A store in the process: etcd's semantics over files of one directory, with nothing to install.
//!
//! The current entries and recent history are in memory (`index`), and every change is a record in
//! a redb file (`disk`) or, until it moves there, in a journal (`journal`). One thread (`committer`)
//! commits changes: memory, watchers and the writer see a change only once it is durable.
//! [`EmbeddedStorage::in_memory`] is the same without the files.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Entry, Error, Event, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};

mod acknowledged;
mod change;
mod committer;
mod dir_lock;
mod disk;
mod error;
#[cfg(test)]
mod faults;
mod file;
mod follow;
mod index;
mod journal;
mod load;
mod memory;
#[cfg(test)]
mod power;
mod private_file;
mod record;
mod recovery;

use acknowledged::Acknowledged;
use change::{Change, Write};
use committer::{Command, Committer, Files, closed};
use dir_lock::DirLock;
use disk::Disk;
pub use error::OpenError;
pub use file::Survives;
use index::Index;
use recovery::Unwritable;

/// The limits of history, which apply whether or not anyone compacts.
///
/// Beyond either limit the oldest tenth is compacted, as if by [`Storage::compact`].
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Number of changes.
    pub events: usize,
    /// Bytes of memory: superseded values and per-event overhead.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            events: 100_000,
            bytes: 48 << 20,
        }
    }
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How much history is kept.
    pub limits: HistoryLimits,
    /// What acknowledged writes survive.
    pub survives: Survives,
}

/// A store in one directory, or in memory.
///
/// Dropping it completes pending commands and closes the file, which takes milliseconds.
pub struct EmbeddedStorage {
    shared: Arc<Shared>,
    /// What makes changes durable; `None` where they are in memory only.
    committer: Option<Committer>,
}

/// State shared by reads, watches and the committer.
struct Shared {
    index: RwLock<Index>,
    /// The revision up to which watches may read.
    published: watch::Sender<Revision>,
    closed: CancellationToken,
    limits: HistoryLimits,
    unwritable: Unwritable,
}

impl Shared {
    fn new(index: Index, limits: HistoryLimits) -> Self {
        Self {
            published: watch::Sender::new(index.revision()),
            index: RwLock::new(index),
            closed: CancellationToken::new(),
            limits,
            unwritable: Unwritable::default(),
        }
    }

    fn publish(&self, revision: Revision) {
        self.published.send_if_modified(|published| {
            let advanced = *published < revision;
            *published = revision.max(*published);
            advanced
        });
    }
}

impl EmbeddedStorage {
    /// Opens the store in `dir`, or creates one there. Blocks: it reads the whole file.
    ///
    /// # Errors
    /// [`OpenError`], which names the file.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, Options::default())
    }

    /// Like [`EmbeddedStorage::open`], with other options.
    ///
    /// # Errors
    /// As [`EmbeddedStorage::open`].
    pub fn open_with(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let lock = DirLock::take(dir)?;
        Self::run(dir, lock, Disk::open(dir, options.survives)?, options)
    }

    fn run(dir: &Path, lock: DirLock, disk: Disk, options: Options) -> Result<Self, OpenError> {
        let (index, garbage) = load::load(&disk)?;
        let acknowledged = Acknowledged::open(dir, disk.path(), index.revision())?;
        let shared = Arc::new(Shared::new(index, options.limits));
        let files = Files {
            dir: dir.into(),
            survives: options.survives,
            disk: Ok(disk),
            acknowledged,
            lock: Some(lock),
        };
        let committer = Committer::start(shared.clone(), files, garbage)
            .map_err(|error| OpenError::io(dir, error))?;
        Ok(Self {
            shared,
            committer: Some(committer),
        })
    }

    /// An empty store in memory, without a file or a thread. Its contents are lost when it is dropped.
    pub fn in_memory(limits: HistoryLimits) -> Self {
        Self {
            shared: Arc::new(Shared::new(Index::new(0), limits)),
            committer: None,
        }
    }

    /// Completes pending commands and closes the file. Later calls fail with
    /// [`Error::Unavailable`], which also ends all watches.
    pub async fn close(&self) {
        let Some(committer) = &self.committer else {
            return self.shared.closed.cancel();
        };
        let (reply, done) = oneshot::channel();
        if committer.send(Command::Close { reply }).await.is_ok() {
            // An error means that the thread, and with it the file, is gone.
            let _ = done.await;
        }
    }

    async fn write(&self, key: &str, change: Change) -> Result<Arc<Event>> {
        let key: Arc<str> = key.into();
        let Some(committer) = &self.committer else {
            return self.shared.write(&key, change);
        };
        let (reply, outcome) = oneshot::channel();
        let write = Write { key, change, reply };
        committer.send(Command::Write(write)).await?;
        outcome.await.map_err(|_| closed())?
    }

    async fn put(&self, key: &str, change: Change) -> Result<Arc<Entry>> {
        match &*self.write(key, change).await? {
            Event::Put { entry, .. } => Ok(entry.clone()),
            other => Err(Error::Corrupt(format!("a put of {key} became {other:?}"))),
        }
    }
}

#[async_trait]
impl Storage for EmbeddedStorage {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        self.put(key, Change::Create(value)).await
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        self.shared.index.read().get(key, at)
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        self.shared.index.read().list(prefix, request)
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        self.put(key, Change::Swap { expected, value }).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        Ok(self
            .write(key, Change::Delete { expected })
            .await?
            .revision())
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        follow::follow(self.shared.clone(), prefix, after)
    }

    async fn revision(&self) -> Result<Revision> {
        Ok(self.shared.index.read().revision())
    }

    fn known_revision(&self) -> Option<Revision> {
        Some(self.shared.index.read().revision())
    }

    async fn writable(&self) -> Result<()> {
        if self.shared.unwritable.check().is_ok() {
            return Ok(());
        }
        let committer = self.committer.as_ref().ok_or_else(closed)?;
        let (reply, done) = oneshot::channel();
        committer.send(Command::Probe { reply }).await?;
        done.await.map_err(|_| closed())?
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        let Some(committer) = &self.committer else {
            return self.shared.compact(revision);
        };
        let (reply, done) = oneshot::channel();
        committer.send(Command::Compact { revision, reply }).await?;
        done.await.map_err(|_| closed())?
    }
}
