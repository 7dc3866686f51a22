//! Helpers of the cache's tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use portcullis_storage::cache::Observer;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{
    Entry, Error, Event, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

/// Waits until the condition holds.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the condition does not hold in time"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An embedded store in a temporary directory.
pub(crate) struct Embedded {
    store: Arc<EmbeddedStorage>,
    _dir: TempDir,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: Arc::new(EmbeddedStorage::open(dir.path()).unwrap()),
            _dir: dir,
        }
    }

    pub(crate) fn storage(&self) -> Arc<EmbeddedStorage> {
        self.store.clone()
    }
}

/// An observer that mirrors the entries.
#[derive(Clone, Default)]
pub(crate) struct Mirror(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    entries: BTreeMap<String, Revision>,
    resets: usize,
    last: Revision,
}

impl Mirror {
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().entries.keys().cloned().collect()
    }

    pub(crate) fn revision_of(&self, key: &str) -> Option<Revision> {
        self.0.lock().unwrap().entries.get(key).copied()
    }

    pub(crate) fn last(&self) -> Revision {
        self.0.lock().unwrap().last
    }

    pub(crate) fn resets(&self) -> usize {
        self.0.lock().unwrap().resets
    }
}

impl Observer for Mirror {
    fn reset(&self, entries: &[Arc<Entry>]) {
        let mut seen = self.0.lock().unwrap();
        let content = entries
            .iter()
            .map(|entry| (entry.key.to_string(), entry.revision));
        seen.entries = content.collect();
        seen.resets += 1;
    }

    fn apply(&self, event: &Event) {
        let mut seen = self.0.lock().unwrap();
        assert!(
            event.revision() > seen.last,
            "changes arrive in order, and once"
        );
        seen.last = event.revision();
        let known = match event {
            Event::Put {
                entry, previous, ..
            } => {
                let known = seen.entries.insert(entry.key.to_string(), entry.revision);
                assert_eq!(known, previous.as_ref().map(|previous| previous.revision));
                return;
            }
            Event::Delete { previous, .. } => seen.entries.remove(&*previous.key),
            Event::Progress(_) => panic!("observers receive no progress"),
        };
        assert!(known.is_some(), "a deleted key existed");
    }
}

/// A store whose revision reads can be held back and whose watches can be ended.
pub(crate) struct Controlled {
    inner: Arc<dyn Storage>,
    held: watch::Sender<bool>,
    begun: AtomicUsize,
    cut: broadcast::Sender<()>,
}

impl Controlled {
    pub(crate) fn over(inner: Arc<dyn Storage>) -> Arc<Self> {
        let (held, cut) = (watch::Sender::new(false), broadcast::Sender::new(1));
        Arc::new(Self {
            inner,
            held,
            begun: AtomicUsize::new(0),
            cut,
        })
    }

    /// Holds back all reads of the revision.
    pub(crate) fn hold_reads(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn release_reads(&self) {
        self.held.send_replace(false);
    }

    pub(crate) fn reads_begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Ends all watches, as a compaction would.
    pub(crate) fn cut_watches(&self) {
        self.cut.send(()).unwrap();
    }
}

#[async_trait]
impl Storage for Controlled {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        self.inner.create(key, value).await
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        self.inner.get(key, at).await
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        self.inner.list(prefix, request).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        self.inner.compare_and_swap(key, expected, value).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        self.inner.delete(key, expected).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        let mut cut = self.cut.subscribe();
        let cut = async move {
            // A dropped sender ends the watch too.
            let _ = cut.recv().await;
            Err(Error::Compacted {
                requested: after,
                oldest: after + 1,
            })
        };
        let changes = self.inner.watch(prefix, after).await?;
        let both = stream::select(changes, stream::once(cut));
        let ended = both.scan(false, |ended, item| {
            let over = std::mem::replace(ended, *ended || item.is_err());
            std::future::ready((!over).then_some(item))
        });
        Ok(Box::pin(ended))
    }

    async fn revision(&self) -> Result<Revision> {
        // Read before it is held back.
        let revision = self.inner.revision().await;
        self.begun.fetch_add(1, Ordering::Relaxed);
        let released = self.held.subscribe().wait_for(|held| !held).await.map(drop);
        released.map_err(|_| Error::Unavailable("dropped".into()))?;
        revision
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.inner.compact(revision).await
    }
}
