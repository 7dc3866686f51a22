//! Forgetting the past at regular intervals, as kube-apiserver does (`etcd3/compact.go`).
//!
//! What was current one interval ago is the oldest that can still be asked for. Several servers may
//! do this to one store: none of them forgets anything younger than an interval.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Result, Revision, Storage};

/// kube-apiserver's `--etcd-compaction-interval`.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// A running task that compacts a store; it ends when this is dropped.
pub struct Compactor {
    stop: DropGuard,
    task: JoinHandle<Option<()>>,
}

impl Compactor {
    /// Compacts `storage` every `interval` to the revision of one interval before.
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

    /// Ends the task and waits until it has ended.
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
        match turn(&*storage, before).await {
            Ok(current) => before = Some(current),
            Err(error) => tracing::warn!(%error, "the store was not compacted"),
        }
    }
}

/// Forgets what was before `before`; returns what is current.
async fn turn(storage: &dyn Storage, before: Option<Revision>) -> Result<Revision> {
    if let Some(before) = before {
        storage.compact(before).await?;
        tracing::debug!(revision = before, "compacted the store");
    }
    storage.revision().await
}
