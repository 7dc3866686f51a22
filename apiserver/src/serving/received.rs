//! The body of a request, as its connection receives it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

use super::progress::Progress;

/// The size of an unread body that is still received, in bytes.
const LEFTOVER: usize = 64 * 1024;
/// How long that may take.
const LEFTOVER_TIME: Duration = Duration::from_secs(1);

/// A body that tells its connection while it is waited for, and if it is dropped before its end: the client
/// is still sending then.
pub struct Received {
    /// There until it is dropped.
    body: Option<Incoming>,
    is_http2: bool,
    begun: bool,
    awaited: bool,
    ended: bool,
    progress: Arc<Progress>,
}

impl Received {
    /// The body of a request on a connection.
    pub const fn new(body: Incoming, is_http2: bool, progress: Arc<Progress>) -> Self {
        Self {
            body: Some(body),
            is_http2,
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
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
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
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.is_awaited(false);
        let unread = (self.body.take()).filter(|body| !self.ended && !body.is_end_stream());
        let Some(unread) = unread else { return };
        self.progress.leaves_unread();
        // there is no runtime when the server has stopped
        if let Ok(runtime) = Handle::try_current()
            && self.is_http2
        {
            runtime.spawn(tokio::time::timeout(LEFTOVER_TIME, discard(unread)));
        }
    }
}

/// Receives what is left of a small body. Otherwise HTTP/2 resets the stream behind the response, for which
/// some clients, such as curl 7.88, drop the response.
async fn discard(mut body: Incoming) {
    let mut left = LEFTOVER;
    while let Some(Ok(frame)) = body.frame().await {
        let size = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(size) else {
            return;
        };
        left = rest;
    }
}
