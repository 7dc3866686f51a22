//! Current entries and recent history in memory, in front of any store and fed by one watch on it.
//!
//! * Reads are served from memory once it is as fresh as they require (`route`, `freshness`). For
//!   [`ReadAt::Latest`] the store's revision is read once for all requests that wait at that
//!   moment.
//! * Watches are served from memory too (`history`, `fanout`); one that does not keep up is ended.
//! * Writes pass through, and return once memory has applied them, so that writers read their own
//!   writes.
//! * Observers see every change before reads do.
//!
//! One task (`feeder`) fills the cache: it lists, then watches, and starts over when the watch
//! fails.

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

/// The cache's limits and timeouts.
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Maximum number of changes kept for watches that start in the past.
    pub history_events: usize,
    /// Maximum size in bytes of those changes: superseded values, wire forms and per-event
    /// overhead. This also bounds what slow watchers have not received yet.
    pub history_bytes: usize,
    /// Maximum number of changes queued for one watcher before it is ended with [`Error::Slow`].
    pub watcher_events: usize,
    /// How long a read may wait for the cache to become as fresh as it requires.
    pub read_wait: Duration,
    /// How long a committed write waits for the cache to apply it.
    pub write_wait: Duration,
    /// The interval of progress events to idle watchers.
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

/// A caching store in front of another one.
///
/// Dropping it ends its tasks and watches; [`Cache::shutdown`] also waits for them.
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

/// State shared by requests and the feeder.
struct Shared {
    state: RwLock<State>,
    /// The revision that observers and `state` have reached.
    reached: Reached,
    /// Locked before `state`, and by the feeder while it applies changes, so that an observer added
    /// meanwhile misses none.
    observers: Mutex<Observers>,
    /// Whether the feeder currently watches the store.
    in_sync: AtomicBool,
}

/// The cached data, consistent at one revision.
struct State {
    snapshot: Snapshot,
    history: History,
    fanout: Fanout,
    revision: Revision,
}

impl Cache {
    /// Loads all keys of `upstream` under `root`, and follows their changes from then on.
    ///
    /// Requests for keys outside `root` are passed through, uncached.
    ///
    /// # Errors
    /// Those of the store's list and watch.
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

    /// Adds an observer of the keys that start with `prefix`.
    ///
    /// It sees a change before any read does, and before the write that caused it returns.
    pub fn observe(&self, prefix: &str, observer: Box<dyn Observer>) {
        let mut observers = self.shared.observers.lock();
        let taken = self.shared.state.read().snapshot.take(prefix, None, 0);
        observers.add(prefix, observer, &taken.into_entries());
    }

    /// Whether the cache is in sync, as far as the feeder knows.
    pub fn is_healthy(&self) -> bool {
        self.shared.in_sync.load(Ordering::Relaxed)
    }

    /// Checks that the store responds and the cache keeps up with it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], with the cause.
    pub async fn health(&self) -> Result<()> {
        if !self.is_healthy() {
            return Err(Error::Unavailable(
                "the cache is not in sync with the store".into(),
            ));
        }
        self.catch_up(ReadAt::Latest).await
    }

    /// The revision that the cache has reached.
    pub fn reached(&self) -> Revision {
        self.shared.reached.get()
    }

    /// How many reads of the store's revision served how many requests.
    pub fn read_counts(&self) -> ReadCounts {
        self.freshness.counts()
    }

    /// Ends the tasks and all watches, and waits for them.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    fn caches(&self, key: &str) -> bool {
        key.starts_with(&self.root)
    }

    /// Waits until memory is as fresh as `at` requires; returns at once if memory cannot serve the
    /// read.
    async fn catch_up(&self, at: ReadAt) -> Result<()> {
        let wait = self.catch_up_unbounded(at);
        tokio::time::timeout(self.config.read_wait, wait)
            .await
            .unwrap_or_else(|_| {
                let reached = self.reached();
                Err(Error::Unavailable(format!(
                    "timed out waiting for the cache to catch up, it is at revision {reached}"
                )))
            })
    }

    async fn catch_up_unbounded(&self, at: ReadAt) -> Result<()> {
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

    /// Reads from memory, unless `at` names a revision that memory is not at.
    fn in_memory<T>(&self, at: ReadAt, read: impl FnOnce(&State) -> T) -> Option<T> {
        let state = self.shared.state.read();
        match at {
            ReadAt::Exactly(revision) if revision != state.revision => None,
            _ => Some(read(&state)),
        }
    }

    /// Waits, up to the configured timeout, until reads see the write of `revision`.
    async fn wait_until_applied(&self, revision: Revision) {
        let reach = self.shared.reached.wait_for(revision);
        if tokio::time::timeout(self.config.write_wait, reach)
            .await
            .is_err()
        {
            tracing::warn!(revision, "the cache has not applied a committed write yet");
        }
    }

    /// Waits until the cache has applied a write, and returns the cache's copy of the entry; `written` itself if
    /// the key has been written again since, or the wait has timed out.
    async fn applied(&self, written: Arc<Entry>) -> Arc<Entry> {
        if !self.caches(&written.key) {
            return written;
        }
        self.wait_until_applied(written.revision).await;
        let state = self.shared.state.read();
        match state.snapshot.get(&written.key) {
            Some(entry) if entry.revision == written.revision => entry.clone(),
            _ => written,
        }
    }
}

/// The error of every wait for the feeder after it has ended.
fn closed() -> Error {
    Error::Unavailable("the cache is closed".into())
}

#[async_trait]
impl Storage for Cache {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        Ok(self.applied(self.upstream.create(key, value).await?).await)
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
            let after = request.after.as_deref();
            let taken = self.in_memory(request.at, |state| {
                let taken = state.snapshot.take(prefix, after, request.limit);
                (taken, state.revision)
            });
            // Each entry of a long range takes a moment, during which no lock is held.
            if let Some((taken, revision)) = taken {
                return Ok(Page {
                    remaining: taken.remaining,
                    entries: taken.collect().await,
                    revision,
                });
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
            .applied(self.upstream.compare_and_swap(key, expected, value).await?)
            .await)
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        let revision = self.upstream.delete(key, expected).await?;
        if self.caches(key) {
            self.wait_until_applied(revision).await;
        }
        Ok(revision)
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        if !self.caches(prefix) {
            return self.upstream.watch(prefix, after).await;
        }
        // Under one lock, so that no change is lost between the history and the queue.
        let state = &mut *self.shared.state.write();
        if self.stop.is_cancelled() {
            return Err(closed());
        }
        let past = state.history.since(after)?;
        let past = past.filter(|event| matches_prefix(event, prefix));
        Ok(state.fanout.subscribe(prefix, after, past))
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

fn matches_prefix(event: &Event, prefix: &str) -> bool {
    event.key().is_some_and(|key| key.starts_with(prefix))
}
