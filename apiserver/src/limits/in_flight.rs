//! What one request holds, from its authorization until its response is sent: its permit, and the memory of
//! its head, body and response.
//!
//! Without this, a client that does not read could make the server keep any number of responses.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use portcullis_api::{Status, UserInfo};

use super::pool::{Permit, Pool};
use super::shares::Holder;
use super::{Limits, RESPONSE_TIMEOUT, SMALL_RESPONSE, has_body, holder, too_late, too_many};
use crate::request::RequestInfo;

/// Smaller heads are not counted.
const SMALL_HEAD: usize = 16 * 1024;

/// A request in flight. It holds its permits until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    /// The pool of its permit; `None` if it needs none.
    permits: Option<Arc<Pool>>,
    streams: Arc<Pool>,
    bodies: Arc<Pool>,
    responses: Arc<Pool>,
    holder: Holder,
    /// Whether it takes its permit only once its body has been read.
    after_body: bool,
    /// Whether it was rejected to keep capacity for other requests.
    denied: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    permit: Option<Permit>,
    /// The memory of a large head and of the body.
    request: Option<Permit>,
    response: Option<Permit>,
    /// What else ends with the request.
    others: Vec<Box<dyn Any + Send>>,
}

impl InFlight {
    /// An authorized request, with a head of so many bytes. Only a large head takes memory yet.
    ///
    /// # Errors
    /// 429.
    pub fn new(
        limits: &Limits,
        info: &RequestInfo,
        user: &UserInfo,
        head: usize,
    ) -> Result<Arc<Self>, Status> {
        // Cluster admins must get in to find out what is wrong.
        let exempt = user.is_in(UserInfo::SYSTEM_MASTERS);
        let request = Self {
            permits: (!exempt).then(|| limits.pool(info).clone()),
            streams: limits.streams.clone(),
            bodies: limits.bodies.clone(),
            responses: limits.responses.clone(),
            holder: holder(user),
            after_body: has_body(info),
            denied: AtomicBool::new(false),
            held: Mutex::default(),
        };
        if head > SMALL_HEAD {
            request.held.lock().request = Some(request.reserve_body(head)?);
        }
        Ok(Arc::new(request))
    }

    /// Whether the request has a body that matters. While its client is slow to send it, it holds no permit.
    pub const fn starts_after_body(&self) -> bool {
        self.after_body
    }

    /// Keeps something until the request has been answered and the response sent.
    pub fn keep(&self, other: impl Any + Send) {
        self.held.lock().others.push(Box::new(other));
    }

    /// Whether it was denied a permit or memory.
    pub fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// 429.
    pub fn deny(&self) -> Status {
        self.denied.store(true, Ordering::Relaxed);
        too_many()
    }

    /// The name of the user who makes the request.
    pub const fn user(&self) -> &Arc<str> {
        &self.holder.user
    }

    /// Takes the permit.
    ///
    /// # Errors
    /// 429.
    pub fn start(&self) -> Result<(), Status> {
        if let Some(permits) = &self.permits {
            let permit = permits
                .try_take(&self.holder, 1)
                .ok_or_else(|| self.deny())?;
            self.held.lock().permit = Some(permit);
        }
        Ok(())
    }

    /// Takes a permit for requests that have a connection of their own to another server, and releases the
    /// one it has.
    ///
    /// # Errors
    /// 429.
    pub fn become_stream(&self) -> Result<(), Status> {
        let permit = self.streams.try_take(&self.holder, 1);
        let permit = permit.ok_or_else(|| self.deny())?;
        let before = self.held.lock().permit.replace(permit);
        drop(before);
        Ok(())
    }

    /// Memory for the body, `step` bytes of it to begin with; the memory of the head is part of it.
    ///
    /// # Errors
    /// 429.
    pub fn body(&self, step: usize) -> Result<Permit, Status> {
        match self.held.lock().request.take() {
            Some(mut request) => request
                .grow(step)
                .then_some(request)
                .ok_or_else(|| self.deny()),
            None => self.reserve_body(step),
        }
    }

    /// Keeps the memory of the body, which has been read.
    pub fn keep_body(&self, body: Permit) {
        self.held.lock().request = Some(body);
    }

    fn reserve_body(&self, size: usize) -> Result<Permit, Status> {
        let body = self.bodies.try_take(&self.holder, size);
        body.ok_or_else(|| self.deny())
    }

    /// Takes memory for a large response before it is made; waits for others to be sent.
    ///
    /// # Errors
    /// 429, if they are not sent in time.
    pub async fn reserve_response(&self, size: usize) -> Result<(), Status> {
        if size > SMALL_RESPONSE {
            let response = self.memory(size).await?;
            self.held.lock().response = Some(response);
        }
        Ok(())
    }

