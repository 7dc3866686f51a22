//! The body of a request, as its connection receives it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::progress::Progress;

/// A body that tells its connection if it is dropped before its end: the client is still sending then.
pub struct Received {
    body: Incoming,
    ended: bool,
    progress: Arc<Progress>,
}

impl Received {
    /// The body of a request on a connection.
    pub const fn new(body: Incoming, progress: Arc<Progress>) -> Self {
        Self {
            body,
            ended: false,
            progress,
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.progress.leaves_unread();
        }
    }
}
