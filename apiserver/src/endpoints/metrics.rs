//! `/metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::api::Api;
use crate::limits::Limits;
use crate::metrics::{self, Requests};
use crate::response::{self, Response};

/// GET of `/metrics`.
pub async fn get(
    State(requests): State<Arc<Requests>>,
    State(limits): State<Arc<Limits>>,
    State(api): State<Arc<Api>>,
) -> Response {
    let text = metrics::render(&requests, &limits, api.registry.admission());
    response::bytes(StatusCode::OK, metrics::CONTENT_TYPE, text)
}
