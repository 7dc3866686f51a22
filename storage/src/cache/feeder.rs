//! The task that fills the cache: list, then watch, and start over when the watch fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;
use portcullis_api::Backoff;
use tokio::time::MissedTickBehavior;

use super::snapshot::Snapshot;
use super::{Shared, closed};
use crate::outage::{Messages, Outage};
use crate::{Entry, Error, Event, Frame, ListRequest, Page, Result, Storage, Watch};

/// The maximum number of changes applied at once.
const BATCH: usize = 256;
/// After so many bytes of changes the task yields to watchers, before the history has to drop
/// changes that they have not received.
const BATCH_BYTES: usize = 4 << 20;
/// The pause after a failure: initial and maximum.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

const MESSAGES: Messages = Messages {
    started: "the cache lost its watch on the store",
    ongoing: "the cache still cannot read the store",
    ended: "the cache is in sync with the store again",
};

pub(super) struct Feeder {
    upstream: Arc<dyn Storage>,
    root: String,
    shared: Arc<Shared>,
    phase: Phase,
    back_off: Backoff,
    progress: Duration,
    outage: Outage,
}

enum Phase {
    /// List everything next.
    Listing,
    /// Apply changes from a watch.
    Following(ReadyChunks<Watch>),
    /// Back off after a failure.
    Waiting,
}

impl Feeder {
    /// Lists everything and begins to watch.
    pub(super) async fn load(
        upstream: Arc<dyn Storage>,
        root: &str,
        shared: Arc<Shared>,
        progress: Duration,
    ) -> Result<Self> {
        let root = root.into();
        let phase = Phase::Listing;
        let mut feeder = Self {
            upstream,
            root,
            shared,
            phase,
            back_off: BACK_OFF,
            progress,
            outage: Outage::new(MESSAGES),
        };
        feeder.phase = feeder.list().await?;
        Ok(feeder)
    }

    /// Follows the store until this is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let next = match &mut self.phase {
                Phase::Listing => self.list().await,
                Phase::Following(_) => Err(self.follow().await),
                Phase::Waiting => {
                    tokio::time::sleep(self.back_off.pause()).await;
                    Ok(Phase::Listing)
                }
            };
            self.phase = match next {
                Ok(phase) => phase,
                Err(error) => {
                    self.outage.failed(&error);
                    self.shared.mark_out_of_sync();
                    Phase::Waiting
                }
            };
        }
    }

    async fn list(&mut self) -> Result<Phase> {
        let page = self.upstream.list(&self.root, &ListRequest::all()).await?;
        let watch = self.upstream.watch(&self.root, page.revision).await?;
        self.shared.install(page);
        self.outage.recovered();
        Ok(Phase::Following(watch.ready_chunks(BATCH)))
    }

    /// Applies changes until the watch fails.
    async fn follow(&mut self) -> Error {
        let Phase::Following(changes) = &mut self.phase else {
            return closed();
        };
        let mut progress = tokio::time::interval(self.progress);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = changes.next() => {
                    let Some(batch) = batch else { return closed() };
                    let mut batch = batch.into_iter().peekable();
                    while batch.peek().is_some() {
                        if let Err(error) = self.shared.apply_batch(&mut batch) {
                            return error;
                        }
                        if batch.peek().is_some() {
                            tokio::task::yield_now().await;
                        }
                    }
                    self.back_off.reset();
                }
                _ = progress.tick() => self.shared.send_progress(),
            }
        }
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.shared.in_sync.store(false, Ordering::Relaxed);
        self.shared.state.write().fanout.end(&closed());
    }
}

impl Shared {
    /// Replaces all data by a fresh list.
    fn install(&self, page: Page) {
        let revision = page.revision;
        let entries = self.with_cached_entries(page.entries);
        let observers = self.observers.lock();
        observers.reset(&entries);
        let mut snapshot = Snapshot::of(&entries);
        {
            let mut state = self.state.write();
            let gap = Error::Compacted {
                requested: state.revision,
                oldest: revision,
            };
            state.fanout.end(&gap);
            std::mem::swap(&mut state.snapshot, &mut snapshot);
            state.history.reset(revision);
            state.revision = revision;
        }
        self.reached.restart(revision);
        self.in_sync.store(true, Ordering::Relaxed);
    }

    /// Ends all watches, as changes may be missed from now on.
    fn mark_out_of_sync(&self) {
        self.in_sync.store(false, Ordering::Relaxed);
        let mut state = self.state.write();
        let requested = state.revision;
        state.fanout.end(&Error::Compacted {
            requested,
            oldest: requested + 1,
        });
    }

    /// Applies the next changes in order: first to observers, then to the snapshot and watchers, and
    /// last wakes those who wait for the revision.
    fn apply_batch(&self, batch: &mut impl Iterator<Item = Result<Arc<Event>>>) -> Result<()> {
        let observers = self.observers.lock();
        let mut outcome = Ok(());
        let (mut reached, mut bytes) = (0, 0);
        while bytes < BATCH_BYTES
            && let Some(item) = batch.next()
        {
            match item {
                Ok(event) => {
                    bytes += event.value().len();
                    let event = self.with_cached_previous(event);
                    observers.apply(&event);
                    reached = event.revision();
                    self.apply(event);
                }
                Err(error) => outcome = Err(error),
            }
        }
        self.reached.advance(reached);
        outcome
    }

    fn apply(&self, event: Arc<Event>) {
        let mut state = self.state.write();
        state.revision = state.revision.max(event.revision());
        if event.key().is_some() {
            state.snapshot.apply(&event);
            let framed = state.fanout.send(&event);
            state.history.push(event, framed);
        }
    }

    fn send_progress(&self) {
        let mut state = self.state.write();
        let revision = state.revision;
        state.fanout.progress(revision);
    }

    /// The event with the previous entry replaced by the cached one, if that is the same: the store
    /// sent a copy, which lacks the derived value.
    fn with_cached_previous(&self, event: Arc<Event>) -> Arc<Event> {
        let previous = match &*event {
            Event::Put { previous, .. } => previous.as_ref(),
            Event::Delete { previous, .. } => Some(previous),
            Event::Progress(_) => None,
        };
        let Some(cached) = previous.and_then(|previous| self.cached(previous)) else {
            return event;
        };
        let frame = Frame::default();
        Arc::new(match &*event {
            Event::Put { entry, .. } => Event::Put {
                entry: entry.clone(),
                previous: Some(cached),
                frame,
            },
            Event::Delete { revision, .. } => Event::Delete {
                previous: cached,
                revision: *revision,
                frame,
            },
            Event::Progress(revision) => Event::Progress(*revision),
        })
    }

    /// Likewise for listed entries: unchanged ones keep their derived values.
    fn with_cached_entries(&self, entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        let cached = |entry| self.cached(&entry).unwrap_or(entry);
        entries.into_iter().map(cached).collect()
    }

    /// The cached copy of `entry`, if there is a different one at the same revision.
    fn cached(&self, entry: &Arc<Entry>) -> Option<Arc<Entry>> {
        let state = self.state.read();
        let cached = state.snapshot.get(&entry.key)?;
        let same = cached.revision == entry.revision && !Arc::ptr_eq(cached, entry);
        same.then(|| cached.clone())
    }
}