    /// Takes memory for a part of a streamed response, however small, such as an event of a watch.
    ///
    /// # Errors
    /// As [`InFlight::reserve_response`].
    pub async fn memory(&self, size: usize) -> Result<Permit, Status> {
        let memory = self.responses.take(&self.holder, size, RESPONSE_TIMEOUT);
        memory.await.ok_or_else(|| self.deny())
    }

    /// Takes memory for the part of a response of so many bytes that has not been reserved yet.
    ///
    /// # Errors
    /// 429, or 504 if it is too late to reject the request.
    pub async fn cover_response(&self, size: usize) -> Result<(), Status> {
        let missing = {
            let held = self.held.lock();
            let permits = held.response.iter().chain(&held.request);
            let covered = permits.map(Permit::size).sum::<usize>();
            // A handler's reservation is close enough, unless there is a body as well.
            let estimated = held.response.is_some() && !self.after_body;
            if estimated || size <= SMALL_RESPONSE.max(covered) {
                return Ok(());
            }
            size - covered
        };
        let more = self.memory(missing).await;
        // A change has been made: it is too late to reject it, but its outcome may stay unknown.
        let more = more.map_err(|status| if self.after_body { too_late() } else { status })?;
        self.held.lock().response = Some(more);
        Ok(())
    }

    /// Takes more memory for a response that grows while it is sent; false if there is none. A small response
    /// needs none.
    pub fn grow_response(&self, size: usize) -> bool {
        let mut held = self.held.lock();
        held.response
            .as_mut()
            .is_none_or(|response| response.grow(size))
    }

    /// Releases the memory of a response that is not sent.
    pub fn drop_response(&self) {
        self.held.lock().response = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;

    use super::*;
    use crate::config::RequestLimits;
    use crate::limits::descriptors::Descriptors;
    use crate::request::Query;

    const LIMITS: RequestLimits = RequestLimits {
        max_requests_inflight: 1,
        max_mutating_requests_inflight: 1,
        request_timeout: Duration::ZERO,
    };

    fn in_flight(limits: &Limits, method: &Method, path: &str, user: &UserInfo) -> Arc<InFlight> {
        let info = RequestInfo::parse(method, path, &Query::default());
        InFlight::new(limits, &info, user, 0).unwrap()
    }

    fn named(name: &str) -> UserInfo {
        UserInfo {
            name: name.into(),
            ..UserInfo::default()
        }
    }

    #[test]
    fn a_stream_releases_its_permit_and_takes_another() {
        let limits = Limits::new(&LIMITS);
        let get =
            |name: &str| in_flight(&limits, &Method::GET, "/apis/g/v1/things/x", &named(name));
        let stream = get("alice");
        stream.start().unwrap();
        assert!(get("bob").start().is_err());
        stream.become_stream().unwrap();
        assert_eq!((limits.in_flight()[1].1, limits.streams.taken()), (0, 1));
        assert!(get("bob").start().is_ok());
        drop(stream);
        assert_eq!(limits.streams.taken(), 0);
    }

    #[test]
    fn one_user_leaves_streams_for_others_and_parts_of_the_system() {
        let limits = Limits::new(&LIMITS);
        let path = "/api/v1/namespaces/n/pods/p/exec";
        let stream = |user: &UserInfo| in_flight(&limits, &Method::POST, path, user);
        let mut held = Vec::new();
        let mut all_of = |user: &UserInfo| {
            let before = held.len();
            let streams = std::iter::repeat_with(|| stream(user));
            held.extend(streams.take_while(|stream| stream.become_stream().is_ok()));
            held.len() - before
        };
        let all = Descriptors::possible().streams;
        let alices = all_of(&named("alice"));
        assert!(
            alices > all / 2 && alices < all * 3 / 4,
            "{alices} of {all}"
        );
        assert!(all_of(&named("bob")) > 0);
        let master = UserInfo {
            groups: vec![UserInfo::SYSTEM_MASTERS.into()],
            ..named("root")
        };
        assert!(all_of(&master) > all / 20);
    }

    #[test]
    fn forwarded_requests_have_a_body_and_other_streams_have_none() {
        let limits = Limits::new(&LIMITS);
        for (method, subresource, has_body) in [
            (Method::POST, "proxy/x", true),
            (Method::GET, "proxy", false),
            (Method::POST, "exec", false),
            (Method::PUT, "status", true),
        ] {
            let path = format!("/api/v1/namespaces/n/pods/p/{subresource}");
            let request = in_flight(&limits, &method, &path, &named("alice"));
            assert_eq!(request.starts_after_body(), has_body, "{method} {path}");
        }
    }
}
