//! A bug in a handler costs one request, not the server.

use std::any::Any;

use axum::body::Body;
use portcullis_api::Status;
use tower_http::catch_panic::ResponseForPanic;

use crate::response::{self, Response};

/// Answers a request whose handler panicked with a 500. The reason is only logged.
#[derive(Clone, Copy)]
pub struct Respond;

impl ResponseForPanic for Respond {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send>) -> Response {
        tracing::error!(panic = message(&*panic), "a request's handler panicked");
        response::status(&Status::internal(
            "the server panicked while it handled the request",
        ))
    }
}

/// The message of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::extract::Request;
    use http_body_util::BodyExt;
    use tower::{ServiceBuilder, ServiceExt, service_fn};
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_that_shows_no_internals() {
        let service = ServiceBuilder::new()
            .layer(CatchPanicLayer::custom(Respond))
            .service(service_fn(|_: Request| async {
                if true {
                    panic!("boom");
                }
                Ok::<Response, Infallible>(Response::default())
            }));
        let Ok(response) = service.oneshot(Request::default()).await;
        assert_eq!(response.status(), 500);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            body.contains("\"kind\":\"Status\"") && !body.contains("boom"),
            "{body}"
        );
    }
}
