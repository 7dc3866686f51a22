//! A layer of two functions: what happens before the inner service, and what after it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use http::Response;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// What a layer does with requests and responses, if neither needs to wait.
pub trait Filter<B>: Clone {
    /// State of a request that is kept for its response.
    type Kept;

    /// Inspects a request, and may change it.
    ///
    /// # Errors
    /// The response of a request that is rejected.
    fn request(&self, request: &mut Request) -> Result<Self::Kept, Response<B>>;

    /// Changes the response of a request that was not rejected here.
    fn response(&self, _kept: Self::Kept, response: Response<B>) -> Response<B> {
        response
    }
}

/// The layer of a filter.
#[derive(Clone)]
pub struct FilterLayer<F>(pub F);

/// A service behind a filter.
#[derive(Clone)]
pub struct Filtered<F, S> {
    filter: F,
    inner: S,
}

impl<F: Clone, S> Layer<S> for FilterLayer<F> {
    type Service = Filtered<F, S>;

    fn layer(&self, inner: S) -> Self::Service {
        let filter = self.0.clone();
        Filtered { filter, inner }
    }
}

impl<F, S, B> Service<Request> for Filtered<F, S>
where
    F: Filter<B>,
    S: Service<Request, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = FilterFuture<F, F::Kept, S::Future, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.filter.request(&mut request) {
            Ok(kept) => FilterFuture {
                inner: Some(self.inner.call(request)),
                kept: Some((self.filter.clone(), kept)),
                rejected: None,
            },
            Err(response) => FilterFuture {
                inner: None,
                kept: None,
                rejected: Some(response),
            },
        }
    }
}

pin_project! {
    /// The resulting response: the inner service's, or that of a rejected request.
    pub struct FilterFuture<F, K, S, B> {
        #[pin]
        inner: Option<S>,
        kept: Option<(F, K)>,
        rejected: Option<Response<B>>,
    }
}

impl<F, S, B> Future for FilterFuture<F, F::Kept, S, B>
where
    F: Filter<B>,
    S: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = S::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(response) = this.rejected.take() {
            return Poll::Ready(Ok(response));
        }
        let Some(inner) = this.inner.as_pin_mut() else {
            // Polled after it was ready, which no executor does.
            return Poll::Pending;
        };
        let Ok(response) = ready!(inner.poll(context));
        Poll::Ready(Ok(match this.kept.take() {
            Some((filter, kept)) => filter.response(kept, response),
            None => response,
        }))
    }
}
