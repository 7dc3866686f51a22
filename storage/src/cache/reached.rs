//! How far memory is, and who waits for it to get further.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::Revision;

/// After so many have come, those who gave up are looked for: nobody is kept much longer than they
/// wait.
const MANY: usize = 1024;

/// A revision that grows.
///
/// Only those are woken whose revision is reached: with many writers at once, nearly everybody waits
/// for another one, and waking all of them at every change would cost more than the changes.
#[derive(Default)]
pub(super) struct Reached(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    revision: Revision,
    waiting: BTreeMap<Revision, Vec<oneshot::Sender<()>>>,
    /// How many have come since those who gave up were last looked for.
    joined: usize,
}

impl Reached {
    /// How far it is.
    pub(super) fn get(&self) -> Revision {
        self.0.lock().revision
    }

    /// Waits until it is at `revision` at least.
    pub(super) async fn wait_for(&self, revision: Revision) {
        let Some(reached) = self.join(revision) else {
            return;
        };
        // The other end is dropped only with all of this.
        let _ = reached.await;
    }

    fn join(&self, revision: Revision) -> Option<oneshot::Receiver<()>> {
        let mut progress = self.0.lock();
        if progress.revision >= revision {
            return None;
        }
        progress.joined += 1;
        if progress.joined > MANY {
            progress.forget_those_who_gave_up();
        }
        let (reached, wait) = oneshot::channel();
        progress.waiting.entry(revision).or_default().push(reached);
        Some(wait)
    }

    /// It is at `revision`, if it was not further already.
    pub(super) fn advance(&self, revision: Revision) {
        let there = self.0.lock().advance(revision);
        wake(there);
    }

    /// It is at `revision`, wherever it was.
    pub(super) fn restart(&self, revision: Revision) {
        let mut progress = self.0.lock();
        progress.revision = 0;
        let there = progress.advance(revision);
        drop(progress);
        wake(there);
    }
}

impl Progress {
    fn forget_those_who_gave_up(&mut self) {
        self.waiting.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
        self.joined = 0;
    }

    /// Moves on, and hands out those who waited for that.
    fn advance(&mut self, revision: Revision) -> BTreeMap<Revision, Vec<oneshot::Sender<()>>> {
        if revision <= self.revision {
            return BTreeMap::new();
        }
        self.revision = revision;
        let later = self.waiting.split_off(&revision.saturating_add(1));
        std::mem::replace(&mut self.waiting, later)
    }
}

fn wake(there: BTreeMap<Revision, Vec<oneshot::Sender<()>>>) {
    for one in there.into_values().flatten() {
        // Whoever gave up waiting needs no answer.
        let _ = one.send(());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn those_are_woken_whose_revision_is_reached() {
        let reached = Reached::default();
        let mut waits = [3, 5, 5, 9].map(|revision| Box::pin(reached.wait_for(revision)));
        let mut over = || waits.each_mut().map(|wait| wait.now_or_never().is_some());
        assert_eq!(over(), [false; 4]);
        reached.advance(5);
        reached.advance(4);
        assert_eq!(reached.get(), 5);
        let first = over();
        assert_eq!(first, [true, true, true, false]);
        reached.wait_for(2).await;
    }

    #[tokio::test]
    async fn it_may_start_again_further_back() {
        let reached = Reached::default();
        reached.advance(9);
        reached.restart(4);
        assert_eq!(reached.get(), 4);
        assert!(reached.wait_for(5).now_or_never().is_none());
    }

    #[tokio::test]
    async fn those_who_gave_up_are_forgotten() {
        let reached = Reached::default();
        for n in 1..=3 * MANY as Revision {
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
        assert!(waiting <= MANY + 1, "{waiting}");
    }
}
