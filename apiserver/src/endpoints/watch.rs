//! GET with `watch=true`: the changes of a collection, one JSON object a line.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use portcullis_api::Status;
use portcullis_api::selector::FieldRequirement;
use portcullis_api::status::Reason;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::call::Call;
use crate::limits::in_flight::InFlight;
use crate::limits::pool::Permit;
use crate::metrics::EventMetrics;
use crate::response::object::Shape;
use crate::response::watch_frames::Frames;
use crate::response::{self, Ends, EndsItself, Response};
use portcullis_registry::Scope;
use portcullis_registry::watch::{Following, WatchEvent, WatchQuery};

/// The shortest default duration of a watch; the duration is random, up to twice this, as upstream.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often a watcher that allows bookmarks gets one (upstream: `bookmarkFrequency`).
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How many events a watch sends in a row before it checks for its end.
const RUN_MAX: usize = 32;

/// Events of larger objects reserve memory, as large responses do, unless all watchers share them.
const SMALL_EVENT: usize = 8 * 1024;

/// Follows a collection.
///
/// # Errors
/// 400 for invalid options. A compacted revision is reported in the stream, as by upstream's cache: clients
/// that only read events would retry after an HTTP 410.
pub async fn watch(call: &Call<'_>) -> Result<Response, Status> {
    let (timeout_seconds, _) = call.query.list_numbers()?;
    let (from, streaming) = call.query.watch_from()?;
    let mut selection = call
        .query
        .selection(call.scope.resource, call.api_version)?;
    if call.info.named_in_path {
        let name = FieldRequirement {
            field: "metadata.name".into(),
            value: call.scope.name.into(),
            equal: true,
        };
        selection.fields.requirements.push(name);
    }
    let scope = Scope {
        name: "",
        ..call.scope
    };
    let end = Instant::now() + timeout(timeout_seconds);
    let query = WatchQuery { selection, from };
    let following = match call
        .api
        .registry
        .watch(call.row.clone(), &scope, query)
        .await
    {
        Err(status) if status.reason == Some(Reason::Expired) => {
            Box::pin(stream::once(ready(Err(status))))
        }
        following => following?,
    };
    let mut state = Watching {
        following,
        shape: call.shape()?,
        has_columns: true,
        bookmarks: call.query.flag("allowWatchBookmarks"),
        marks_initial_end: streaming,
        revision: 0,
        timer: bookmark_timer(),
        end: Box::pin(tokio::time::sleep_until(end)),
        shutdown: Box::pin(call.api.shutdown.clone().cancelled_owned()),
        in_flight: call.in_flight.clone(),
        shareable: false,
        run: 0,
        events: call.api.watches.of(call.api_version, call.row.kind),
        done: false,
    };
    state.shareable = state.shape.reader(true).is_shareable();
    // small, since it is moved with each event
    let state = Box::new(state);
    let frames = stream::unfold(state, |mut state| async move {
        state
            .next()
            .await
            .map(|bytes| (Ok::<_, Infallible>(bytes), state))
    });
    let mut response = response::bytes(StatusCode::OK, call.format.encoding.content_type(), "");
    *response.body_mut() = Body::from_stream(frames);
    response.extensions_mut().insert(Ends(end));
    response.extensions_mut().insert(EndsItself);
    Ok(response)
}

fn timeout(seconds: Option<i64>) -> Duration {
    match seconds {
        // A negative timeout ends the watch immediately, and the largest number would overflow the clock.
        Some(seconds) if seconds != 0 => {
            let seconds = u32::try_from(seconds.clamp(0, u32::MAX.into())).unwrap_or_default();
            Duration::from_secs(seconds.into())
        }
        _ => {
            // spread, so that watchers that started together do not end together
            let spread = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * TIMEOUT.as_secs() / 256;
            TIMEOUT + Duration::from_secs(spread)
        }
    }
}

