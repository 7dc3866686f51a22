//! `/version`: the version of Kubernetes that this server implements.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use portcullis_kinds::release::Release;
use serde_json::json;

use super::documents::Documents;
use crate::response::{self, JSON, Response};

/// The version a server reports: that of the release it serves as, and then its own.
pub fn version(release: Release) -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("{}+portcullis.{own}", release.version())
}

/// GET of `/version`.
pub async fn get(State(documents): State<Arc<Documents>>) -> Response {
    let release = documents.release();
    let version = json!({
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
    response::bytes(StatusCode::OK, JSON, format!("{version:#}"))
}

/// This machine by Go's names: `linux/amd64`.
pub fn platform() -> String {
    format!("{}/{}", std::env::consts::OS, architecture())
}

/// This machine's architecture by Go's name for it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
