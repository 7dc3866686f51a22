//! The log of a container, as its kubelet sends it.
//!
//! Upstream: `pkg/registry/core/pod/rest/log.go`, `LocationStreamer` and `GenericHttpResponseChecker` in
//! `k8s.io/apiserver/pkg/registry/generic/rest`.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response as HttpResponse, StatusCode};
use http_body_util::{BodyExt, Limited};
use portcullis_api::Status;
use portcullis_api::status::{Cause, Details};

use super::super::call::Call;
use super::container::container;
use super::{PATIENCE, as_it_comes, options, pod};
use crate::response::{self, Response};

/// How long a kubelet may take to start with the existing output.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How much of an error is read, in bytes, and for how long.
const ERROR_MAX: usize = 50_000;
const ERROR_TIMEOUT: Duration = Duration::from_secs(10);
/// The resource that errors name.
const RESOURCE: &str = "pods/log";

/// Reads a log; follows it if the client asks for that.
///
/// # Errors
/// As [`super::connect`], and the kubelet's error.
pub async fn read(call: &Call<'_>) -> Result<Response, Status> {
    options::check_log(call.query, call.scope.name)?;
    let (namespace, name) = (call.scope.namespace, call.scope.name);
    let spec = pod(call, name).await?.spec.unwrap_or_default();
    let container = container(name, &spec, call.query.get("container"))?;
    let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) else {
        // nothing has run yet, so there is no output
        return Ok(response::text(StatusCode::NO_CONTENT, ""));
    };
    let kubelets = &call.api.backends.kubelets;
    let kubelet = kubelets.of_node(&call.api.registry, node).await?;
    let query = options::for_log(call.query)?;
    let url = kubelet.url(&format!(
        "/containerLogs/{namespace}/{name}/{container}{query}"
    ));
    let insecure = call.query.flag("insecureSkipTLSVerifyBackend");
    let follows = call.query.flag("follow");
    call.in_flight.become_stream()?;
    let timeout = if follows { PATIENCE } else { TIMEOUT };
    let answer = kubelets.get(&url, insecure, timeout).await?;
    let answer = check(answer, name, &url).await?;
    let mut response = Response::new(answer.into_body());
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(as_it_comes(call, response))
}

/// Turns a kubelet's response into the client's.
async fn check(
    answer: HttpResponse<Body>,
    name: &str,
    url: &str,
) -> Result<HttpResponse<Body>, Status> {
    let code = answer.status().as_u16();
    if (200..=206).contains(&code) {
        return Ok(answer);
    }
    if (300..400).contains(&code) && answer.headers().contains_key(LOCATION) {
        let why = format!("Get {url:?}: redirects forbidden");
        return Err(Status::unknown(why));
    }
    let body = Limited::new(answer.into_body(), ERROR_MAX).collect();
    let body = tokio::time::timeout(ERROR_TIMEOUT, body).await;
    let text = match body {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Ok(Err(error)) => return Err(Status::internal(error)),
        Err(_) => return Err(Status::internal("the kubelet returned no error message")),
    };
    Err(failure(code, text, name))
}

/// A kubelet's error, with upstream's text (`NewGenericServerResponse`).
fn failure(code: u16, text: String, name: &str) -> Status {
    let (reason, message) = match code {
        400 => return Status::bad_request(text),
        500 => return Status::internal(text),
        401 => ("Unauthorized", "the server has asked for the client to provide credentials".into()),
        403 => ("Forbidden", text),
        404 => ("NotFound", "the server could not find the requested resource".into()),
        405 => ("MethodNotAllowed", text),
        409 => ("Conflict", "the server reported a conflict".into()),
        429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later".into()),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request".into()),
        504 => ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request".into()),
        code if code > 500 => {
            let why = format!("an error on the server ({text:?}) has prevented the request from succeeding");
            ("InternalError", why)
        }
        code => ("", format!("the server responded with the status code {code} but did not return more information")),
    };
    let message = format!("{message} ( {RESOURCE} {name})");
    let mut status = Status::unknown(message).with_reason(reason);
    status.code = code;
    status.with_details(Details {
        name: name.into(),
        kind: RESOURCE.into(),
        causes: Vec::<Cause>::new(),
        ..Details::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_kubelets_are_forwarded() {
        let failure = |code| {
            let status = failure(code, "no".into(), "web");
            (status.code, status.message)
        };
        assert_eq!(failure(400), (400, "no".into()));
        assert_eq!(failure(500), (500, "Internal error occurred: no".into()));
        assert_eq!(failure(403), (403, "no ( pods/log web)".into()));
        let missing = "the server could not find the requested resource ( pods/log web)";
        assert_eq!(failure(404), (404, missing.into()));
        let broken = "an error on the server (\"no\") has prevented the request from succeeding ( pods/log web)";
        assert_eq!(failure(502), (502, broken.into()));
        assert_eq!(failure(302).0, 302);
    }
}
