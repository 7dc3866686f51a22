//! Delivers each change to all watchers of its key.
//!
//! Watchers are indexed by the directory of their prefix, so that a change costs one look-up for
//! each segment of its key, regardless of how many watch something else.
//!
//! A watcher's queue does not own its changes: the history does, for all watchers together and
//! within its limits. A watcher with a queued change that the history has dropped is ended as slow,
//! like one whose queue is full.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::closed;
use crate::{Error, Event, Result, Revision, Watch};

/// All watchers.
pub(super) struct Fanout {
    by_directory: HashMap<Box<str>, Vec<Watcher>>,
    /// The capacity of each watcher's queue.
    queue_limit: usize,
}

/// The sending side of a watch.
struct Watcher {
    prefix: Box<str>,
    /// Only changes after this revision are delivered.
    after: Revision,
    /// The last revision that was sent.
    sent: Revision,
    queue: mpsc::Sender<Queued>,
    end: Arc<OnceLock<Error>>,
}

/// The receiving side of a watch.
struct Subscription {
    past: VecDeque<Queued>,
    queue: mpsc::Receiver<Queued>,
    end: Arc<OnceLock<Error>>,
    /// Whether the error that ends it has been received.
    ended: bool,
}

/// An event that was not received yet.
enum Queued {
    Change(Weak<Event>),
    Progress(Revision),
}

impl Queued {
    fn change(event: &Arc<Event>) -> Self {
        Self::Change(Arc::downgrade(event))
    }

    /// `None` if the history has dropped the change.
    fn take(self) -> Option<Arc<Event>> {
        match self {
            Self::Change(event) => event.upgrade(),
            Self::Progress(revision) => Some(Arc::new(Event::Progress(revision))),
        }
    }
}

impl Fanout {
    /// No watchers; each that joins gets a queue of `queue_limit`.
    pub(super) fn new(queue_limit: usize) -> Self {
        Self {
            by_directory: HashMap::new(),
            queue_limit: queue_limit.max(1),
        }
    }

    /// Adds a watcher that receives `past`, which the history owns, before anything else.
    pub(super) fn subscribe<'a>(
        &mut self,
        prefix: &str,
        after: Revision,
        past: impl IntoIterator<Item = &'a Arc<Event>>,
    ) -> Watch {
        let (queue, receiver) = mpsc::channel(self.queue_limit);
        let end = Arc::new(OnceLock::new());
        let mut sent = after;
        let past = past.into_iter().map(|event| {
            sent = event.revision();
            Queued::change(event)
        });
        let past = past.collect();
        let watcher = Watcher {
            prefix: prefix.into(),
            after,
            sent,
            queue,
            end: end.clone(),
        };
        self.by_directory
            .entry(directory(prefix).into())
            .or_default()
            .push(watcher);
        Box::pin(Subscription {
            past,
            queue: receiver,
            end,
            ended: false,
        })
    }

    /// Sends a change to its watchers and ends those whose queue is full. Returns whether there
    /// were any.
    pub(super) fn send(&mut self, event: &Arc<Event>) -> bool {
        let Some(key) = event.key() else { return false };
        let mut sent = false;
        for directory in directories(key) {
            let Some(watchers) = self.by_directory.get_mut(directory) else {
                continue;
            };
            watchers.retain_mut(|watcher| {
                !watcher.wants(key, event) || {
                    sent = true;
                    watcher.send(event)
                }
            });
            if watchers.is_empty() {
                self.by_directory.remove(directory);
            }
        }
        sent
    }

    /// Sends progress to idle watchers, and removes those that are gone.
    pub(super) fn progress(&mut self, revision: Revision) {
        self.by_directory.retain(|_, watchers| {
            watchers.retain_mut(|watcher| watcher.progress(revision));
            !watchers.is_empty()
        });
    }

    /// Ends all watches.
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

    /// Returns whether the watch continues.
    fn send(&mut self, event: &Arc<Event>) -> bool {
        self.sent = event.revision();
        match self.queue.try_send(Queued::change(event)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.end_with(Error::Slow);
                false
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    fn progress(&mut self, revision: Revision) -> bool {
        // One with a full queue gets it later.
        if self.sent < revision && self.queue.try_send(Queued::Progress(revision)).is_ok() {
            self.sent = revision;
        }
        !self.queue.is_closed()
    }

    /// Sets the error that ends the watch: it is returned once the queue is drained, which closes
    /// when this is dropped.
    fn end_with(&self, error: Error) {
        // The first reason wins.
        let _ = self.end.set(error);
    }
}

impl Stream for Subscription {
    type Item = Result<Arc<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let queued = match self.past.pop_front() {
            Some(queued) => Some(queued),
            None => ready!(self.queue.poll_recv(context)),
        };
        let reason = || self.end.get().cloned();
        let received = match queued {
            Some(queued) => queued.take().ok_or_else(|| reason().unwrap_or(Error::Slow)),
            None => Err(reason().unwrap_or_else(closed)),
        };
        if received.is_err() {
            self.ended = true;
            // so that nothing is sent to it any more
            self.queue.close();
        }
        Poll::Ready(Some(received))
    }
}

