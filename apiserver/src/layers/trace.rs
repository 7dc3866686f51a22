//! A span for each request, so that every line that is logged while it is served names it; and a line when it
//! has been answered.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use portcullis_api::{UserInfo, Verb};
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
use tower_http::trace::{MakeSpan, OnResponse, TraceLayer};
use tracing::Span;
use tracing::field::Empty;

use crate::request::{AuditId, Described, RequestInfo};

/// The layer. Its span stays open while a response streams.
pub fn layer()
-> TraceLayer<SharedClassifier<ServerErrorsAsFailures>, RequestSpan, (), Answered, (), (), ()> {
    TraceLayer::new_for_http()
        .make_span_with(RequestSpan)
        .on_request(())
        .on_response(Answered)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

/// The span of a request. Queries are left out of logs: they may contain secrets.
#[derive(Clone, Copy)]
pub struct RequestSpan;

impl<B> MakeSpan<B> for RequestSpan {
    fn make_span(&mut self, request: &http::Request<B>) -> Span {
        let extensions = request.extensions();
        let described = extensions.get::<Arc<Described>>();
        let (verb, resource) = match described.map(|described| &described.info) {
            Some(RequestInfo::Resource(r)) => (r.verb.map(Verb::as_str), Some(r)),
            Some(RequestInfo::Path { verb, .. }) => (Some(verb.as_str()), None),
            None => (None, None),
        };
        let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
        tracing::info_span!(
            "request",
            audit.id = extensions.get::<AuditId>().map(tracing::field::display),
            http.method = request.method().as_str(),
            http.path = request.uri().path(),
            k8s.verb = verb,
            k8s.group = resource.and_then(|r| given(&r.group)),
            k8s.resource = resource.and_then(|r| given(&r.resource)),
            k8s.subresource = resource.and_then(|r| given(&r.subresource)),
            k8s.namespace = resource.and_then(|r| given(&r.namespace)),
            k8s.name = resource.and_then(|r| given(&r.name)),
            user.name = Empty,
            user.r#as = Empty,
        )
    }
}

/// Logs that a request has been answered.
#[derive(Clone, Copy)]
pub struct Answered;

impl<B> OnResponse<B> for Answered {
    fn on_response(self, response: &Response<B>, latency: Duration, _: &Span) {
        tracing::debug!(
            http.status = response.status().as_u16(),
            micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

/// Records the user of the current request.
pub fn identified(user: &UserInfo) {
    Span::current().record("user.name", user.name.as_str());
}

/// Records the impersonated user.
pub fn acting_as(user: &UserInfo) {
    Span::current().record("user.as", user.name.as_str());
}
