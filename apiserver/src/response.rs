//! Responses: objects, lists, streams and Statuses as bytes.

pub mod accept;
pub mod metadata;
pub mod object;
pub mod switched;
pub mod table;
pub mod watch_frames;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use portcullis_api::Status;
use tokio::time::Instant;

/// A response.
pub type Response = http::Response<Body>;

/// When a response must have been sent, even if its client does not read; an extension of it.
#[derive(Clone, Copy, Debug)]
pub struct Ends(pub Instant);

impl Ends {
    /// The deadline of a response, if it has one.
    pub fn of<B>(response: &http::Response<B>) -> Option<Instant> {
        response.extensions().get::<Self>().map(|ends| ends.0)
    }
}

/// Marks a response whose client may stop reading for longer than others, such as a person who pages through
/// a log. An extension of the response.
#[derive(Clone, Copy, Debug)]
pub struct Unhurried;

/// The default content type.
pub const JSON: &str = "application/json";

/// A response of bytes.
pub fn bytes(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A response of plain text.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(code, "text/plain; charset=utf-8", body)
}

/// A Status as a response.
pub fn status(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut body = status.to_json();
    body.push(b'\n');
    let mut response = bytes(code, JSON, body);
    let retry = status.details.as_ref().map_or(0, |d| d.retry_after_seconds);
    if retry > 0 {
        let retry = HeaderValue::from(retry);
        response.headers_mut().insert(RETRY_AFTER, retry);
    }
    response
}

/// Adds warnings for the person behind the client (RFC 7234, section 5.5, as kubectl shows them).
pub fn warn(response: &mut Response, warnings: &[String]) {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // A header contains no control characters.
        let line: String = format!("299 - \"{quoted}\"")
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        if let Ok(value) = HeaderValue::from_bytes(line.as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}
