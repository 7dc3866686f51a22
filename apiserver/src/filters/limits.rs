//! How long a request may take, how many at once, and how much of memory they may hold.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/{timeout,maxinflight,priority-and-fairness}.go`.

pub mod pool;
pub mod shares;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use portcullis_api::status::Details;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo, Verb};

use tokio::time::Instant;

use self::pool::{Permit, Pool};
use self::shares::{Division, Holder};
use crate::config::RequestLimits;
use crate::request_info::RequestInfo;

/// The largest head of a request, in bytes: the URL and all headers, as in Go's server.
pub const HEAD_MAX: usize = 1024 * 1024;

/// How many watches and the like there may be.
const LASTING: usize = 8192;
/// How much of memory the bodies of requests may take, in bytes.
const BODIES: usize = 64 * 1024 * 1024;
/// How much of memory answers may take until they are sent, in bytes.
const ANSWERS: usize = 48 * 1024 * 1024;
/// Answers of fewer bytes are not counted: there is one for each request that is carried out.
pub const SMALL_ANSWER: usize = 64 * 1024;
/// How long a large answer waits for others to be sent.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// How many requests are carried out at once, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    reading: Arc<Pool>,
    writing: Arc<Pool>,
    lasting: Arc<Pool>,
    bodies: Arc<Pool>,
    answers: Arc<Pool>,
    time: Duration,
}

/// Places for so many requests, of which one user may hold three quarters and parts of the system
/// keep a tenth; zero is no limit.
fn places(all: usize) -> Arc<Pool> {
    let places = if all == 0 { usize::MAX / 8 } else { all };
    Pool::new(Division {
        places,
        reserve: places / 10,
        factor: 3,
    })
}

/// So many bytes, of which parts of the system keep a quarter, and one user may hold half of the others.
fn bytes(places: usize) -> Arc<Pool> {
    Pool::new(Division {
        places,
        reserve: places / 4,
        factor: 1,
    })
}

impl Limits {
    /// The limits that options set; zero is none.
    pub fn new(options: &RequestLimits) -> Self {
        let count = |number: u32| places(usize::try_from(number).unwrap_or(0));
        Self {
            reading: count(options.max_requests_inflight),
            writing: count(options.max_mutating_requests_inflight),
            lasting: places(LASTING),
            bodies: bytes(BODIES),
            answers: bytes(ANSWERS),
            time: options.request_timeout,
        }
    }

