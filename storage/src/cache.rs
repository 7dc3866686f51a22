//! Current state and recent history in memory, in front of any store and fed by one watch on it.
//!
//! * Reads are answered from memory once it has caught up with what they ask for (`route`,
//!   `freshness`); the revision that "the latest" stands for is asked of the store in one read for
//!   all requests that wait at that moment.
//! * Watches are served from memory too (`history`, `fanout`); one that does not keep up is ended.
//! * Writes go through, and return when memory has them: whoever wrote reads what they wrote.
//! * Observers see every change before readers do.
//!
//! One task (`feeder`) fills it: it lists, then watches, and begins anew where the watch breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::{
    Entry, Error, Event, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};

mod fanout;
mod feeder;
mod freshness;
mod history;
mod observers;
mod reached;
mod route;
mod snapshot;

use fanout::Fanout;
use feeder::Feeder;
pub use freshness::ReadCounts;
use freshness::SharedRead;
use history::History;
pub use observers::Observer;
use observers::Observers;
use reached::Reached;
use route::Route;
use snapshot::Snapshot;

/// The cache's limits.
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// How many changes are kept for watches that start in the past.
    pub history_events: usize,
    /// How many bytes they may hold: replaced and deleted values, what is sent to watchers, and what
    /// each change takes itself. Changes wait for slow watchers here and nowhere else.
    pub history_bytes: usize,
    /// How many changes may wait for one watcher before it is ended with [`Error::Slow`].
    pub watcher_events: usize,
    /// How long a read may wait for the cache to become as fresh as it asks.
    pub read_wait: Duration,
    /// How long a write that is done waits for the cache to have it.
    pub write_wait: Duration,
    /// How often a watcher to whom nothing happens is told how far it is.
    pub progress: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            history_events: 10_000,
            history_bytes: 32 << 20,
            watcher_events: 1_000,
            read_wait: Duration::from_secs(3),
            write_wait: Duration::from_secs(1),
            progress: Duration::from_secs(5),
        }
    }
}

/// A store in front of another one.
///
/// Dropping it ends its tasks and its watches; [`Cache::shutdown`] also waits for that.
pub struct Cache {
    upstream: Arc<dyn Storage>,
    root: String,
    config: CacheConfig,
    shared: Arc<Shared>,
    freshness: SharedRead,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// What readers and the feeder share.
struct Shared {
    state: RwLock<State>,
    /// How far observers and `state` are.
    reached: Reached,
    /// Locked before `state`, and by the feeder for as long as it applies changes, so that an
    /// observer that comes in between misses none.
    observers: Mutex<Observers>,
    /// Whether the feeder follows the store, rather than looking for it.
    in_sync: AtomicBool,
}

/// Everything at one revision.
struct State {
    snapshot: Snapshot,
    history: History,
    fanout: Fanout,
    revision: Revision,
}

impl Cache {
    /// Loads all of `upstream` that starts with `root`, and follows it from then on.
    ///
    /// Keys outside `root` are passed through, uncached.
    ///
    /// # Errors
    /// What the store says to being listed and watched.
    pub async fn start(
        upstream: Arc<dyn Storage>,
        root: &str,
        config: CacheConfig,
    ) -> Result<Self> {
        let state = State {
            snapshot: Snapshot::default(),
            history: History::new(config.history_events, config.history_bytes),
            fanout: Fanout::new(config.watcher_events),
            revision: 0,
        };
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            reached: Reached::default(),
            observers: Mutex::default(),
            in_sync: AtomicBool::new(false),
        });
        let feeder = Feeder::load(upstream.clone(), root, shared.clone(), config.progress).await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(stop.clone().run_until_cancelled_owned(feeder.run()));
        let (freshness, read) = SharedRead::new(upstream.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(read.run()));
        tasks.close();
        let _stop_on_drop = stop.clone().drop_guard();
        let root = root.into();
        Ok(Self {
            upstream,
            root,
            config,
            shared,
            freshness,
            tasks,
            stop,
            _stop_on_drop,
        })
    }

    /// Shows `observer` everything that starts with `prefix`, now and from now on.
    ///
    /// It sees a change before any reader does, and before the write that made it returns.
    pub fn observe(&self, prefix: &str, observer: Box<dyn Observer>) {
        let mut observers = self.shared.observers.lock();
        let entries = self.shared.state.read().snapshot.all_in(prefix);
        observers.add(prefix, observer, &entries);
    }

    /// Whether the feeder follows the store, as far as it knows.
    pub fn is_healthy(&self) -> bool {
        self.shared.in_sync.load(Ordering::Relaxed)
    }

    /// Whether the store answers, and the cache keeps up with it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], and why.
    pub async fn health(&self) -> Result<()> {
        if !self.is_healthy() {
            return Err(Error::Unavailable(
                "the cache is not in sync with the store".into(),
            ));
        }
        self.catch_up(ReadAt::Latest).await
    }

    /// How far the cache is.
    pub fn reached(&self) -> Revision {
        self.shared.reached.get()
    }

    /// How many reads of the store's revision served how many requests.
    pub fn read_counts(&self) -> ReadCounts {
        self.freshness.counts()
    }

    /// Ends the tasks and all watches, and waits until they have ended.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    fn caches(&self, key: &str) -> bool {
        key.starts_with(&self.root)
    }

    /// Waits until memory is as fresh as `at` asks; returns at once where memory will not do.
    async fn catch_up(&self, at: ReadAt) -> Result<()> {
        let wait = self.catch_up_at_leisure(at);
        tokio::time::timeout(self.config.read_wait, wait)
            .await
            .unwrap_or_else(|_| {
                let reached = self.reached();
                Err(Error::Unavailable(format!(
                    "no current state in time; the cache is at {reached}"
                )))
            })
    }

    async fn catch_up_at_leisure(&self, at: ReadAt) -> Result<()> {
        let least = match route::route(at, self.reached()) {
            Route::Memory | Route::Upstream => return Ok(()),
            Route::Current => self.current().await?,
            Route::Reach(requested) => {
                let current = self.current().await?;
                if current < requested {
                    return Err(Error::TooNew { requested, current });
                }
                requested
            }
        };
        self.shared.reached.wait_for(least).await;
        Ok(())
    }

    /// A revision that was current after this call began.
    async fn current(&self) -> Result<Revision> {
        match self.upstream.known_revision() {
            Some(revision) => Ok(revision),
            None => self.freshness.revision().await,
        }
    }

    /// Answers from memory if that is what `at` asks for.
    fn in_memory<T>(&self, at: ReadAt, read: impl FnOnce(&State) -> T) -> Option<T> {
        let state = self.shared.state.read();
        match at {
            ReadAt::Exactly(revision) if revision != state.revision => None,
            _ => Some(read(&state)),
        }
    }

    /// Waits, but not for ever, until readers see the write of `revision`.
    async fn settle(&self, revision: Revision) {
        let reach = self.shared.reached.wait_for(revision);
        if tokio::time::timeout(self.config.write_wait, reach)
            .await
            .is_err()
        {
            tracing::warn!(revision, "a write is done that the cache has not seen yet");
        }
    }

    /// The entry that was written, in its only copy if it is still there.
    async fn settled(&self, written: Arc<Entry>) -> Arc<Entry> {
        if !self.caches(&written.key) {
            return written;
        }
        self.settle(written.revision).await;
        let state = self.shared.state.read();
        match state.snapshot.get(&written.key) {
            Some(entry) if entry.revision == written.revision => entry.clone(),
            _ => written,
        }
    }
}

