//! Ends requests that take too long.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/timeout.go`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};

use crate::limits::{self, Limits};
use crate::request::Described;
use crate::response::{self, Ends, Response};

/// Gives each request its time: it is answered within that, and the response sent.
#[derive(Clone)]
pub struct DeadlineLayer(pub Arc<Limits>);

/// A service that must answer in time.
#[derive(Clone)]
pub struct Deadline<S> {
    limits: Arc<Limits>,
    inner: S,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let limits = self.0.clone();
        Deadline { limits, inner }
    }
}

impl<S> Service<Request> for Deadline<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = InTime<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let described = request.extensions().get::<Arc<Described>>();
        let deadline = described.and_then(|described| self.limits.deadline(&described.info));
        InTime {
            future: self.inner.call(request),
            sleep: deadline.map(sleep_until),
            deadline,
        }
    }
}

pin_project! {
    /// A response, or a 504 when the deadline has passed.
    pub struct InTime<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Option<Sleep>,
        deadline: Option<Instant>,
    }
}

impl<F> Future for InTime<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.future.poll(context) {
            Poll::Ready(Ok(response)) => response,
            Poll::Pending => {
                let Some(sleep) = this.sleep.as_pin_mut() else {
                    return Poll::Pending;
                };
                ready!(sleep.poll(context));
                response::status(&limits::too_late())
            }
        };
        if let Some(deadline) = *this.deadline
            && Ends::of(&response).is_none()
        {
            response.extensions_mut().insert(Ends(deadline));
        }
        Poll::Ready(Ok(response))
    }
}
