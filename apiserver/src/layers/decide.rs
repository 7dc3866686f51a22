//! A layer that accepts or rejects a request before the inner service is called, with or without waiting.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use async_trait::async_trait;
use axum::extract::Request;
use futures_util::future::{BoxFuture, Either};
use portcullis_api::Status;
use tower::{Layer, Service};

use super::reject::reject;
use crate::response::Response;

/// The decision. Its result is stored in the request's extensions.
#[async_trait]
pub trait Decide: Clone + Send + Sync + 'static {
    /// Whether the decision may have to wait.
    fn waits(&self) -> bool;

    /// Decides without waiting.
    ///
    /// # Errors
    /// Why a request is rejected.
    fn at_once(&self, request: &mut Request) -> Result<(), Status>;

    /// Decides, and may wait.
    ///
    /// # Errors
    /// As [`Decide::at_once`].
    async fn wait(&self, request: &mut Request) -> Result<(), Status>;
}

/// The layer of a decision.
#[derive(Clone)]
pub struct DecideLayer<D>(pub D);

/// A service behind a decision.
#[derive(Clone)]
pub struct DecideService<D, S> {
    decision: D,
    inner: S,
}

impl<D: Clone, S> Layer<S> for DecideLayer<D> {
    type Service = DecideService<D, S>;

    fn layer(&self, inner: S) -> Self::Service {
        let decision = self.0.clone();
        DecideService { decision, inner }
    }
}

type Outcome = Result<Response, Infallible>;

impl<D, S> Service<Request> for DecideService<D, S>
where
    D: Decide,
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Either<S::Future, Ready<Outcome>>, BoxFuture<'static, Outcome>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if !self.decision.waits() {
            return Either::Left(match self.decision.at_once(&mut request) {
                Ok(()) => Either::Left(self.inner.call(request)),
                Err(status) => Either::Right(ready(Ok(reject(&status)))),
            });
        }
        let decision = self.decision.clone();
        // The ready service is used, and replaced by a clone.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Either::Right(Box::pin(async move {
            match decision.wait(&mut request).await {
                Ok(()) => inner.call(request).await,
                Err(status) => Ok(reject(&status)),
            }
        }))
    }
}