    /// How many places are taken, by upstream's names for the two sorts.
    pub fn taken(&self) -> [(&'static str, usize); 2] {
        let (reading, writing) = (self.reading.taken(), self.writing.taken());
        [("mutating", writing), ("readOnly", reading)]
    }

    /// When a request that begins now has to be answered, its answer sent.
    pub fn end(&self, info: &RequestInfo) -> Option<Instant> {
        let lasts = is_long_running(info) || self.time.is_zero();
        (!lasts).then(|| Instant::now() + self.time)
    }

    /// Memory for an answer of so many bytes, which waits for others to be sent.
    ///
    /// # Errors
    /// 429, if they are not.
    pub async fn room(&self, turn: &Turn, size: usize) -> Result<Permit, Status> {
        let room = self.answers.take(&turn.holder, size, ANSWER_PATIENCE);
        room.await.ok_or_else(too_many)
    }

    /// The same for a large answer that is still to be made.
    ///
    /// # Errors
    /// As [`Limits::room`].
    pub async fn room_to_make(
        &self,
        user: &UserInfo,
        size: usize,
    ) -> Result<Option<Permit>, Status> {
        if size <= SMALL_ANSWER {
            return Ok(None);
        }
        self.room_to_send(user, size).await.map(Some)
    }

    /// Memory for what is to be sent to a user, however small.
    ///
    /// # Errors
    /// As [`Limits::room`].
    pub async fn room_to_send(&self, user: &UserInfo, size: usize) -> Result<Permit, Status> {
        let holder = holder(user);
        let room = self.answers.take(&holder, size, ANSWER_PATIENCE);
        room.await.ok_or_else(too_many)
    }
}

/// How many bytes a request's head has, unless it has more than any needs.
///
/// # Errors
/// 431. What hyper itself does not take in is refused there, without a Status.
pub fn check_head(parts: &Parts) -> Result<usize, Status> {
    let url = parts.uri.path().len() + parts.uri.query().map_or(0, str::len);
    let headers = parts
        .headers
        .iter()
        .map(|(k, v)| k.as_str().len() + v.len());
    let size = url + headers.sum::<usize>();
    if size <= HEAD_MAX {
        return Ok(size);
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

/// That the time of a request is over.
pub fn too_late() -> Status {
    Status::timeout("request did not complete within the allotted timeout", 0)
}

/// Gives up at the end of a request's time, if it has one.
///
/// # Errors
/// 504, or the future's own error.
pub async fn within_time<T>(
    end: Option<Instant>,
    future: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(end) = end else {
        return future.await;
    };
    let answer = tokio::time::timeout_at(end, future).await;
    answer.unwrap_or_else(|_| Err(too_late()))
}

/// The place among those that are carried out at once, which a request has to take.
#[derive(Debug)]
pub struct Turn {
    /// `None` for those who need no place.
    pool: Option<Arc<Pool>>,
    /// Memory for the request's body.
    bodies: Arc<Pool>,
    holder: Holder,
    /// Whether the place is taken when the body is there, and not before.
    after_body: bool,
    head: usize,
}

impl Turn {
    /// The turn of a request that may be carried out, with a head of so many bytes.
    pub fn new(limits: &Limits, info: &RequestInfo, user: &UserInfo, head: usize) -> Self {
        let pool = if is_long_running(info) {
            &limits.lasting
        } else if changes_nothing(info) {
            &limits.reading
        } else {
            &limits.writing
        };
        // whoever may everything must get in to see what is wrong
        let exempt = user.is_in(UserInfo::SYSTEM_MASTERS);
        Self {
            pool: (!exempt).then(|| pool.clone()),
            bodies: limits.bodies.clone(),
            holder: holder(user),
            after_body: !is_long_running(info) && !changes_nothing(info),
            head,
        }
    }

    /// Whether the request has a body that says what to do. Its sender's slowness takes no place.
    pub const fn is_after_body(&self) -> bool {
        self.after_body
    }

    /// The name of the user whose turn it is.
    pub const fn user(&self) -> &Arc<str> {
        &self.holder.user
    }

    /// Takes the place; `None` for those who need none.
    ///
    /// # Errors
    /// 429, to be tried again in a second.
    pub fn begin(&self) -> Result<Option<Permit>, Status> {
        let Some(pool) = &self.pool else {
            return Ok(None);
        };
        let place = pool.try_take(&self.holder, 1);
        place.map(Some).ok_or_else(too_many)
    }

    /// How many bytes the request's head has.
    pub const fn head(&self) -> usize {
        self.head
    }

    /// Takes memory for what the request itself has of bytes.
    ///
    /// # Errors
    /// 429, to be tried again in a second.
    pub fn room(&self, size: usize) -> Result<Permit, Status> {
        let room = self.bodies.try_take(&self.holder, size);
        room.ok_or_else(too_many)
    }
}

/// 429, to be tried again in a second.
pub fn too_many() -> Status {
    Status::failure(
        Reason::TooManyRequests,
        "Too many requests, please try again later.",
    )
    .with_details(Details {
        retry_after_seconds: 1,
        ..Details::default()
    })
}

/// Nodes, controllers and schedulers go on when users are too many (upstream: the priority levels
/// `system`, `node-high`, `leader-election` and `workload-high`).
fn holder(user: &UserInfo) -> Holder {
    let groups = [
        UserInfo::SYSTEM_MASTERS,
        "system:nodes",
        "system:serviceaccounts:kube-system",
    ];
    let system = groups.iter().any(|group| user.is_in(group));
    Holder {
        user: user.name.as_str().into(),
        system: system || user.name.starts_with("system:kube-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_system_are_known_by_group_or_name() {
        let named = |name: &str, group: &str| {
            let groups = vec![group.to_owned()];
            let name = name.to_owned();
            holder(&UserInfo {
                name,
                groups,
                ..UserInfo::default()
            })
        };
        for (name, group, system) in [
            ("system:node:a", "system:nodes", true),
            ("system:kube-scheduler", "", true),
            ("root", "system:masters", true),
            ("alice", "system:authenticated", false),
            ("system:anonymous", "system:unauthenticated", false),
        ] {
            assert_eq!(named(name, group).system, system, "{name}");
        }
        assert!(holder(&UserInfo::service_account("kube-system", "x")).system);
        assert!(!holder(&UserInfo::service_account("default", "x")).system);
    }
}
