//! From one change to all who watch for it.
//!
//! Watchers are found by the directory of their prefix, so that a change costs as many look-ups as
//! its key has parts, however many watch something else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use futures_util::stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::closed;
use crate::{Error, Event, Result, Revision, Watch};

/// Everybody who watches.
pub(super) struct Fanout {
    by_directory: HashMap<Box<str>, Vec<Watcher>>,
    /// How many changes may wait for one.
    room: usize,
}

/// One who watches, seen from here.
struct Watcher {
    prefix: Box<str>,
    /// Only changes after this revision are wanted.
    after: Revision,
    /// How far it knows that it is.
    told: Revision,
    queue: mpsc::Sender<Arc<Event>>,
    end: Arc<OnceLock<Error>>,
}

/// One who watches, seen from there.
struct Watched {
    past: VecDeque<Arc<Event>>,
    queue: mpsc::Receiver<Arc<Event>>,
    end: Arc<OnceLock<Error>>,
}

impl Fanout {
    /// Nobody, each with room for so many changes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            by_directory: HashMap::new(),
            room: room.max(1),
        }
    }

    /// A new watcher, who is told `past` first.
    pub(super) fn join(&mut self, prefix: &str, after: Revision, past: Vec<Arc<Event>>) -> Watch {
        let (queue, receiver) = mpsc::channel(self.room);
        let end = Arc::new(OnceLock::new());
        let told = past.last().map_or(after, |event| event.revision());
        let watcher = Watcher {
            prefix: prefix.into(),
            after,
            told,
            queue,
            end: end.clone(),
        };
        self.by_directory
            .entry(directory(prefix).into())
            .or_default()
            .push(watcher);
        let watched = Watched {
            past: past.into(),
            queue: receiver,
            end,
        };
        Box::pin(stream::unfold(Some(watched), |watched| async {
            let mut watched = watched?;
            match watched.next().await {
                Ok(event) => Some((Ok(event), Some(watched))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    /// Tells a change to all who wait for it; ends those who do not keep up.
    pub(super) fn tell(&mut self, event: &Arc<Event>) {
        let Some(key) = event.key() else { return };
        for directory in directories(key) {
            let Some(watchers) = self.by_directory.get_mut(directory) else {
                continue;
            };
            watchers.retain_mut(|watcher| watcher.tell(key, event));
            if watchers.is_empty() {
                self.by_directory.remove(directory);
            }
        }
    }

    /// Tells all how far they are, and forgets those who have left.
    pub(super) fn progress(&mut self, revision: Revision) {
        self.by_directory.retain(|_, watchers| {
            watchers.retain_mut(|watcher| watcher.progress(revision));
            !watchers.is_empty()
        });
    }

    /// Ends all.
    pub(super) fn end(&mut self, error: &Error) {
        for watcher in self.by_directory.drain().flat_map(|(_, watchers)| watchers) {
            watcher.end_with(error.clone());
        }
    }
}

impl Watcher {
    /// Whether it goes on.
    fn tell(&mut self, key: &str, event: &Arc<Event>) -> bool {
        if event.revision() <= self.after || !key.starts_with(&*self.prefix) {
            return true;
        }
        self.told = event.revision();
        match self.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.end_with(Error::Slow);
                false
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    fn progress(&mut self, revision: Revision) -> bool {
        // One that is busy will be told later.
        if self.told < revision
            && self
                .queue
                .try_send(Arc::new(Event::Progress(revision)))
                .is_ok()
        {
            self.told = revision;
        }
        !self.queue.is_closed()
    }

    /// Leaves the reason; it is read once the queue is, which ends when this is dropped.
    fn end_with(&self, error: Error) {
        // Only the first reason counts.
        let _ = self.end.set(error);
    }
}

impl Watched {
    async fn next(&mut self) -> Result<Arc<Event>> {
        if let Some(event) = self.past.pop_front() {
            return Ok(event);
        }
        match self.queue.recv().await {
            Some(event) => Ok(event),
            None => Err(self.end.get().cloned().unwrap_or_else(closed)),
        }
    }
}

/// All of `prefix` up to its last slash.
fn directory(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |slash| &prefix[..=slash])
}

/// Every directory that a prefix of `key` can have.
fn directories(key: &str) -> impl Iterator<Item = &str> {
    let slashes = key.match_indices('/').map(|(slash, _)| &key[..=slash]);
    std::iter::once("").chain(slashes)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::{Entry, Frame};

    fn put(key: &str, revision: Revision) -> Arc<Event> {
        let entry = Entry::new(key, Bytes::new(), revision);
        Arc::new(Event::Put {
            entry,
            previous: None,
            frame: Frame::default(),
        })
    }

    /// What has been told up to now.
    fn told(watch: &mut Watch) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(Some(item)) = watch.next().now_or_never() {
            told.push(match item {
                Ok(event) => format!("{} {}", event.key().unwrap_or("-"), event.revision()),
                Err(error) => error.to_string(),
            });
        }
        told
    }

    #[test]
    fn each_is_told_what_starts_with_its_prefix() {
        let mut fanout = Fanout::new(9);
        let prefixes = ["", "/", "/a/", "/a/b", "/a/b/", "/b/"];
        let mut watches = prefixes.map(|prefix| fanout.join(prefix, 0, Vec::new()));
        for (revision, key) in (1..).zip(["/a/b/c", "/a/bb", "/a/c", "/b"]) {
            fanout.tell(&put(key, revision));
        }
        let counts = watches.each_mut().map(|watch| told(watch).len());
        assert_eq!(counts, [4, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn the_past_comes_first_and_the_known_not_at_all() {
        let mut fanout = Fanout::new(9);
        let mut watch = fanout.join("/a/", 7, vec![put("/a/x", 8)]);
        let mut ahead = fanout.join("/a/", 9, Vec::new());
        for revision in [9, 10] {
            fanout.tell(&put("/a/x", revision));
        }
        assert_eq!(told(&mut watch), ["/a/x 8", "/a/x 9", "/a/x 10"]);
        assert_eq!(told(&mut ahead), ["/a/x 10"]);
    }

    #[test]
    fn one_that_does_not_keep_up_is_ended() {
        let mut fanout = Fanout::new(2);
        let mut slow = fanout.join("/", 0, Vec::new());
        let mut quick = fanout.join("/", 0, Vec::new());
        let mut count = 0;
        for revision in 1..=5 {
            fanout.tell(&put("/x", revision));
            count += told(&mut quick).len();
        }
        assert_eq!(count, 5);
        assert_eq!(told(&mut slow), ["/x 1", "/x 2", &Error::Slow.to_string()]);
    }

    #[test]
    fn the_idle_are_told_how_far_they_are() {
        let mut fanout = Fanout::new(9);
        let mut watch = fanout.join("/a/", 3, Vec::new());
        drop(fanout.join("/b/", 3, Vec::new()));
        for revision in [5, 5, 6] {
            fanout.progress(revision);
        }
        assert_eq!(told(&mut watch), ["- 5", "- 6"]);
        assert_eq!(fanout.by_directory.len(), 1, "who has left is forgotten");
    }
}