fn bookmark_timer() -> Interval {
    let mut timer = tokio::time::interval_at(Instant::now() + BOOKMARK_EVERY, BOOKMARK_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// A running watch.
struct Watching {
    following: Following,
    shape: Shape,
    /// Whether the next Table describes its columns, which only the first one does.
    has_columns: bool,
    bookmarks: bool,
    marks_initial_end: bool,
    /// The last revision that the watcher has got.
    revision: u64,
    timer: Interval,
    end: Pin<Box<Sleep>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    in_flight: Arc<InFlight>,
    /// Whether it sees events as most others do.
    shareable: bool,
    /// How many events came since it last looked at anything else.
    run: usize,
    events: EventMetrics,
    done: bool,
}

/// An event, and the permit for the memory it takes until it is sent.
struct Held {
    event: Bytes,
    _memory: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.event
    }
}

/// What woke a watch.
enum Woken {
    Event(Option<Result<WatchEvent, Status>>),
    Bookmark,
    End,
}

impl Watching {
    /// The next line, if there is one.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.done {
            let woken = poll_fn(|context| self.poll_woken(context)).await;
            let memory = match self.size_alone(&woken) {
                Some(size) => match self.in_flight.memory(size).await {
                    Ok(memory) => Some(memory),
                    // As with a watcher that is too slow, its client restarts it.
                    Err(_) => {
                        self.done = true;
                        return None;
                    }
                },
                None => None,
            };
            if let Some(line) = self.line(woken) {
                self.events.sent(line.len());
                return Some(match memory {
                    Some(memory) => Bytes::from_owner(Held {
                        event: line,
                        _memory: memory,
                    }),
                    None => line,
                });
            }
        }
        None
    }

    /// Waits for an event, the end or a bookmark. Events come first: the other sources have locks that many
    /// watchers share, so they are polled only if no event is ready, or after [`RUN_MAX`] events.
    fn poll_woken(&mut self, context: &mut Context<'_>) -> Poll<Woken> {
        if self.run < RUN_MAX
            && let Poll::Ready(event) = self.following.poll_next_unpin(context)
        {
            self.run += 1;
            return Poll::Ready(Woken::Event(event));
        }
        let looked = std::mem::take(&mut self.run) < RUN_MAX;
        if self.shutdown.as_mut().poll(context).is_ready()
            || self.end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Woken::End);
        }
        if !looked && let Poll::Ready(event) = self.following.poll_next_unpin(context) {
            return Poll::Ready(Woken::Event(event));
        }
        if self.bookmarks && self.timer.poll_tick(context).is_ready() {
            return Poll::Ready(Woken::Bookmark);
        }
        Poll::Pending
    }

    /// The size of a large event that is made for this watcher alone.
    fn size_alone(&self, woken: &Woken) -> Option<usize> {
        let Woken::Event(Some(Ok(WatchEvent::Change(change)))) = woken else {
            return None;
        };
        let size = change.entry.value.len();
        (size > SMALL_EVENT && !self.frames().are_shared(change)).then_some(size)
    }

    fn line(&mut self, woken: Woken) -> Option<Bytes> {
        match woken {
            Woken::End => {
                self.done = true;
                // where the client can continue
                (self.bookmarks && self.revision > 0)
                    .then(|| self.frames().bookmark(self.revision, false))
            }
            Woken::Bookmark => {
                (self.revision > 0).then(|| self.frames().bookmark(self.revision, false))
            }
            Woken::Event(None) => {
                self.done = true;
                None
            }
            Woken::Event(Some(Err(status))) => {
                self.done = true;
                Some(self.frames().error(&status))
            }
            Woken::Event(Some(Ok(WatchEvent::Change(change)))) => {
                self.revision = self.revision.max(change.revision);
                let line = self.frames().change(&change);
                self.has_columns = false;
                Some(line)
            }
            Woken::Event(Some(Ok(WatchEvent::InitialEnd(revision)))) => {
                self.revision = revision;
                self.marks_initial_end
                    .then(|| self.frames().bookmark(revision, true))
            }
            Woken::Event(Some(Ok(WatchEvent::Progress(revision)))) => {
                self.revision = self.revision.max(revision);
                None
            }
        }
    }

    fn frames(&self) -> Frames<'_> {
        Frames {
            reader: self.shape.reader(self.has_columns),
            shareable: self.shareable,
        }
    }
}
