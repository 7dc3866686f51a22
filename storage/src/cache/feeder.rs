//! The task that fills the cache: list, then watch, and anew where the watch breaks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;
use portcullis_api::Backoff;
use tokio::time::MissedTickBehavior;

use super::snapshot::Snapshot;
use super::{Shared, closed};
use crate::outage::{Outage, Sentences};
use crate::{Entry, Error, Event, Frame, ListRequest, Page, Result, Storage, Watch};

/// How many changes are taken in at once, if they are there.
const BATCH: usize = 256;
/// After so many bytes of changes watchers have their turn, before history has to forget what they
/// have not seen.
const SLICE: usize = 4 << 20;
/// How long to wait after a failure: the first time, and at most.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

const SENTENCES: Sentences = Sentences {
    lost: "the cache lost the store",
    still: "the cache still cannot read the store",
    over: "the cache follows the store again",
};

/// Fills the cache.
pub(super) struct Feeder {
    upstream: Arc<dyn Storage>,
    root: String,
    shared: Arc<Shared>,
    phase: Phase,
    back_off: Backoff,
    progress: Duration,
    outage: Outage,
}

/// What the feeder is at.
enum Phase {
    /// Reading everything.
    Listing,
    /// Taking in changes.
    Following(ReadyChunks<Watch>),
    /// Giving the store some time.
    Waiting,
}

impl Feeder {
    /// Reads everything once, and stands ready to follow.
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
            outage: Outage::of(SENTENCES),
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
                    self.shared.lose();
                    Phase::Waiting
                }
            };
        }
    }

    async fn list(&mut self) -> Result<Phase> {
        let page = self.upstream.list(&self.root, &ListRequest::all()).await?;
        let watch = self.upstream.watch(&self.root, page.revision).await?;
        self.shared.install(page);
        self.outage.over();
        Ok(Phase::Following(watch.ready_chunks(BATCH)))
    }

    /// Takes in changes until something goes wrong.
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
                        if let Err(error) = self.shared.take_in(&mut batch) {
                            return error;
                        }
                        if batch.peek().is_some() {
                            tokio::task::yield_now().await;
                        }
                    }
                    self.back_off.reset();
                }
                _ = progress.tick() => self.shared.tell_progress(),
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
    /// Begins anew with everything there is.
    fn install(&self, page: Page) {
        let revision = page.revision;
        let entries = self.all_in_one_copy(page.entries);
        let observers = self.observers.lock();
        observers.reset(&entries);
        {
            let mut state = self.state.write();
            let gap = Error::Compacted {
                requested: state.revision,
                oldest: revision,
            };
            state.fanout.end(&gap);
            state.snapshot = Snapshot::of(&entries);
            state.history.reset(revision);
            state.revision = revision;
        }
        self.reached.restart(revision);
        self.in_sync.store(true, Ordering::Relaxed);
    }

    /// Changes may be missed from now on.
    fn lose(&self) {
        self.in_sync.store(false, Ordering::Relaxed);
        let mut state = self.state.write();
        let requested = state.revision;
        state.fanout.end(&Error::Compacted {
            requested,
            oldest: requested + 1,
        });
    }

    /// Takes in the next changes in order, each shown to observers first, to readers and watchers next, and
    /// last to those who wait for its revision.
    fn take_in(&self, batch: &mut impl Iterator<Item = Result<Arc<Event>>>) -> Result<()> {
        let observers = self.observers.lock();
        let mut outcome = Ok(());
        let (mut reached, mut bytes) = (0, 0);
        while bytes < SLICE
            && let Some(item) = batch.next()
        {
            match item {
                Ok(event) => {
                    bytes += event.value().len();
                    let event = self.in_one_copy(event);
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
            let framed = state.fanout.tell(&event);
            state.history.push(event, framed);
        }
    }

    fn tell_progress(&self) {
        let mut state = self.state.write();
        let revision = state.revision;
        state.fanout.progress(revision);
    }

    /// The change with what was before taken from memory, where it is the same: a store that sends
    /// it along sends a copy, without what readers have derived from ours.
    fn in_one_copy(&self, event: Arc<Event>) -> Arc<Event> {
        let previous = match &*event {
            Event::Put { previous, .. } => previous.as_ref(),
            Event::Delete { previous, .. } => Some(previous),
            Event::Progress(_) => None,
        };
        let Some(known) = previous.and_then(|previous| self.known(previous)) else {
            return event;
        };
        let frame = Frame::default();
        Arc::new(match &*event {
            Event::Put { entry, .. } => Event::Put {
                entry: entry.clone(),
                previous: Some(known),
                frame,
            },
            Event::Delete { revision, .. } => Event::Delete {
                previous: known,
                revision: *revision,
                frame,
            },
            Event::Progress(revision) => Event::Progress(*revision),
        })
    }

    /// The same for entries: those that did not change keep what readers have derived from them.
    fn all_in_one_copy(&self, entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        let one_copy = |entry| self.known(&entry).unwrap_or(entry);
        entries.into_iter().map(one_copy).collect()
    }

    /// Memory's copy of `entry`, if it has another one.
    fn known(&self, entry: &Arc<Entry>) -> Option<Arc<Entry>> {
        let state = self.state.read();
        let known = state.snapshot.get(&entry.key)?;
        let same = known.revision == entry.revision && !Arc::ptr_eq(known, entry);
        same.then(|| known.clone())
    }
}
