//! A streamed response whose end is reported.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The body of a response. Its end is when it is dropped.
pub(super) struct Followed {
    body: Body,
    ended: Option<Ended>,
}

/// Called at the end.
type Ended = Box<dyn FnOnce() + Send>;

impl Followed {
    /// Follows a response, and calls `ended` at its end.
    pub(super) fn new(body: Body, ended: impl FnOnce() + Send + 'static) -> Self {
        let ended: Ended = Box::new(ended);
        Self {
            body,
            ended: Some(ended),
        }
    }
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            ended();
        }
    }
}
