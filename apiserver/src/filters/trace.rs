//! A span for each request, so that every line that is logged while it is served says which one it is;
//! and one line more when it has been answered.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use portcullis_api::{UserInfo, Verb};
use tracing::field::Empty;
use uuid::Uuid;

use crate::request_info::RequestInfo;
use crate::response::{self, Response};

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");

/// A request under way.
pub struct Span {
    id: Uuid,
    span: tracing::Span,
    impersonates: bool,
    started: Instant,
}

impl Span {
    /// Starts counting. Queries are left out of logs: they may hold what is nobody's business.
    pub fn begin(parts: &Parts, info: &RequestInfo) -> Self {
        let id = Uuid::new_v4();
        let said = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let (verb, resource) = match info {
            RequestInfo::Resource(r) => (r.verb.map(Verb::as_str), Some(r)),
            RequestInfo::Path { verb, .. } => (Some(verb.as_str()), None),
        };
        // Only what is logged is worked out: without a log of this level nothing is.
        let span = tracing::info_span!(
            "request",
            audit.id = %id,
            http.method = parts.method.as_str(),
            http.path = parts.uri.path(),
            k8s.verb = verb,
            k8s.group = resource.and_then(|r| said(&r.group)),
            k8s.resource = resource.and_then(|r| said(&r.resource)),
            k8s.subresource = resource.and_then(|r| said(&r.subresource)),
            k8s.namespace = resource.and_then(|r| said(&r.namespace)),
            k8s.name = resource.and_then(|r| said(&r.name)),
            user.name = Empty,
            user.r#as = Empty,
        );
        Self {
            id,
            span,
            impersonates: parts.headers.contains_key(IMPERSONATE_USER),
            started: Instant::now(),
        }
    }

    /// What everything that serves the request runs in.
    pub fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// From now on it is known who asks.
    pub fn identified(&self, user: &UserInfo) {
        self.span.record("user.name", user.name.as_str());
    }

    /// From now on it is known as whom, if the request is one that asks for that.
    pub fn acting_as(&self, user: &UserInfo) {
        if self.impersonates {
            self.span.record("user.as", user.name.as_str());
        }
    }

    /// Logs the answer and marks it with the id. What streams goes on in the request's span.
    pub fn end(self, mut response: Response) -> Response {
        self.span.in_scope(|| {
            tracing::debug!(
                http.status = response.status().as_u16(),
                micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                "request"
            );
        });
        if let Ok(mut id) = HeaderValue::from_str(&self.id.to_string()) {
            // Comes once: HTTP/2 need not remember it, and forget other headers for that.
            id.set_sensitive(true);
            response.headers_mut().insert(AUDIT_ID, id);
        }
        if self.span.is_disabled() || response.body().size_hint().exact().is_some() {
            return response;
        }
        let span = self.span;
        response.map(|body| Traced { body, span }.boxed_unsync())
    }
}

/// A body that comes while the log says whose it is.
struct Traced {
    body: response::Body,
    span: tracing::Span,
}

impl Body for Traced {
    type Data = Bytes;
    type Error = <response::Body as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
