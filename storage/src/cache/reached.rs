//! The revision that the cache has reached, and the tasks that wait for it to advance.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::Revision;

/// After so many new waiters, cancelled ones are removed, so that they do not accumulate.
const PRUNE_AFTER: usize = 1024;

/// A revision that tasks can wait for.
///
/// Only tasks whose revision is reached are woken: with many concurrent writers nearly every task
/// waits for a different one, and waking all at every change would cost more than the change.
#[derive(Default)]
pub(super) struct Reached(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    revision: Revision,
    waiting: BTreeMap<Revision, Vec<oneshot::Sender<()>>>,
    /// How many waiters were added since cancelled ones were last removed.
    added: usize,
}

impl Reached {
    pub(super) fn get(&self) -> Revision {
        self.0.lock().revision
    }

    /// Waits until the revision is at least `revision`.
    pub(super) async fn wait_for(&self, revision: Revision) {
        let Some(reached) = self.add_waiter(revision) else {
            return;
        };
        // The sender is dropped only with `self`.
        let _ = reached.await;
    }

    fn add_waiter(&self, revision: Revision) -> Option<oneshot::Receiver<()>> {
        let mut progress = self.0.lock();
        if progress.revision >= revision {
            return None;
        }
        progress.added += 1;
        if progress.added > PRUNE_AFTER {
            progress.prune_cancelled();
        }
        let (reached, wait) = oneshot::channel();
        progress.waiting.entry(revision).or_default().push(reached);
        Some(wait)
    }

    /// Advances to `revision`; does nothing if it is not higher than the current one.
    pub(super) fn advance(&self, revision: Revision) {
        let due = self.0.lock().advance(revision);
        wake(due);
    }

    /// Sets the revision, which may also go back.
    pub(super) fn restart(&self, revision: Revision) {
        let mut progress = self.0.lock();
        progress.revision = 0;
        let due = progress.advance(revision);
        drop(progress);
        wake(due);
    }
}

impl Progress {
    fn prune_cancelled(&mut self) {
        self.waiting.retain(|_, waiting| {
            waiting.retain(|waiter| !waiter.is_closed());
            !waiting.is_empty()
        });
        self.added = 0;
    }

    /// Advances, and returns the waiters to wake.
    fn advance(&mut self, revision: Revision) -> BTreeMap<Revision, Vec<oneshot::Sender<()>>> {
        if revision <= self.revision {
            return BTreeMap::new();
        }
        self.revision = revision;
        let later = self.waiting.split_off(&revision.saturating_add(1));
        std::mem::replace(&mut self.waiting, later)
    }
}

fn wake(due: BTreeMap<Revision, Vec<oneshot::Sender<()>>>) {
    for waiter in due.into_values().flatten() {
        // The task may have been cancelled.
        let _ = waiter.send(());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn waiters_are_woken_when_their_revision_is_reached() {
        let reached = Reached::default();
        let mut waits = [3, 5, 5, 9].map(|revision| Box::pin(reached.wait_for(revision)));
        let mut done = || waits.each_mut().map(|wait| wait.now_or_never().is_some());
        assert_eq!(done(), [false; 4]);
        reached.advance(5);
        reached.advance(4);
        assert_eq!(reached.get(), 5);
        let first = done();
        assert_eq!(first, [true, true, true, false]);
        reached.wait_for(2).await;
    }

    #[tokio::test]
    async fn a_restart_may_lower_the_revision() {
        let reached = Reached::default();
        reached.advance(9);
        reached.restart(4);
        assert_eq!(reached.get(), 4);
        assert!(reached.wait_for(5).now_or_never().is_none());
    }

    #[tokio::test]
    async fn cancelled_waiters_are_removed() {
        let reached = Reached::default();
        for n in 1..=3 * PRUNE_AFTER as Revision {
            assert!(reached.wait_for(n).now_or_never().is_none());
            assert!(reached.wait_for(9).now_or_never().is_none());
        }
        let waiting = reached
            .0
            .lock()
            .waiting
            .values()
            .map(Vec::len)
            .sum::<usize>();
        assert!(waiting <= PRUNE_AFTER + 1, "{waiting}");
    }
}
