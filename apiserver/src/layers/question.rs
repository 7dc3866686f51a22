//! A layer that decides something about a request before it is passed on, with or without waiting.

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
pub trait Question: Clone + Send + Sync + 'static {
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
    /// As [`Question::at_once`].
    async fn wait(&self, request: &mut Request) -> Result<(), Status>;
}

/// The layer of a decision.
#[derive(Clone)]
pub struct QuestionLayer<Q>(pub Q);

/// A service behind a decision.
#[derive(Clone)]
pub struct Questioned<Q, S> {
    question: Q,
    inner: S,
}

impl<Q: Clone, S> Layer<S> for QuestionLayer<Q> {
    type Service = Questioned<Q, S>;

    fn layer(&self, inner: S) -> Self::Service {
        let question = self.0.clone();
        Questioned { question, inner }
    }
}

type Answered = Result<Response, Infallible>;

impl<Q, S> Service<Request> for Questioned<Q, S>
where
    Q: Question,
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Either<S::Future, Ready<Answered>>, BoxFuture<'static, Answered>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if !self.question.waits() {
            return Either::Left(match self.question.at_once(&mut request) {
                Ok(()) => Either::Left(self.inner.call(request)),
                Err(status) => Either::Right(ready(Ok(reject(&status)))),
            });
        }
        let question = self.question.clone();
        // The ready service is used, and replaced by a clone.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Either::Right(Box::pin(async move {
            match question.wait(&mut request).await {
                Ok(()) => inner.call(request).await,
                Err(status) => Ok(reject(&status)),
            }
        }))
    }
}
