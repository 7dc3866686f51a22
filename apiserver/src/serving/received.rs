//! The body of a request, as its connection receives it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::progress::Progress;

/// A body that tells its connection while it is waited for, and if it is dropped before its end: the client
/// is still sending then.
pub struct Received {
    body: Incoming,
    begun: bool,
    awaited: bool,
    ended: bool,
    progress: Arc<Progress>,
}

impl Received {
    /// The body of a request on a connection.
    pub const fn new(body: Incoming, progress: Arc<Progress>) -> Self {
        Self {
            body,
            begun: false,
            awaited: false,
            ended: false,
            progress,
        }
    }

    fn is_awaited(&mut self, awaited: bool) {
        if self.awaited != awaited {
            self.awaited = awaited;
            self.progress.awaits_body(awaited);
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
        if !self.begun {
            self.begun = true;
            self.progress.body_begins();
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.is_awaited(polled.is_pending());
        let frame = ready!(polled);
        if let Some(Ok(data)) = frame
            .as_ref()
            .map(|frame| frame.as_ref().map(Frame::data_ref))
        {
            self.progress.body_comes(data.map_or(0, Bytes::len));
        }
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
        self.is_awaited(false);
        if !self.ended && !self.body.is_end_stream() {
            self.progress.leaves_unread();
        }
    }
}
