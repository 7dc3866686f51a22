//! `/metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use portcullis_api::Status;

use crate::limits::Limits;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::response::{self, Response};

/// GET of `/metrics`.
pub async fn get(
    State(metrics): State<Arc<Metrics>>,
    State(limits): State<Arc<Limits>>,
) -> Response {
    match metrics.render(&limits).await {
        Ok(text) => response::bytes(StatusCode::OK, CONTENT_TYPE, text),
        Err(error) => response::status(&Status::internal(format!("the metrics: {error}"))),
    }
}
