//! Answers: objects, lists, streams and Statuses to bytes.

pub mod accept;
pub mod object;
pub mod table;
pub mod watch_frames;

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response as HttpResponse, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use portcullis_api::Status;
use tokio::time::Instant;

/// What goes back to a client.
pub type Response = HttpResponse<Body>;
/// Bytes at once, or as they come.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// When an answer that lasts must end, though its client does not read.
#[derive(Clone, Copy, Debug)]
pub struct Ends(pub Instant);

impl Ends {
    /// When this answer must end, if it says so.
    pub fn of(answer: &Response) -> Option<Instant> {
        answer.extensions().get::<Self>().map(|ends| ends.0)
    }
}

/// The content type of everything that nobody asked for otherwise.
pub const JSON: &str = "application/json";

/// An answer of bytes.
pub fn bytes(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = HttpResponse::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// An answer of plain text.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(code, "text/plain; charset=utf-8", body)
}

/// A Status as an answer.
pub fn status(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut body = status.to_json();
    body.push(b'\n');
    let mut response = bytes(code, JSON, body);
    let retry = status.details.as_ref().map_or(0, |d| d.retry_after_seconds);
    if retry > 0 {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry));
    }
    response
}

/// Adds warnings for whoever sits behind the client (RFC 7234, section 5.5, as kubectl shows them).
pub fn warn(response: &mut Response, warnings: &[String]) {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // a header holds no control characters
        let line: String = format!("299 - \"{quoted}\"")
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        if let Ok(value) = HeaderValue::from_str(&line) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
}
