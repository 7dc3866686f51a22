//! The routes of the server.
//!
//! Fixed paths have routes, with any method where upstream looks at the path only; everything else, such as what is
//! below `/api` and `/apis`, is dispatched on the request that was authorized, and on nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{MethodRouter, any, get, post};

use crate::endpoints::aggregated::Aggregation;
use crate::endpoints::api::Api;
use crate::endpoints::documents::Documents;
use crate::endpoints::method;
use crate::endpoints::{dispatch, documents, health, metrics, version};
use crate::explain::explainer::Explainer;
use crate::explain::{self, endpoint};
use crate::health::Health;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::response;

/// The parts that handlers take as extractors, each its own.
#[derive(Clone, FromRef)]
pub struct Services {
    /// The parts that verbs use.
    pub api: Arc<Api>,
    /// The versions that other servers serve.
    pub aggregation: Arc<Aggregation>,
    /// The documents about the API.
    pub documents: Arc<Documents>,
    /// The checks of the server.
    pub health: Arc<Health>,
    /// The limits that requests share.
    pub limits: Arc<Limits>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The explanations of decisions.
    pub explainer: Arc<Explainer>,
}

/// The routes; `explains_decisions` adds the one for `portcullis why`.
pub fn router(services: Services, explains_decisions: bool) -> Router {
    let mut router = Router::new().route("/", any(documents::index));
    for path in ["/healthz", "/livez", "/readyz"] {
        router = fixed(router, path, any(health::get));
        router = router.route(&format!("{path}/{{check}}"), any(health::get));
    }
    router = fixed(router, "/version", get(version::get));
    router = fixed(router, "/metrics", any(metrics::get));
    for path in ["/openapi/v2", "/openapi/v3"] {
        router = fixed(router, path, any(documents::get));
    }
    for path in ["/.well-known/openid-configuration", "/openid/v1/jwks"] {
        router = fixed(router, path, get(documents::get));
    }
    router = router.route("/openapi/v3/{*group_version}", any(documents::get));
    if explains_decisions {
        router = router.route(explain::PATH, post(endpoint::post));
    }
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(dispatch)
        .with_state(services)
}

/// A route with and without a slash at the end.
fn fixed(
    router: Router<Services>,
    path: &str,
    handler: MethodRouter<Services>,
) -> Router<Services> {
    router
        .route(path, handler.clone())
        .route(&format!("{path}/"), handler)
}

async fn method_not_allowed() -> response::Response {
    response::status(&method::method_not_allowed())
}
