//! `/version`: the version of Kubernetes that this server implements.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::documents::Documents;
use crate::program::{platform, version};
use crate::response::{self, JSON, Response};

/// GET of `/version`.
pub async fn get(State(documents): State<Arc<Documents>>) -> Response {
    let release = documents.release();
    let document = json!({
        "major": "1",
        "minor": release.minor().to_string(),
        "gitVersion": version(release),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": platform(),
    });
    response::bytes(StatusCode::OK, JSON, format!("{document:#}"))
}
