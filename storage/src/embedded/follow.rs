//! Watches: each reads the shared log at its own pace, so that a slow one does not delay others.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use tokio::sync::watch;

use super::Shared;
use super::committer::closed;
use crate::{Event, Result, Revision, Watch};

/// How many changes are read under one lock.
const READ_BATCH: usize = 512;

struct Follower {
    shared: Arc<Shared>,
    published: watch::Receiver<Revision>,
    prefix: String,
    /// Every change up to this revision has been read.
    seen: Revision,
    ready: VecDeque<Arc<Event>>,
}

/// Watches `prefix` from the first change after `after`.
pub(super) fn follow(shared: Arc<Shared>, prefix: &str, after: Revision) -> Result<Watch> {
    if shared.closed.is_cancelled() {
        return Err(closed());
    }
    {
        let index = shared.index.read();
        if after < index.compacted() {
            return Err(index.compacted_error(after));
        }
    }
    let published = shared.published.subscribe();
    let prefix = prefix.to_owned();
    let follower = Follower {
        shared,
        published,
        prefix,
        seen: after,
        ready: VecDeque::new(),
    };
    Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    })))
}

impl Follower {
    async fn next(&mut self) -> Result<Arc<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if *self.published.borrow_and_update() > self.seen {
                self.read_log()?;
                continue;
            }
            tokio::select! {
                changed = self.published.changed() => changed.map_err(|_| closed())?,
                () = self.shared.closed.cancelled() => return Err(closed()),
            }
        }
    }

    /// Reads the next changes from the log.
    fn read_log(&mut self) -> Result<()> {
        let index = self.shared.index.read();
        let mut delivered = self.seen;
        for event in index.since(self.seen, READ_BATCH)? {
            self.seen = event.revision();
            if event.key().is_some_and(|key| key.starts_with(&self.prefix)) {
                delivered = self.seen;
                // The wire form lives only as long as watchers need it; the log would keep it
                // longer.
                self.ready.push_back(Arc::new(event.with_own_frame()));
            }
        }
        if delivered < self.seen {
            self.ready.push_back(Arc::new(Event::Progress(self.seen)));
        }
        Ok(())
    }
}
