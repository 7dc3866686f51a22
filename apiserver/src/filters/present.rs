//! How an answer looks on its way out: JSON for people, and less of it on the wire.
//!
//! Upstream: `isPrettyPrint` in `k8s.io/apiserver/pkg/endpoints/handlers/negotiation` and
//! `.../responsewriters/writers.go`.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
    VARY,
};
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;

use crate::endpoints::query::Query;
use crate::filters::limits::pool::Permit;
use crate::response::{JSON, Response};

/// Answers of more bytes are compressed for clients that can read that.
const COMPRESSED_FROM: u64 = 128 * 1024;

/// Programs behind which people sit.
const FOR_PEOPLE: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

/// How a client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    pretty: bool,
    gzip: bool,
}

impl Wishes {
    /// Reads them off a request.
    pub fn of(parts: &Parts) -> Self {
        let header = |name: HeaderName| {
            let value = parts.headers.get(name);
            value.and_then(|v| v.to_str().ok()).unwrap_or_default()
        };
        // documents about the API are for programs
        let is_schema = parts.uri.path().starts_with("/openapi/");
        let in_accept = || {
            let mut clauses = header(ACCEPT).split([',', ';']);
            clauses.any(|parameter| parameter.trim() == "pretty=1")
        };
        let query = Query::new(parts.uri.query().unwrap_or_default());
        let agent = header(USER_AGENT);
        let asked_for = match query.get("pretty") {
            "" => FOR_PEOPLE.iter().any(|name| agent.starts_with(name)),
            text => matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True"),
        };
        let mut encodings = header(ACCEPT_ENCODING).split(',');
        Self {
            pretty: !is_schema && (asked_for || in_accept()),
            gzip: encodings.any(|encoding| encoding.trim() == "gzip"),
        }
    }

    /// The answer as it was wished, as far as there is `room`. Streams are left alone: they have no end
    /// to wait for.
    pub async fn present(self, answer: Response, mut room: Option<&mut Permit>) -> Response {
        let Some(size) = answer.body().size_hint().exact() else {
            return answer;
        };
        let content_type = answer.headers().get(CONTENT_TYPE);
        let is_json = content_type.is_some_and(|t| t.as_bytes().starts_with(JSON.as_bytes()));
        let mut fits = |size: u64| {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            room.as_mut().is_none_or(|room| room.grow(size))
        };
        let pretty = self.pretty && is_json && size > 0 && fits(size);
        if !(pretty || self.gzip && size > COMPRESSED_FROM) {
            return answer;
        }
        let (mut head, body) = answer.into_parts();
        // a body that is all there cannot fail
        let mut bytes = body
            .collect()
            .await
            .map_or_else(|e| match e {}, |b| b.to_bytes());
        if pretty {
            bytes = indented(&bytes).into();
        }
        if self.gzip
            && u64::try_from(bytes.len()).is_ok_and(|size| size > COMPRESSED_FROM)
            && let Some(less) = compressed(bytes.clone()).await
        {
            bytes = less;
            let gzip = HeaderValue::from_static("gzip");
            head.headers.insert(CONTENT_ENCODING, gzip);
            let vary = HeaderValue::from_static("Accept-Encoding");
            head.headers.append(VARY, vary);
            if let Some(room) = room {
                room.shrink(bytes.len());
            }
        }
        Response::from_parts(head, Full::new(bytes).boxed_unsync())
    }
}

/// Megabytes take a while, in which other requests on this thread would wait.
async fn compressed(bytes: Bytes) -> Option<Bytes> {
    let compress = move || -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
        encoder.write_all(&bytes)?;
        encoder.finish()
    };
    let done = tokio::task::spawn_blocking(compress).await;
    done.ok()?.ok().map(Bytes::from)
}

/// JSON as Go's `MarshalIndent` writes it, its fields in the order in which they stand.
fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    // an opened object or list, of which it is not known yet whether anything is in it
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
    use http::Request;

    use super::*;

    fn wishes(url: &str, headers: &[(&str, &str)]) -> Wishes {
        let mut request = Request::builder().uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Wishes::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn people_and_those_who_ask_get_lines() {
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
            assert_eq!(wishes(url, &headers).pretty, pretty, "{url} {headers:?}");
        }
        assert!(wishes("/", &[("accept-encoding", "deflate, gzip")]).gzip);
        assert!(!wishes("/", &[("accept-encoding", "gzip;q=0")]).gzip);
    }

    #[test]
    fn lines_are_gos() {
        let json = br#"{"a":[],"b":{},"c":[1,{"d":"e: [\"f\\"}],"g":null}"#;
        let expected = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"e: [\\\"f\\\\\"\n    }\n  ],\n  \"g\": null\n}\n";
        assert_eq!(String::from_utf8(indented(json)).unwrap(), expected);
        let value: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&indented(json)).unwrap(),
            value
        );
    }

    #[tokio::test]
    async fn only_large_answers_are_compressed() {
        let wishes = Wishes {
            pretty: false,
            gzip: true,
        };
        for (size, compressed) in [(1024, false), (300_000, true)] {
            let answer = crate::response::text(http::StatusCode::OK, "x".repeat(size));
            let answer = wishes.present(answer, None).await;
            assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), compressed);
            let length = answer.into_body().collect().await.unwrap().to_bytes().len();
            assert_eq!(length < size, compressed, "{length}");
        }
    }
}
