//! How long a request may take, and how many at once.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/{timeout,maxinflight}.go`.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use portcullis_api::status::Details;
use portcullis_api::status::Reason;
use portcullis_api::{Status, Verb};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::App;
use crate::request_info::RequestInfo;

/// How long a request may take that is no watch (upstream: `--request-timeout`).
const TIMEOUT: Duration = Duration::from_secs(60);

/// How much of an unread body is read, in bytes; more than any body may have.
const DRAIN_MAX: usize = 8 * 1024 * 1024;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// How many requests are carried out at once, watches aside.
#[derive(Debug)]
pub struct InFlight {
    reading: Places,
    writing: Places,
}

#[derive(Debug)]
struct Places {
    free: Semaphore,
    all: usize,
}

impl Places {
    fn new(all: usize) -> Self {
        Self {
            free: Semaphore::new(all),
            all,
        }
    }

    fn taken(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits())
    }
}

impl Default for InFlight {
    /// Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`.
    fn default() -> Self {
        Self::new(400, 200)
    }
}

impl InFlight {
    /// So many that change nothing, and so many that do.
    pub fn new(reading: usize, writing: usize) -> Self {
        Self {
            reading: Places::new(reading),
            writing: Places::new(writing),
        }
    }

    /// How many places are taken, by upstream's names for the two sorts.
    pub fn taken(&self) -> [(&'static str, usize); 2] {
        let (reading, writing) = (self.reading.taken(), self.writing.taken());
        [("mutating", writing), ("readOnly", reading)]
    }
}

fn is_long_running(info: &RequestInfo) -> bool {
    match info {
        RequestInfo::Resource(r) => {
            r.verb == Some(Verb::Watch)
                || matches!(
                    r.subresource.as_str(),
                    "exec" | "attach" | "portforward" | "proxy" | "log"
                )
        }
        RequestInfo::Path { .. } => false,
    }
}

fn changes_nothing(info: &RequestInfo) -> bool {
    match info {
        RequestInfo::Resource(r) => r.verb.is_none_or(Verb::is_read_only),
        RequestInfo::Path { verb, .. } => matches!(verb.as_str(), "get" | "head" | "options"),
    }
}

/// Gives up after a minute, unless the request is one that lasts.
///
/// # Errors
/// 504, or the future's own error.
pub async fn within_time<T>(
    info: &RequestInfo,
    future: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    if is_long_running(info) {
        return future.await;
    }
    tokio::time::timeout(TIMEOUT, future)
        .await
        .unwrap_or_else(|_| {
            Err(Status::timeout(
                "request did not complete within the allotted timeout",
                0,
            ))
        })
}

/// Takes one of the places for requests at once.
///
/// # Errors
/// 429, to be tried again in a second.
pub fn take_place<'a>(
    app: &'a App,
    info: &RequestInfo,
) -> Result<Option<SemaphorePermit<'a>>, Status> {
    if is_long_running(info) {
        return Ok(None);
    }
    let limits = app.in_flight();
    let places = if changes_nothing(info) {
        &limits.reading
    } else {
        &limits.writing
    };
    places.free.try_acquire().map(Some).map_err(|_| {
        Status::failure(
            Reason::TooManyRequests,
            "Too many requests, please try again later.",
        )
        .with_details(Details {
            retry_after_seconds: 1,
            ..Details::default()
        })
    })
}

/// Reads what a handler left unread, up to a limit: a client that is still sending would otherwise
/// see a broken connection instead of its answer.
pub async fn drain(body: Incoming) {
    let read = Limited::new(body, DRAIN_MAX).collect();
    // What cannot be read in time, or is too much, closes the connection after all.
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}
