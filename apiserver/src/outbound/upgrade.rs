//! Requests after which a connection switches to another protocol, such as SPDY/3.1 or that of a WebSocket:
//! they are forwarded unchanged, and the bytes that follow are not interpreted.
//!
//! Upstream: `tryUpgrade` in `k8s.io/apimachinery/pkg/util/proxy/upgradeaware.go`.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;

use super::headers;
use super::https::StreamClient;
use super::webhook_client::go_error;
use crate::response::switched::Switched;

/// The protocol that a request switches to, if any.
pub fn asked(request: &Parts) -> Option<&HeaderValue> {
    let asks = request.headers.get_all(CONNECTION).iter().any(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.windows(7).any(|part| part == b"upgrade")
    });
    let protocol = request.headers.get(UPGRADE)?;
    (asks && request.version == Version::HTTP_11).then_some(protocol)
}

/// Adds the headers that request a switch to another protocol.
pub fn ask(headers: &mut HeaderMap, protocol: &HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, protocol.clone());
}

/// A response to a request that does not switch.
///
/// # Errors
/// It switches all the same.
pub fn stays<B>(answer: Response<B>) -> Result<Response<B>, String> {
    match answer.status() {
        code if code.is_informational() => Err(format!(
            "unexpected response: status code {}",
            code.as_u16()
        )),
        _ => Ok(answer),
    }
}

/// Sends a request that switches to another protocol. If the response switches, it joins the client's
/// connection to this one; if it does not, it is forwarded if it is an error.
///
/// # Errors
/// Why there is no such response, with Go's text.
pub async fn switch(
    client: &StreamClient,
    request: Request<Bytes>,
    timeout: Duration,
) -> Result<Response<Body>, String> {
    let url = request.uri().to_string();
    let answer = client.open(request, timeout).await;
    let mut answer = answer
        .map_err(|error| format!("error dialing backend: {}", go_error::text(&error, &url)))?;
    let code = answer.status();
    if code != StatusCode::SWITCHING_PROTOCOLS {
        if code.as_u16() < 400 {
            let code = code.as_u16();
            return Err(format!("invalid upgrade response: status code {code}"));
        }
        headers::without_hops(answer.headers_mut());
        // streamed, of any length
        return Ok(answer.map(|body| Body::from_stream(body.into_data_stream())));
    }
    let other = hyper::upgrade::on(&mut answer).await;
    let other = other.map_err(|error| format!("error dialing backend: {error}"))?;
    let mut response = answer.map(|_| Body::empty());
    let switched = Switched::to(TokioIo::new(other));
    response.extensions_mut().insert(switched);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_1_1_requests_can_switch() {
        let asked = |version, headers: &[(&str, &str)]| {
            let mut request = Request::builder().version(version);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let parts = request.body(()).unwrap().into_parts().0;
            asked(&parts).map(|protocol| protocol.to_str().unwrap().to_owned())
        };
        let spdy = ("upgrade", "SPDY/3.1");
        let connection = ("connection", "keep-alive, Upgrade");
        let both = [connection, spdy];
        assert_eq!(asked(Version::HTTP_11, &both).as_deref(), Some("SPDY/3.1"));
        assert_eq!(asked(Version::HTTP_2, &both), None);
        assert_eq!(asked(Version::HTTP_11, &[spdy]), None);
        assert_eq!(asked(Version::HTTP_11, &[connection]), None);
    }
}
