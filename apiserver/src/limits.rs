//! How long a request may take, how many are carried out at the same time, and how much memory they may hold.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/{timeout,maxinflight,priority-and-fairness}.go`.

pub mod descriptors;
pub mod in_flight;
pub mod pool;
pub mod shares;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Uri};
use portcullis_api::status::{Details, Reason};
use portcullis_api::{Status, UserInfo, Verb};
use portcullis_kinds::resource::PROXY;
use tokio::time::Instant;

use self::descriptors::Descriptors;
use self::pool::Pool;
use self::shares::{Division, Holder};
use crate::config::RequestLimits;
use crate::request::{Described, RequestInfo};

/// The largest head of a request, in bytes: the URL and all headers, as in Go's server.
pub const HEAD_MAX: usize = 1024 * 1024;

/// How many watches and other long-running requests there may be.
const LONG_RUNNING: usize = 8192;
/// How much memory the bodies of requests may take, in bytes.
const BODIES: usize = 64 * 1024 * 1024;
/// How much memory responses may take until they are sent, in bytes.
const RESPONSE_BYTES: usize = 48 * 1024 * 1024;
/// Smaller responses are not counted: there is one for each request in flight.
const SMALL_RESPONSE: usize = 64 * 1024;
/// How long a large response waits for others to be sent.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits that requests share: permits of requests in flight, and memory.
#[derive(Clone, Debug)]
pub struct Limits {
    read_only: Arc<Pool>,
    mutating: Arc<Pool>,
    long_running: Arc<Pool>,
    streams: Arc<Pool>,
    bodies: Arc<Pool>,
    responses: Arc<Pool>,
    time: Duration,
}

/// A pool of permits, of which one user may hold three quarters and a tenth is kept for components of the
/// cluster; zero is no limit.
fn permits(all: usize) -> Arc<Pool> {
    let total = if all == 0 { usize::MAX / 8 } else { all };
    Pool::new(Division {
        total,
        reserve: total / 10,
        factor: 3,
    })
}

/// A pool of bytes, of which a quarter is kept for components of the cluster, and one user may hold half of
/// the rest.
fn bytes(total: usize) -> Arc<Pool> {
    Pool::new(Division {
        total,
        reserve: total / 4,
        factor: 1,
    })
}

/// Marks the response of a request that was rejected or ended to keep capacity for others.
#[derive(Clone, Copy, Debug)]
pub struct Terminated;

/// When a request must be done, if ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Due {
    /// For the response; at most the time that the client gives.
    pub answered: Option<Instant>,
    /// For the end of sending it. A response that is not sent by then closes the connection, and with it
    /// other requests: so this is the server's time alone.
    pub sent: Option<Instant>,
}

impl Due {
    /// Whether it is too late for a response.
    pub fn is_over(&self) -> bool {
        self.answered.is_some_and(|at| at <= Instant::now())
    }
}

impl Limits {
    /// The limits that options set; zero is no limit.
    pub fn new(options: &RequestLimits) -> Self {
        let count = |number: u32| permits(usize::try_from(number).unwrap_or(0));
        Self {
            read_only: count(options.max_requests_inflight),
            mutating: count(options.max_mutating_requests_inflight),
            long_running: permits(LONG_RUNNING),
            streams: permits(Descriptors::possible().streams),
            bodies: bytes(BODIES),
            responses: bytes(RESPONSE_BYTES),
            time: options.request_timeout,
        }
    }

    /// How many requests are in flight, by upstream's names for the two kinds.
    pub fn in_flight(&self) -> [(&'static str, usize); 2] {
        let (read_only, mutating) = (self.read_only.taken(), self.mutating.taken());
        [("mutating", mutating), ("readOnly", read_only)]
    }

    /// The deadlines of a request that begins now; without any if it is long-running.
    ///
    /// # Errors
    /// As [`Query::timeout`](crate::request::Query::timeout).
    pub fn due(&self, described: &Described) -> Result<Due, Status> {
        if is_long_running(&described.info) {
            return Ok(Due::default());
        }
        let limit = Some(self.time).filter(|time| !time.is_zero());
        let asked = described.query.timeout()?;
        let now = Instant::now();
        Ok(Due {
            answered: limit.into_iter().chain(asked).min().map(|time| now + time),
            sent: limit.map(|time| now + time),
        })
    }

    /// The pool that a request takes its permit from.
    fn pool(&self, info: &RequestInfo) -> &Arc<Pool> {
        if is_long_running(info) {
            &self.long_running
        } else if is_read_only(info) {
            &self.read_only
        } else {
            &self.mutating
        }
    }
}

/// The size of a request's head in bytes.
///
/// # Errors
/// 431 if it is larger than any client needs. hyper itself rejects what it does not read, without a Status.
pub fn check_head(uri: &Uri, headers: &HeaderMap) -> Result<usize, Status> {
    let url = uri.path().len() + uri.query().map_or(0, str::len);
    let headers = headers.iter().map(|(k, v)| k.as_str().len() + v.len());
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

/// Whether a request lasts as long as its client likes.
pub fn is_long_running(info: &RequestInfo) -> bool {
    match info {
        RequestInfo::Resource(r) => {
            r.verb == Some(Verb::Watch)
                || matches!(
                    r.subresource.as_str(),
                    "exec" | "attach" | "portforward" | PROXY | "log"
                )
        }
        RequestInfo::Path { .. } => false,
    }
}

/// Whether the body of a request matters. Those of streams do not, except what is forwarded to pods and
/// services.
fn has_body(info: &RequestInfo) -> bool {
    let is_proxied = matches!(info, RequestInfo::Resource(request) if request.subresource == PROXY);
    !is_read_only(info) && (is_proxied || !is_long_running(info))
}

fn is_read_only(info: &RequestInfo) -> bool {
    match info {
        RequestInfo::Resource(r) => r.verb.is_none_or(Verb::is_read_only),
        RequestInfo::Path { verb, .. } => matches!(verb.as_str(), "get" | "head" | "options"),
    }
}

/// 504: the request's deadline has passed.
pub fn too_late() -> Status {
    Status::timeout("request did not complete within the allotted timeout", 0)
}

/// 429, to be retried after a second.
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

/// Nodes, controllers and schedulers are served even if there are too many users (upstream: the priority
/// levels `system`, `node-high`, `leader-election` and `workload-high`).
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
    fn cluster_components_are_recognized_by_group_or_name() {
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
