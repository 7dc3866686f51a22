//! Ends requests that take too long.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/timeout.go` and `…/endpoints/filters/request_deadline.go`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};

use axum::extract::Request;
use futures_util::future::Either;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};

use crate::limits::{self, Due, Limits, Terminated};
use crate::request::Described;
use crate::response::{self, Ends, Response};

/// Gives each request its deadlines: for the response, and for the end of sending it.
#[derive(Clone)]
pub struct DeadlineLayer {
    /// The limits that set them.
    pub limits: Arc<Limits>,
    /// Whether inner services get them, as the extension [`Due`] of the request.
    pub passes_due: bool,
}

/// A service that must respond in time.
#[derive(Clone)]
pub struct Deadline<S> {
    layer: DeadlineLayer,
    inner: S,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let layer = self.clone();
        Deadline { layer, inner }
    }
}

impl<S> Service<Request> for Deadline<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, InTime<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let DeadlineLayer { limits, passes_due } = &self.layer;
        let described = request.extensions().get::<Arc<Described>>();
        let due = described.map_or(Ok(Due::default()), |described| limits.due(described));
        match due {
            Ok(due) => {
                if *passes_due {
                    request.extensions_mut().insert(due);
                }
                Either::Right(InTime {
                    future: self.inner.call(request),
                    sleep: due.answered.map(sleep_until),
                    sent: due.sent,
                })
            }
            Err(status) => Either::Left(ready(Ok(response::status(&status)))),
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
        sent: Option<Instant>,
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
                task::ready!(sleep.poll(context));
                // Without `Ends`: the time to send it in may have passed as well.
                let mut response = response::status(&limits::too_late());
                response.extensions_mut().insert(Terminated);
                return Poll::Ready(Ok(response));
            }
        };
        if let Some(sent) = *this.sent
            && Ends::of(&response).is_none()
        {
            response.extensions_mut().insert(Ends(sent));
        }
        Poll::Ready(Ok(response))
    }
}
