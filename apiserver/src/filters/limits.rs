//! How long a request may take, and how many at once.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/{timeout,maxinflight}.go`.

use std::time::Duration;

use http::request::Parts;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use portcullis_api::status::Details;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo, Verb};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::App;
use crate::config::RequestLimits;
use crate::request_info::RequestInfo;

/// The largest head of a request, in bytes: the URL and all headers, as in Go's server.
pub const HEAD_MAX: usize = 1024 * 1024;

/// How much of an unread body is read, in bytes; more than any body may have.
const DRAIN_MAX: usize = 8 * 1024 * 1024;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// How many requests are carried out at once, and for how long, watches and the like aside.
#[derive(Debug)]
pub struct Limits {
    reading: Places,
    writing: Places,
    time: Duration,
}

#[derive(Debug)]
struct Places {
    free: Semaphore,
    all: usize,
}

impl Places {
    /// So many; zero is no limit.
    fn new(all: u32) -> Self {
        let all = match usize::try_from(all) {
            Ok(0) | Err(_) => Semaphore::MAX_PERMITS,
            Ok(all) => all,
        };
        Self {
            free: Semaphore::new(all),
            all,
        }
    }

    fn taken(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits())
    }
}

impl Limits {
    /// The limits that options set; zero is none.
    pub fn new(options: &RequestLimits) -> Self {
        Self {
            reading: Places::new(options.max_requests_inflight),
            writing: Places::new(options.max_mutating_requests_inflight),
            time: options.request_timeout,
        }
    }

    /// How many places are taken, by upstream's names for the two sorts.
    pub fn taken(&self) -> [(&'static str, usize); 2] {
        let (reading, writing) = (self.reading.taken(), self.writing.taken());
        [("mutating", writing), ("readOnly", reading)]
    }
}

/// Refuses a request whose head is larger than any needs to be.
///
/// # Errors
/// 431. What hyper itself does not take in is refused there, without a Status.
pub fn check_head(parts: &Parts) -> Result<(), Status> {
    let url = parts.uri.path().len() + parts.uri.query().map_or(0, str::len);
    let headers = parts
        .headers
        .iter()
        .map(|(k, v)| k.as_str().len() + v.len());
    if url + headers.sum::<usize>() <= HEAD_MAX {
        return Ok(());
    }
    let mut status = Status::failure(
        Reason::RequestEntityTooLarge,
        format!("the head of the request is too large: limit is {HEAD_MAX}"),
    );
    status.code = 431;
    Err(status)
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

/// Gives up after a while, unless the request is one that lasts.
///
/// # Errors
/// 504, or the future's own error.
pub async fn within_time<T>(
    app: &App,
    info: &RequestInfo,
    future: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let time = app.limits().time;
    if is_long_running(info) || time.is_zero() {
        return future.await;
    }
    tokio::time::timeout(time, future)
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
    user: &UserInfo,
) -> Result<Option<SemaphorePermit<'a>>, Status> {
    // whoever may everything must get in to see what is wrong
    let privileged = user.groups.iter().any(|g| g == UserInfo::SYSTEM_MASTERS);
    if is_long_running(info) || privileged {
        return Ok(None);
    }
    let limits = app.limits();
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
