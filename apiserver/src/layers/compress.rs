//! Compresses responses for clients that support it.
//!
//! Upstream: `defaultGzipThresholdBytes` in
//! `k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go`.

use http::Response;
use http_body::Body;
use tower_http::CompressionLevel;
use tower_http::compression::{CompressionLayer, Predicate};

/// Responses of more bytes are compressed.
const THRESHOLD: u64 = 128 * 1024;

/// The layer.
pub fn layer() -> CompressionLayer<Large> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(Large)
}

/// Large responses of a known size. Watches are never compressed: each event has to arrive immediately.
#[derive(Clone, Copy, Debug)]
pub struct Large;

impl Predicate for Large {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        let size = response.body().size_hint().exact();
        size.is_some_and(|size| size > THRESHOLD)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body as AxumBody;
    use axum::extract::Request;
    use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
    use http_body_util::BodyExt;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;

    async fn answer(size: usize, streams: bool) -> (bool, usize) {
        let service = ServiceBuilder::new().layer(layer()).service(service_fn(
            move |_: Request| async move {
                let body = "x".repeat(size);
                let body = if streams {
                    let lines = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
                    AxumBody::from_stream(lines)
                } else {
                    AxumBody::from(body)
                };
                Ok::<_, Infallible>(Response::new(body))
            },
        ));
        let request = Request::builder().header(ACCEPT_ENCODING, "deflate, gzip");
        let request = request.body(AxumBody::empty()).unwrap();
        let Ok(response) = service.oneshot(request).await;
        let compressed = response.headers().get(CONTENT_ENCODING).is_some();
        let body = response.into_body().collect().await.unwrap();
        (compressed, body.to_bytes().len())
    }

    #[tokio::test]
    async fn large_responses_are_compressed_and_no_streams() {
        assert_eq!(answer(1024, false).await, (false, 1024));
        assert_eq!(answer(300_000, true).await, (false, 300_000));
        let (compressed, size) = answer(300_000, false).await;
        assert!(compressed && size < 30_000, "{size}");
    }
}
