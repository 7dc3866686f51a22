//! From one change to all who watch for it.
//!
//! Watchers are found by the directory of their prefix, so that a change costs as many look-ups as
//! its key has parts, however many watch something else.
//!
//! Changes that wait for a watcher are not kept for it: history keeps them, for all together and within
//! its bounds. A watcher for whom one waits that history has forgotten is as slow as one for whom too
//! many wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock, Weak};

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
    queue: mpsc::Sender<Waiting>,
    end: Arc<OnceLock<Error>>,
}

/// One who watches, seen from there.
struct Watched {
    past: VecDeque<Waiting>,
    queue: mpsc::Receiver<Waiting>,
    end: Arc<OnceLock<Error>>,
}

/// What waits for a watcher.
enum Waiting {
    Change(Weak<Event>),
    Progress(Revision),
}

impl Waiting {
    fn change(event: &Arc<Event>) -> Self {
        Self::Change(Arc::downgrade(event))
    }

    /// `None` if it is forgotten.
    fn take(self) -> Option<Arc<Event>> {
        match self {
            Self::Change(event) => event.upgrade(),
            Self::Progress(revision) => Some(Arc::new(Event::Progress(revision))),
        }
    }
}

impl Fanout {
    /// Nobody, each with room for so many changes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            by_directory: HashMap::new(),
            room: room.max(1),
        }
    }

    /// A new watcher, who is told `past` first, which history has.
    pub(super) fn join<'a>(
        &mut self,
        prefix: &str,
        after: Revision,
        past: impl IntoIterator<Item = &'a Arc<Event>>,
    ) -> Watch {
        let (queue, receiver) = mpsc::channel(self.room);
        let end = Arc::new(OnceLock::new());
        let mut told = after;
        let past = past.into_iter().map(|event| {
            told = event.revision();
            Waiting::change(event)
        });
        let past = past.collect();
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
            past,
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

    /// Tells a change to all who wait for it; ends those who do not keep up. Whether anybody was told.
    pub(super) fn tell(&mut self, event: &Arc<Event>) -> bool {
        let Some(key) = event.key() else { return false };
        let mut told = false;
        for directory in directories(key) {
            let Some(watchers) = self.by_directory.get_mut(directory) else {
                continue;
            };
            watchers.retain_mut(|watcher| {
                !watcher.wants(key, event) || {
                    told = true;
                    watcher.tell(event)
                }
            });
            if watchers.is_empty() {
                self.by_directory.remove(directory);
            }
        }
        told
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
    fn wants(&self, key: &str, event: &Event) -> bool {
        event.revision() > self.after && key.starts_with(&*self.prefix)
    }

    /// Whether it goes on.
    fn tell(&mut self, event: &Arc<Event>) -> bool {
        self.told = event.revision();
        match self.queue.try_send(Waiting::change(event)) {
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
        if self.told < revision && self.queue.try_send(Waiting::Progress(revision)).is_ok() {
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
        let waiting = match self.past.pop_front() {
            Some(waiting) => Some(waiting),
            None => self.queue.recv().await,
        };
        let reason = || self.end.get().cloned();
        match waiting {
            Some(waiting) => waiting
                .take()
                .ok_or_else(|| reason().unwrap_or(Error::Slow)),
            None => Err(reason().unwrap_or_else(closed)),
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
        let mut watches = prefixes.map(|prefix| fanout.join(prefix, 0, []));
        let events = [("/a/b/c", 1), ("/a/bb", 2), ("/a/c", 3), ("/b", 4)];
        let events = events.map(|(key, revision)| put(key, revision));
        for event in &events {
            assert!(fanout.tell(event));
        }
        let counts = watches.each_mut().map(|watch| told(watch).len());
        assert_eq!(counts, [4, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn the_past_comes_first_and_the_known_not_at_all() {
        let mut fanout = Fanout::new(9);
        let events = [8, 9, 10].map(|revision| put("/a/x", revision));
        let mut watch = fanout.join("/a/", 7, &events[..1]);
        let mut ahead = fanout.join("/a/", 9, []);
        for event in &events[1..] {
            fanout.tell(event);
        }
        assert_eq!(told(&mut watch), ["/a/x 8", "/a/x 9", "/a/x 10"]);
        assert_eq!(told(&mut ahead), ["/a/x 10"]);
    }

    #[test]
    fn one_that_does_not_keep_up_is_ended() {
        let mut fanout = Fanout::new(2);
        let mut slow = fanout.join("/", 0, []);
        let mut quick = fanout.join("/", 0, []);
        let mut count = 0;
        let events = [1, 2, 3, 4, 5].map(|revision| put("/x", revision));
        for event in &events {
            fanout.tell(event);
            count += told(&mut quick).len();
        }
        assert_eq!(count, 5);
        assert_eq!(told(&mut slow), ["/x 1", "/x 2", &Error::Slow.to_string()]);
    }

    #[test]
    fn the_idle_are_told_how_far_they_are() {
        let mut fanout = Fanout::new(9);
        let mut watch = fanout.join("/a/", 3, []);
        drop(fanout.join("/b/", 3, []));
        for revision in [5, 5, 6] {
            fanout.progress(revision);
        }
        assert_eq!(told(&mut watch), ["- 5", "- 6"]);
        assert_eq!(fanout.by_directory.len(), 1, "who has left is forgotten");
    }

    /// What waits for a watcher is not kept for it.
    #[test]
    fn one_for_whom_something_forgotten_waits_is_ended() {
        let mut fanout = Fanout::new(9);
        let [past, first, second] = [1, 2, 3].map(|revision| put("/x", revision));
        let mut early = fanout.join("/", 0, [&past]);
        let mut late = fanout.join("/", 1, []);
        for event in [&first, &second] {
            fanout.tell(event);
        }
        drop(past);
        assert_eq!(told(&mut early), [Error::Slow.to_string()]);
        drop(first);
        assert_eq!(told(&mut late), [Error::Slow.to_string()]);
        fanout.progress(4);
        assert!(fanout.by_directory.is_empty(), "who was ended is forgotten");
    }
}