/// `prefix` up to and including its last slash.
fn directory(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |slash| &prefix[..=slash])
}

/// Every directory that a prefix of `key` can be in.
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

    /// Everything received so far.
    fn received(watch: &mut Watch) -> Vec<String> {
        let mut received = Vec::new();
        while let Some(Some(item)) = watch.next().now_or_never() {
            received.push(match item {
                Ok(event) => format!("{} {}", event.key().unwrap_or("-"), event.revision()),
                Err(error) => error.to_string(),
            });
        }
        received
    }

    #[test]
    fn each_watcher_receives_the_keys_under_its_prefix() {
        let mut fanout = Fanout::new(9);
        let prefixes = ["", "/", "/a/", "/a/b", "/a/b/", "/b/"];
        let mut watches = prefixes.map(|prefix| fanout.subscribe(prefix, 0, []));
        let events = [("/a/b/c", 1), ("/a/bb", 2), ("/a/c", 3), ("/b", 4)];
        let events = events.map(|(key, revision)| put(key, revision));
        for event in &events {
            assert!(fanout.send(event));
        }
        let counts = watches.each_mut().map(|watch| received(watch).len());
        assert_eq!(counts, [4, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn history_comes_first_and_seen_changes_are_skipped() {
        let mut fanout = Fanout::new(9);
        let events = [8, 9, 10].map(|revision| put("/a/x", revision));
        let mut watch = fanout.subscribe("/a/", 7, &events[..1]);
        let mut ahead = fanout.subscribe("/a/", 9, []);
        for event in &events[1..] {
            fanout.send(event);
        }
        assert_eq!(received(&mut watch), ["/a/x 8", "/a/x 9", "/a/x 10"]);
        assert_eq!(received(&mut ahead), ["/a/x 10"]);
    }

    #[test]
    fn a_slow_watcher_is_ended() {
        let mut fanout = Fanout::new(2);
        let mut slow = fanout.subscribe("/", 0, []);
        let mut quick = fanout.subscribe("/", 0, []);
        let mut count = 0;
        let events = [1, 2, 3, 4, 5].map(|revision| put("/x", revision));
        for event in &events {
            fanout.send(event);
            count += received(&mut quick).len();
        }
        assert_eq!(count, 5);
        assert_eq!(
            received(&mut slow),
            ["/x 1", "/x 2", &Error::Slow.to_string()]
        );
    }

    #[test]
    fn idle_watchers_receive_progress() {
        let mut fanout = Fanout::new(9);
        let mut watch = fanout.subscribe("/a/", 3, []);
        drop(fanout.subscribe("/b/", 3, []));
        for revision in [5, 5, 6] {
            fanout.progress(revision);
        }
        assert_eq!(received(&mut watch), ["- 5", "- 6"]);
        assert_eq!(fanout.by_directory.len(), 1, "a closed watcher is removed");
    }

    /// A queue does not own its changes.
    #[test]
    fn a_watcher_with_a_dropped_change_is_ended() {
        let mut fanout = Fanout::new(9);
        let [past, first, second] = [1, 2, 3].map(|revision| put("/x", revision));
        let mut early = fanout.subscribe("/", 0, [&past]);
        let mut late = fanout.subscribe("/", 1, []);
        for event in [&first, &second] {
            fanout.send(event);
        }
        drop(past);
        assert_eq!(received(&mut early), [Error::Slow.to_string()]);
        drop(first);
        assert_eq!(received(&mut late), [Error::Slow.to_string()]);
        fanout.progress(4);
        assert!(
            fanout.by_directory.is_empty(),
            "an ended watcher is removed"
        );
    }
}
