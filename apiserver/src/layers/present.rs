//! Indented JSON, for people.
//!
//! Upstream: `isPrettyPrint` in `k8s.io/apiserver/pkg/endpoints/handlers/negotiation`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, USER_AGENT};
use http_body::Body as _;
use portcullis_api::Status;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tower::{Layer, Service};

use crate::limits::in_flight::InFlight;
use crate::request::Described;
use crate::response::{self, JSON, Response};

/// The user agents of clients whose output people read.
const FOR_PEOPLE: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

/// It takes long to indent so many bytes.
const LONG: usize = 512 * 1024;

/// How many long responses are indented at the same time.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Indents JSON for clients that ask for it.
#[derive(Clone, Copy)]
pub struct PresentLayer;

/// A service with indented JSON.
#[derive(Clone)]
pub struct Present<S>(S);

impl<S> Layer<S> for PresentLayer {
    type Service = Present<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Present(inner)
    }
}

impl<S> Service<Request> for Present<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let wants_lines = wants_lines(&request);
        let answered = self.0.call(request);
        if !wants_lines {
            return Either::Left(answered);
        }
        Either::Right(Box::pin(async move {
            let Ok(response) = answered.await;
            Ok(present(response).await)
        }))
    }
}

/// The response with indented JSON, if it is JSON and there is memory for it.
async fn present(response: Response) -> Response {
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_json = content_type.is_some_and(|t| t.as_bytes().starts_with(JSON.as_bytes()));
    let size = response.body().size_hint().exact();
    let size = size.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX));
    if !is_json || size == 0 {
        return response;
    }
    let in_flight = response.extensions().get::<Arc<InFlight>>().cloned();
    let denied = |in_flight: &Arc<InFlight>| !in_flight.grow_response(size);
    if in_flight.as_ref().is_some_and(denied) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let lines = match response::collect(body).await {
        Ok(bytes) if bytes.len() < LONG => Ok(indented(&bytes)),
        Ok(bytes) => indent_elsewhere(bytes, in_flight).await,
        Err(error) => Err(Status::internal(error)),
    };
    match lines {
        Ok(lines) => Response::from_parts(head, Body::from(lines)),
        Err(status) => response::status(&status),
    }
}

/// Indents on a thread that requests do not wait for. The work goes on without its client, so that it keeps the
/// request's permits.
async fn indent_elsewhere(
    bytes: Bytes,
    in_flight: Option<Arc<InFlight>>,
) -> Result<Vec<u8>, Status> {
    let place = PLACES.acquire().await.map_err(Status::internal)?;
    let lines = spawn_blocking(move || {
        let lines = indented(&bytes);
        drop((place, in_flight));
        lines
    });
    lines.await.map_err(Status::internal)
}

fn wants_lines(request: &Request) -> bool {
    // Documents about the API are read by programs.
    if request.uri().path().starts_with("/openapi/") {
        return false;
    }
    let header = |name: HeaderName| {
        let value = request.headers().get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    };
    let described = request.extensions().get::<Arc<Described>>();
    let asked_for = match described.map_or("", |described| described.query.get("pretty")) {
        "" => {
            let agent = header(USER_AGENT);
            FOR_PEOPLE.iter().any(|name| agent.starts_with(name))
        }
        text => matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True"),
    };
    let mut clauses = header(ACCEPT).split([',', ';']);
    asked_for || clauses.any(|parameter| parameter.trim() == "pretty=1")
}

/// JSON as Go's `MarshalIndent` writes it, with its fields in their original order.
fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    // an opened object or list that may turn out to be empty
    let mut opened = false;
    for byte in json.iter().copied() {
        if quoted {
            out.push(byte);
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        if byte.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(byte, b'}' | b']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if opened != closes {
            new_line(&mut out, depth);
        }
        opened = false;
        out.push(byte);
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth += 1;
                opened = true;
            }
            b',' => new_line(&mut out, depth),
            b':' => out.push(b' '),
            _ => {}
        }
    }
    out.push(b'\n');
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let described = Described::of(request.method(), request.uri());
        request.extensions_mut().insert(described);
        request
    }

    #[test]
    fn people_and_clients_that_ask_get_indented_json() {
        let curl = ("user-agent", "curl/8.5.0");
        let accept = ("accept", "application/json;pretty=1, */*");
        for (url, headers, pretty) in [
            ("/api/v1/pods", vec![], false),
            ("/api/v1/pods?pretty=true", vec![], true),
            ("/api/v1/pods?pretty=0", vec![curl], false),
            ("/api/v1/pods", vec![curl], true),
            ("/api/v1/pods", vec![accept], true),
            ("/openapi/v2", vec![curl], false),
        ] {
            let request = request(url, &headers);
            assert_eq!(wants_lines(&request), pretty, "{url} {headers:?}");
        }
    }

    #[tokio::test]
    async fn only_json_is_indented() {
        let lines = async |content_type, body: &'static str| {
            let response = response::bytes(http::StatusCode::OK, content_type, body);
            let body = present(response).await.into_body().collect().await.unwrap();
            String::from_utf8(body.to_bytes().to_vec()).unwrap()
        };
        assert_eq!(lines(JSON, "{\"a\":1}").await, "{\n  \"a\": 1\n}\n");
        assert_eq!(lines("text/plain", "{\"a\":1}").await, "{\"a\":1}");
        assert_eq!(lines(JSON, "").await, "");
    }

    #[test]
    fn indentation_is_gos() {
        let json = br#"{"a":[],"b":{},"c":[1,{"d":"e: [\"f\\"}],"g":null}"#;
        let expected = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"e: [\\\"f\\\\\"\n    }\n  ],\n  \"g\": null\n}\n";
        assert_eq!(String::from_utf8(indented(json)).unwrap(), expected);
        let value: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&indented(json)).unwrap(),
            value
        );
    }
}
