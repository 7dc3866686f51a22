//! The store's current revision for [`ReadAt::Latest`](crate::ReadAt::Latest): one read serves all
//! requests that wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use super::closed;
use crate::{Result, Revision, Storage};

/// How many requests may be queued for the next read.
const QUEUE: usize = 4096;

/// How many reads may be in flight: with only one, a request that just missed it would wait for
/// two.
const MAX_IN_FLIGHT: usize = 2;
/// How often the task yields before it starts a read. Clients that were served together tend to
/// send their next requests together; on an idle runtime this takes no time.
const YIELDS: usize = 6;

type Waiter = oneshot::Sender<Result<Revision>>;

/// Counters of shared reads of the store's revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// How many requests needed the store's current revision.
    pub requests: u64,
    /// How many reads served them.
    pub reads: u64,
}

/// Hands out the store's current revision.
pub(super) struct SharedRead {
    waiters: mpsc::Sender<Waiter>,
    counts: Arc<Counts>,
}

/// The task that reads the revision.
pub(super) struct ReadTask {
    upstream: Arc<dyn Storage>,
    waiters: mpsc::Receiver<Waiter>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    reads: AtomicU64,
}

impl SharedRead {
    /// Returns the handle, and the task to spawn.
    pub(super) fn new(upstream: Arc<dyn Storage>) -> (Self, ReadTask) {
        let (sender, waiters) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let task = ReadTask {
            upstream,
            waiters,
            counts: counts.clone(),
        };
        (
            Self {
                waiters: sender,
                counts,
            },
            task,
        )
    }

    /// A revision that was current after this call began.
    pub(super) async fn revision(&self) -> Result<Revision> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let (waiter, response) = oneshot::channel();
        self.waiters.send(waiter).await.map_err(|_| closed())?;
        response.await.map_err(|_| closed())?
    }

    pub(super) fn counts(&self) -> ReadCounts {
        ReadCounts {
            requests: self.counts.requests.load(Ordering::Relaxed),
            reads: self.counts.reads.load(Ordering::Relaxed),
        }
    }
}

impl ReadTask {
    /// Runs until the handle is dropped.
    ///
    /// Requests that arrive while a read is in flight are served by a later one: the revision that
    /// this one returns may be older than their start.
    pub(super) async fn run(mut self) {
        let mut reads = FuturesUnordered::new();
        loop {
            tokio::select! {
                first = self.waiters.recv(), if reads.len() < MAX_IN_FLIGHT => {
                    let Some(first) = first else { break };
                    let batch = self.collect_waiters(first).await;
                    if !batch.is_empty() {
                        self.counts.reads.fetch_add(1, Ordering::Relaxed);
                        reads.push(serve(self.upstream.clone(), batch));
                    }
                }
                Some(()) = reads.next() => {}
            }
        }
        while reads.next().await.is_some() {}
    }

    /// All requests that still wait, including those that arrive shortly after `first`.
    async fn collect_waiters(&mut self, first: Waiter) -> Vec<Waiter> {
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        let mut batch = vec![first];
        while let Ok(another) = self.waiters.try_recv() {
            batch.push(another);
        }
        batch.retain(|waiter| !waiter.is_closed());
        batch
    }
}

/// Reads the revision once, for all waiters.
async fn serve(upstream: Arc<dyn Storage>, batch: Vec<Waiter>) {
    let revision = upstream.revision().await;
    for waiter in batch {
        // The request may have been cancelled.
        let _ = waiter.send(revision.clone());
    }
}
