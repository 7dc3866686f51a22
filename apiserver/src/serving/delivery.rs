//! Sends responses in pieces that a connection takes one at a time. Each piece holds the permits of the
//! response until it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;

use super::progress::{Clock, UnderWay};
use crate::limits::in_flight::InFlight;
use crate::response::{Ends, Unhurried};

/// The largest piece, in bytes. HTTP/2 queues each piece whole, without copying it.
const PIECE: usize = 64 * 1024;

/// Why a response breaks off.
#[derive(Debug, Error)]
pub enum BrokenOff {
    /// Its client has not read it in time.
    #[error("the response was not sent in time")]
    Late,
    /// Its source has failed.
    #[error("the response ended early: {0}")]
    Body(BoxError),
}

/// The body of a response while it is sent.
pub struct Delivery<B> {
    rest: Rest<B>,
    clock: Arc<Clock>,
}

enum Rest<B> {
    /// A buffered body; the bytes hold its permits.
    Whole(Bytes),
    /// A streamed body.
    Stream { body: B, _held: Held },
}

/// Bytes, and the permits that are released when the last of them has been sent.
struct Held {
    /// Empty for a streamed response.
    bytes: Bytes,
    _in_flight: Option<Arc<InFlight>>,
    _under_way: UnderWay,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Starts sending a response.
///
/// # Errors
/// A body that breaks off before its end.
pub async fn deliver<B>(
    response: http::Response<B>,
    under_way: UnderWay,
) -> Result<http::Response<Delivery<B>>, BrokenOff>
where
    B: Body<Data = Bytes, Error = BoxError>,
{
    let unhurried = response.extensions().get::<Unhurried>().is_some();
    let clock = under_way.answer(Ends::of(&response), unhurried);
    let (mut head, body) = response.into_parts();
    let in_flight = head.extensions.remove::<Arc<InFlight>>();
    let holding = |bytes| Held {
        bytes,
        _in_flight: in_flight,
        _under_way: under_way,
    };
    let rest = if body.size_hint().exact().is_some() {
        let bytes = body.collect().await.map_err(BrokenOff::Body)?;
        Rest::Whole(Bytes::from_owner(holding(bytes.to_bytes())))
    } else {
        Rest::Stream {
            body,
            _held: holding(Bytes::new()),
        }
    };
    let body = Delivery { rest, clock };
    Ok(http::Response::from_parts(head, body))
}

/// Starts sending a response without a body.
pub fn head<B>(response: http::Response<B>, under_way: &UnderWay) -> http::Response<Delivery<B>> {
    let clock = under_way.answer(None, true);
    response.map(|_| Delivery {
        rest: Rest::Whole(Bytes::new()),
        clock,
    })
}

impl<B> Body for Delivery<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        let frame = match &mut this.rest {
            Rest::Whole(rest) if rest.is_empty() => None,
            Rest::Whole(_) if this.clock.is_over() => Some(Err(BrokenOff::Late)),
            Rest::Whole(rest) => {
                let piece = rest.split_to(rest.len().min(PIECE));
                Some(Ok(Frame::data(piece)))
            }
            Rest::Stream { body, .. } => {
                this.clock.waits(false);
                let frame = ready!(Pin::new(body).poll_frame(context));
                frame.map(|frame| frame.map_err(BrokenOff::Body))
            }
        };
        // From here on the client is the one that is waited for.
        this.clock.waits(true);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.rest {
            Rest::Whole(rest) => rest.is_empty(),
            Rest::Stream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            Rest::Whole(rest) => SizeHint::with_exact(u64::try_from(rest.len()).unwrap_or(0)),
            Rest::Stream { body, .. } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
    use portcullis_api::UserInfo;
    use tokio::time::Instant;

    use super::*;
    use crate::config::RequestLimits;
    use crate::limits::Limits;
    use crate::request::{Query, RequestInfo};
    use crate::response;
    use crate::serving::progress::Progress;

    fn limits() -> Limits {
        Limits::new(&RequestLimits {
            max_requests_inflight: 4,
            max_mutating_requests_inflight: 4,
            request_timeout: Duration::ZERO,
        })
    }

    fn held(limits: &Limits) -> usize {
        limits.in_flight()[1].1
    }

    fn response(
        size: usize,
        limits: &Limits,
        end: Option<Instant>,
    ) -> http::Response<impl Body<Data = Bytes, Error = BoxError> + Unpin> {
        let mut response = response::text(StatusCode::OK, "x".repeat(size));
        let info = RequestInfo::parse(&Method::GET, "/", &Query::default());
        let in_flight = InFlight::new(limits, &info, &UserInfo::default(), 0).unwrap();
        in_flight.start().unwrap();
        response.extensions_mut().insert(in_flight);
        if let Some(end) = end {
            response.extensions_mut().insert(Ends(end));
        }
        response.map(|body| body.map_err(Into::into))
    }

    #[tokio::test]
    async fn a_response_holds_its_permit_until_its_last_piece_is_sent() {
        let (limits, progress) = (limits(), Progress::begin());
        let sent = deliver(response(PIECE + 1, &limits, None), progress.request()).await;
        let mut body = sent.unwrap().into_body();
        assert_eq!(
            body.size_hint().exact(),
            Some(u64::try_from(PIECE + 1).unwrap())
        );
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
        }
        assert!(pieces.iter().map(Bytes::len).eq([PIECE, 1]) && body.is_end_stream());
        drop(body);
        assert_eq!((held(&limits), progress.heads()), (1, None));
        drop(pieces);
        assert_eq!((held(&limits), progress.heads()), (0, Some(1)));
        let empty = deliver(response(0, &limits, None), progress.request()).await;
        let empty = empty.unwrap();
        assert!(empty.body().is_end_stream());
        drop(empty);
        assert_eq!(held(&limits), 0);
    }

    #[tokio::test]
    async fn a_response_that_takes_too_long_breaks_off() {
        let (limits, progress) = (limits(), Progress::begin());
        let end = Instant::now() + Duration::from_millis(1);
        let sent = deliver(response(10, &limits, Some(end)), progress.request()).await;
        tokio::time::sleep_until(end).await;
        let mut body = sent.unwrap().into_body();
        assert!(body.frame().await.unwrap().is_err());
        drop(body);
        assert_eq!(held(&limits), 0);
    }
}
