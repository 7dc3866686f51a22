//! `/version`: which Kubernetes this server is.

use http::StatusCode;
use serde_json::json;

use crate::response::{self, JSON, Response};

/// The last minor release of Kubernetes with `PodSecurityPolicy`.
pub const RELEASE: &str = "v1.24.17";

/// The version this server reports: that release, and then its own.
pub fn version() -> String {
    format!("{RELEASE}+portcullis.{}", env!("CARGO_PKG_VERSION"))
}

/// GET of `/version`.
pub async fn get() -> Response {
    let version = json!({
        "major": "1",
        "minor": "24",
        "gitVersion": version(),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    });
    response::bytes(StatusCode::OK, JSON, format!("{version:#}"))
}

/// This machine's architecture by Go's name for it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
