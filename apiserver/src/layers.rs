//! The layers that every request passes before its handler, as tower layers.
//!
//! [`stack`] is the one place that sets their order. If a layer rejects a request, no layer inside it receives
//! the request.
//!
//! Upstream: `DefaultBuildHandlerChain` in `k8s.io/apiserver/pkg/server/config.go`. The permit of a request
//! in flight is taken after authorization, not before it, so that users without permissions take none from
//! others.

pub mod audit;
pub mod authenticate;
pub mod authorize;
pub mod catch_panic;
pub mod compress;
pub mod count;
pub mod deadline;
pub mod decide;
pub mod describe;
pub mod filter;
pub mod head;
pub mod impersonate;
pub mod in_flight;
pub mod present;
mod reject;
pub mod request_id;
pub mod trace;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::{BoxError, Router};
use bytes::Bytes;
use http_body::Body;
use portcullis_authn::{Authenticator, RequestHeaders};
use portcullis_rbac::Authorizer;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;

use self::decide::DecideLayer;
use self::filter::FilterLayer;
use crate::audit::Auditor;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// The parts that the layers use.
pub struct Gate {
    /// Authentication.
    pub authenticator: Arc<dyn Authenticator>,
    /// Whether passwords are accepted, so that a 401 asks for one.
    pub accepts_passwords: bool,
    /// The headers of front proxies, which nothing behind authentication sees.
    pub front_proxy_headers: Arc<RequestHeaders>,
    /// The auditor, if requests are audited.
    pub auditor: Option<Arc<Auditor>>,
    /// Authorization.
    pub authorizer: Arc<dyn Authorizer>,
    /// The limits that requests share.
    pub limits: Arc<Limits>,
    /// The counters of requests.
    pub metrics: Arc<Metrics>,
}

/// The layers around `router`, outermost first.
pub fn stack(
    gate: Gate,
    router: Router,
) -> impl Service<
    Request,
    Response = http::Response<impl Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let Gate {
        authenticator,
        accepts_passwords,
        front_proxy_headers,
        auditor,
        authorizer,
        limits,
        metrics,
    } = gate;
    ServiceBuilder::new()
        .layer(FilterLayer(request_id::RequestId))
        // The only place where the URL is parsed: what is authorized is what is carried out.
        .layer(FilterLayer(describe::Describe))
        .layer(trace::layer())
        .layer(FilterLayer(count::Count(metrics)))
        .layer(CatchPanicLayer::custom(catch_panic::Respond))
        .layer(compress::layer())
        .layer(FilterLayer(count::Measure))
        .layer(present::PresentLayer)
        .layer(deadline::DeadlineLayer {
            limits: limits.clone(),
            passes_due: auditor.is_some(),
        })
        .layer(FilterLayer(head::CheckHead))
        .layer(authenticate::AuthenticateLayer::new(
            authenticator,
            accepts_passwords,
            front_proxy_headers,
            auditor.clone(),
        ))
        .layer(audit::AuditLayer(auditor))
        .layer(DecideLayer(impersonate::Impersonate(authorizer.clone())))
        .layer(DecideLayer(authorize::Authorize(authorizer)))
        // No body is read before this point.
        .layer(in_flight::InFlightLayer(limits))
        .service(router)
}
