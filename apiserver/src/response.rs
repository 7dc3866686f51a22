//! Responses: objects, lists, streams and Statuses as bytes.

pub mod accept;
pub mod list;
pub mod metadata;
pub mod object;
pub mod switched;
pub mod table;
pub mod watch_frames;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http_body::Body as _;
use http_body_util::BodyExt;
use portcullis_api::Status;
use portcullis_storage::turn::Turn;
use tokio::time::Instant;

/// A response.
pub type Response = http::Response<Body>;

/// When a response must have been sent, even if its client does not read; in the extensions of the response.
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

/// How much is allocated at once for what is left of a body.
const ANNOUNCED_MAX: usize = 16 * 1024 * 1024;

/// Marks a stream that ends by a deadline of its own, and whose parts are small: a watch. An extension of the
/// response.
#[derive(Clone, Copy, Debug)]
pub struct EndsItself;

/// The largest piece in which bodies are sent, in bytes: what a connection takes at once. HTTP/2 queues each one
/// whole, without copying it.
pub const PIECE: usize = 64 * 1024;

/// The default content type.
pub const JSON: &str = "application/json";

/// A response of bytes.
pub fn bytes(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    with_body(code, content_type, Body::from(body.into()))
}

/// A response with a body.
pub fn with_body(code: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// All of a body; a large one is taken in turns with other tasks.
///
/// # Errors
/// Those of the body.
pub async fn collect(mut body: Body) -> Result<Bytes, axum::Error> {
    let first = body.frame().await.transpose()?;
    let first = first.and_then(|frame| frame.into_data().ok());
    let first = first.unwrap_or_default();
    if body.is_end_stream() {
        return Ok(first);
    }
    // Another server may announce more than there is memory for.
    let left = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut all = Vec::with_capacity(first.len() + left.min(ANNOUNCED_MAX));
    all.extend_from_slice(&first);
    let mut turn = Turn::begin();
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            all.extend_from_slice(&piece);
        }
        turn.pass().await;
    }
    Ok(all.into())
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
