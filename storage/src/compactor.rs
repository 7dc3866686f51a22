//! Periodic compaction, as kube-apiserver does it (`etcd3/compact.go`).
//!
//! Each round compacts to the revision that was current one interval ago. Several servers may do
//! this to one store: none of them discards anything younger than an interval.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Result, Revision, Storage};

/// kube-apiserver's `--etcd-compaction-interval`.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// A task that compacts a store; dropping this ends it.
pub struct Compactor {
    stop: DropGuard,
    task: JoinHandle<Option<()>>,
}

impl Compactor {
    /// Compacts `storage` every `interval` to the revision that was current one interval before.
    pub fn start(storage: Arc<dyn Storage>, interval: Duration) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(run(storage, interval)),
        );
        Self {
            stop: stop.drop_guard(),
            task,
        }
    }

    /// Ends the task and waits for it.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the compactor failed");
        }
    }
}

async fn run(storage: Arc<dyn Storage>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        ticks.tick().await;
        match compact_once(&*storage, before).await {
            Ok(current) => before = Some(current),
            Err(error) => tracing::warn!(%error, "failed to compact the store"),
        }
    }
}

/// Compacts to `before`, if given; returns the current revision.
async fn compact_once(storage: &dyn Storage, before: Option<Revision>) -> Result<Revision> {
    if let Some(before) = before {
        storage.compact(before).await?;
        tracing::debug!(revision = before, "compacted the store");
    }
    storage.revision().await
}