/// What waiting for the feeder gets once it has gone.
fn closed() -> Error {
    Error::Unavailable("the cache is closed".into())
}

#[async_trait]
impl Storage for Cache {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        Ok(self.settled(self.upstream.create(key, value).await?).await)
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        if self.caches(key) {
            self.catch_up(at).await?;
            let found = self.in_memory(at, |state| Found {
                entry: state.snapshot.get(key).cloned(),
                revision: state.revision,
            });
            if let Some(found) = found {
                return Ok(found);
            }
        }
        self.upstream.get(key, at).await
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        if self.caches(prefix) {
            self.catch_up(request.at).await?;
            let page = self.in_memory(request.at, |state| {
                let after = request.after.as_deref();
                let (entries, remaining) = state.snapshot.page(prefix, after, request.limit);
                Page {
                    entries,
                    revision: state.revision,
                    remaining,
                }
            });
            if let Some(page) = page {
                return Ok(page);
            }
        }
        self.upstream.list(prefix, request).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        Ok(self
            .settled(self.upstream.compare_and_swap(key, expected, value).await?)
            .await)
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        let revision = self.upstream.delete(key, expected).await?;
        if self.caches(key) {
            self.settle(revision).await;
        }
        Ok(revision)
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        if !self.caches(prefix) {
            return self.upstream.watch(prefix, after).await;
        }
        // Under one lock, so that no change falls between what is told now and what comes later.
        let state = &mut *self.shared.state.write();
        if self.stop.is_cancelled() {
            return Err(closed());
        }
        let past = state.history.since(after)?;
        let past = past.filter(|event| concerns(event, prefix));
        Ok(state.fanout.join(prefix, after, past))
    }

    async fn revision(&self) -> Result<Revision> {
        self.current().await
    }

    fn known_revision(&self) -> Option<Revision> {
        self.upstream.known_revision()
    }

    async fn writable(&self) -> Result<()> {
        self.upstream.writable().await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.upstream.compact(revision).await?;
        self.shared.state.write().history.compact(revision);
        Ok(())
    }
}

fn concerns(event: &Event, prefix: &str) -> bool {
    event.key().is_some_and(|key| key.starts_with(prefix))
}
