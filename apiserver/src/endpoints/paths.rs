//! Paths outside the resources: health, version, discovery, OpenAPI.

use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH, LOCATION, VARY};
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_api::Status;
use portcullis_api::status::Reason;
use serde_json::json;

use super::document::Document;
use super::openapi::Answer;
use crate::app::App;
use crate::metrics;
use crate::response::{self, JSON, Response};

/// Paths that `/` lists besides those of discovery.
const PATHS: [&str; 7] = [
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/version",
];

/// Answers a request for a path.
pub async fn serve(app: &Arc<App>, path: &str, parts: &Parts) -> Response {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return response::status(&not_allowed());
    }
    let accept = parts
        .headers
        .get(ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let trimmed = if path.len() > 1 {
        path.trim_end_matches('/')
    } else {
        path
    };
    match trimmed {
        "/version" => response::bytes(StatusCode::OK, JSON, format!("{:#}", version_document())),
        "/" => response::bytes(StatusCode::OK, JSON, index(app)),
        "/metrics" => response::bytes(
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            metrics::render(app.requests(), app.limits(), app.registry().admission()),
        ),
        path if is_health(path) => app.health().serve(path, query).await,
        path => match app.documents().find(path, accept, query) {
            Some(Answer::Document(document)) => serve_document(document, parts),
            Some(Answer::Moved(to)) => moved(&to),
            Some(Answer::NotAcceptable) => response::status(&not_acceptable()),
            None => not_found(app, path),
        },
    }
}

fn is_health(path: &str) -> bool {
    ["/healthz", "/livez", "/readyz"].iter().any(|p| {
        path.strip_prefix(p)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn serve_document(document: Document, parts: &Parts) -> Response {
    let known = parts
        .headers
        .get(IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    let mut answer = match known {
        Some(known) if document.is_known(known) => {
            response::bytes(StatusCode::NOT_MODIFIED, document.content_type, "")
        }
        _ => response::bytes(StatusCode::OK, document.content_type, document.body),
    };
    let headers = answer.headers_mut();
    if let Some(etag) = document
        .etag
        .and_then(|etag| HeaderValue::from_str(&etag).ok())
    {
        headers.insert(ETAG, etag);
        headers.insert(VARY, HeaderValue::from_static("Accept"));
    }
    if !document.cache_control.is_empty() {
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static(document.cache_control),
        );
    }
    answer
}

fn moved(to: &str) -> Response {
    let mut answer = response::text(StatusCode::MOVED_PERMANENTLY, "");
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(LOCATION, to);
    }
    answer
}

/// The version this server reports: the last minor release of Kubernetes with `PodSecurityPolicy`,
/// and then its own.
pub fn version() -> String {
    format!("v1.24.17+portcullis.{}", env!("CARGO_PKG_VERSION"))
}

/// Upstream's `/version`.
fn version_document() -> serde_json::Value {
    json!({
        "major": "1",
        "minor": "24",
        "gitVersion": version(),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, arch()),
    })
}

fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Indented and without a newline at its end, as `/version` is.
fn index(app: &App) -> String {
    format!("{:#}", json!({"paths": paths(app)}))
}

fn paths(app: &App) -> Vec<String> {
    let mut paths = app.documents().paths();
    paths.extend(PATHS.map(str::to_owned));
    paths.sort();
    paths
}

fn not_allowed() -> Status {
    Status::failure(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
}

fn not_acceptable() -> Status {
    Status::failure(
        Reason::NotAcceptable,
        "the document is not to be had in any form the request accepts",
    )
}

/// What is under a group that is served has a Status; below `/apis` anything else is plain text,
/// and elsewhere clients are told what there is.
fn not_found(app: &App, path: &str) -> Response {
    let mut segments = path.split('/').filter(|s| !s.is_empty());
    match (segments.next(), segments.next()) {
        (Some("api"), _) => response::status(&Status::no_such_resource()),
        (Some("apis"), Some(group)) if crate::registry::table::serves_group(group) => {
            response::status(&Status::no_such_resource())
        }
        (Some("apis"), _) => response::text(StatusCode::NOT_FOUND, "404 page not found\n"),
        _ => response::bytes(StatusCode::NOT_FOUND, JSON, index(app)),
    }
}
