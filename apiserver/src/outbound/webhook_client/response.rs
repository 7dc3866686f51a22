//! Whether a response is usable, by the rules of `client-go/rest`.

use http::header::CONTENT_TYPE;

use super::CallError;
use crate::outbound::https::Reply;

/// The body of a successful response.
///
/// # Errors
/// What Go's client says of any other.
pub(super) fn body(reply: Reply) -> Result<bytes::Bytes, CallError> {
    success(&reply)?;
    if reply.body.is_empty() {
        return Err(CallError::Call(format!(
            "0-length response with status code: {} and content type: {}",
            reply.code,
            content_type(&reply)
        )));
    }
    Ok(reply.body)
}

/// Whether a response has a code of success.
///
/// # Errors
/// What Go's client says of any other.
pub(super) fn success(reply: &Reply) -> Result<(), CallError> {
    let content_type = content_type(reply);
    if !(200..=206).contains(&reply.code) {
        let said = match content_type.starts_with("text/") || content_type.is_empty() {
            true => String::from_utf8_lossy(&reply.body).trim().to_owned(),
            false => "unknown".to_owned(),
        };
        let why = unexpected(reply.code, &said);
        return Err(CallError::Answered(reply.code, why));
    }
    Ok(())
}

fn content_type(reply: &Reply) -> &str {
    let content_type = reply.headers.get(CONTENT_TYPE);
    content_type.and_then(|v| v.to_str().ok()).unwrap_or("")
}

/// Upstream: `NewGenericServerResponse` in `k8s.io/apimachinery/pkg/api/errors`.
fn unexpected(code: u16, said: &str) -> String {
    let known = match code {
        400 => "the server rejected our request for an unknown reason",
        401 => "the server has asked for the client to provide credentials",
        403 => said,
        404 => "the server could not find the requested resource",
        405 => "the server does not allow this method on the requested resource",
        406 if said.is_empty() || said == "unknown" => {
            "the server was unable to respond with a content type that the client supports"
        }
        406 | 415 => said,
        409 => "the server reported a conflict",
        422 => "the server rejected our request due to an error in our request",
        429 => "the server has received too many requests and has asked us to try again later",
        503 => "the server is currently unable to handle the request",
        504 => {
            "the server was unable to return a response in the time allotted, but may still be processing the request"
        }
        500.. => {
            return format!(
                "an error on the server ({said:?}) has prevented the request from succeeding"
            );
        }
        _ => {
            return format!(
                "the server responded with the status code {code} but did not return more information"
            );
        }
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn only_success_has_a_body() {
        let judged = |code, content_type: &'static str, body: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            super::body(Reply {
                code,
                headers,
                body: Bytes::from_static(body.as_bytes()),
            })
        };
        assert_eq!(judged(200, "anything", "{}").unwrap(), "{}");
        for (code, content_type, body, expected) in [
            (
                200,
                "a/b",
                "",
                "0-length response with status code: 200 and content type: a/b",
            ),
            (
                302,
                "text/plain",
                "moved",
                "the server responded with the status code 302 but did not return more information",
            ),
            (
                404,
                "text/plain",
                "nope",
                "the server could not find the requested resource",
            ),
            (
                500,
                "text/plain",
                " no \n",
                "an error on the server (\"no\") has prevented the request from succeeding",
            ),
            (
                502,
                "application/json",
                "{}",
                "an error on the server (\"unknown\") has prevented the request from succeeding",
            ),
        ] {
            let error = judged(code, content_type, body).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(matches!(error, CallError::Answered(..)), code != 200);
        }
    }
}
