//! Records requests and their results in the audit log.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/audit.go`. Unauthenticated requests do not reach this
//! layer: [`super::authenticate`] records them.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use portcullis_api::Status;
use tower::{Layer, Service};

use super::catch_panic;
use crate::audit::noted::Outcome;
use crate::audit::{Audited, Auditor, latency};
use crate::limits::{self, Due};
use crate::response::{self, Response};

/// Audits requests, if there is an auditor.
#[derive(Clone)]
pub struct AuditLayer(pub Option<Arc<Auditor>>);

/// A service whose requests are audited. The inner services find an [`Audited`] in the extensions of a
/// request.
#[derive(Clone)]
pub struct Audit<S> {
    auditor: Option<Arc<Auditor>>,
    inner: S,
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let auditor = self.0.clone();
        Audit { auditor, inner }
    }
}

impl<S> Service<Request> for Audit<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let auditor = self.auditor.as_ref();
        let Some(audited) = auditor.and_then(|auditor| Audited::begin(auditor, &request)) else {
            return Either::Left(self.inner.call(request));
        };
        let due = request.extensions().get::<Due>().copied();
        request.extensions_mut().insert(audited.clone());
        // The ready service is used, and replaced by a clone.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        Either::Right(Box::pin(async move {
            Ok(serve(inner, request, audited, due).await)
        }))
    }
}

async fn serve<S>(
    mut inner: S,
    request: Request,
    audited: Arc<Audited>,
    due: Option<Due>,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let mut waiting = Waiting {
        audited: Some(audited.clone()),
        due,
    };
    if !audited.received().await {
        waiting.audited = None;
        return response::status(&Status::internal("failed to store audit event"));
    }
    let latencies = audited.latencies().clone();
    let served = latency::measured(latencies, async { inner.call(request).await });
    let served = AssertUnwindSafe(served).catch_unwind().await;
    waiting.audited = None;
    match served {
        Ok(Ok(response)) => audited.answered(response).await,
        Err(panic) => {
            audited.panicked(catch_panic::message(&*panic)).await;
            resume_unwind(panic)
        }
    }
}

/// Waits for a response; dropped if the request is given up before.
struct Waiting {
    audited: Option<Arc<Audited>>,
    due: Option<Due>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(audited) = self.audited.take() {
            let is_late = self.due.is_some_and(|due| due.is_over());
            audited.abandoned(match is_late {
                true => Outcome::Instead(limits::too_late()),
                false => Outcome::gone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::Body;
    use http::StatusCode;
    use serde_json::{Value, json};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;
    use crate::audit::backend::{Backend, Mode};
    use crate::audit::losses::Losses;
    use crate::audit::metrics::AuditMetrics;
    use crate::audit::policy::Policy;
    use crate::audit::testing;
    use crate::request::Described;

    /// The stages and statuses recorded for a request that a service answers, or that is given up.
    async fn events_of<S>(service: S, due: Option<Due>, waits: bool) -> Vec<(Value, Value)>
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let metrics = AuditMetrics::new();
        let losses = Arc::new(Losses::new("log", metrics.clone()));
        let log = testing::log(&path, &losses);
        let stop = CancellationToken::new();
        let backend = Backend::start(log, Mode::Blocking, losses, stop);
        let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
            "rules": [{"level": "Metadata"}]});
        let policy = Policy::read(policy).unwrap();
        let auditor = Arc::new(Auditor::new(policy, vec![backend], false, metrics));
        let layers = ServiceBuilder::new().layer(AuditLayer(Some(auditor.clone())));
        let mut request = Request::builder()
            .uri("/api/v1/pods")
            .body(Body::empty())
            .unwrap();
        let described = Described::of(request.method(), request.uri());
        request.extensions_mut().insert(described);
        if let Some(due) = due {
            request.extensions_mut().insert(due);
        }
        let answered = layers.service(service).oneshot(request);
        let answered = AssertUnwindSafe(answered).catch_unwind();
        if waits {
            drop(answered.await);
        } else {
            let at_once = tokio::time::timeout(std::time::Duration::from_millis(1), answered);
            assert!(at_once.await.is_err());
        }
        auditor.finish().await;
        let text = std::fs::read_to_string(&path).unwrap();
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .map(|e| (e["stage"].clone(), e["responseStatus"].clone()))
            .collect()
    }

    #[tokio::test]
    async fn a_panic_is_recorded() {
        let service = service_fn(|_: Request| async {
            if true {
                panic!("boom");
            }
            Ok::<_, Infallible>(Response::default())
        });
        let events = events_of(service, None, true).await;
        assert_eq!(events[0].0, "RequestReceived");
        assert_eq!(events[1].0, "Panic");
        assert_eq!(events[1].1["message"], "APIServer panic'd: boom");
        assert_eq!((events.len(), &events[1].1["code"]), (2, &json!(500)));
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_is_recorded() {
        let never = service_fn(|_: Request| pending::<Result<Response, Infallible>>());
        let gone = events_of(never, None, false).await;
        assert_eq!(gone[1].0, "ResponseComplete");
        assert_eq!(gone[1].1["message"], "Connection closed early");
        let due = Due {
            answered: Some(Instant::now()),
            sent: None,
        };
        let late = events_of(never, Some(due), false).await;
        assert_eq!(late[1].1["code"], StatusCode::GATEWAY_TIMEOUT.as_u16());
        assert_eq!(late[1].1["reason"], "Timeout");
    }
}
