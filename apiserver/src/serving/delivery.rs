//! Sends responses in pieces that a connection takes one at a time. Each piece holds the permits of the
//! response until it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use super::permits::Permits;
use super::pieces::{BrokenOff, Pieces, next_of};
use super::progress::{Clock, UnderWay};
use crate::limits::in_flight::InFlight;
use crate::response::{Ends, EndsItself, Unhurried};

/// The body of a response while it is sent.
pub struct Delivery<B> {
    rest: Rest<B>,
    clock: Arc<Clock>,
}

enum Rest<B> {
    /// A buffered body; the bytes hold its permits.
    Whole(Bytes),
    /// A body that comes in pieces.
    Pieces(Pieces<B>),
}

/// Starts sending a response.
///
/// # Errors
/// A body that breaks off before its first piece.
pub fn deliver<B>(
    response: http::Response<B>,
    under_way: UnderWay,
) -> Result<http::Response<Delivery<B>>, BrokenOff>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    let unhurried = response.extensions().get::<Unhurried>().is_some();
    let is_watch = response.extensions().get::<EndsItself>().is_some();
    let clock = under_way.answer(Ends::of(&response), unhurried);
    let (mut head, mut body) = response.into_parts();
    let permits = Permits::new(head.extensions.remove::<Arc<InFlight>>(), under_way);
    let size = body.size_hint().exact();
    let first = match size {
        // all of it, if it is in memory
        Some(1..) => body.frame().now_or_never().flatten(),
        Some(0) | None => None,
    };
    let first = first.transpose().map_err(BrokenOff::Body)?;
    let first = first.and_then(|frame| frame.into_data().ok());
    let first = first.unwrap_or_default();
    let rest = if u64::try_from(first.len()).ok() == size {
        Rest::Whole(permits.held_by(first))
    } else {
        Rest::Pieces(Pieces::new(first, body, permits, is_watch))
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
            Rest::Whole(rest) => Some(Ok(Frame::data(next_of(rest)))),
            Rest::Pieces(pieces) => {
                this.clock.waits(false);
                ready!(pieces.poll_frame(&this.clock, context))
            }
        };
        // From here on the client is the one that is waited for.
        this.clock.waits(true);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.rest {
            Rest::Whole(rest) => rest.is_empty(),
            Rest::Pieces(pieces) => pieces.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            Rest::Whole(rest) => SizeHint::with_exact(u64::try_from(rest.len()).unwrap_or(0)),
            Rest::Pieces(pieces) => pieces.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body as AxumBody;
    use http::{Method, StatusCode};
    use portcullis_api::UserInfo;
    use tokio::time::Instant;

    use super::*;
    use crate::config::RequestLimits;
    use crate::limits::Limits;
    use crate::request::{Query, RequestInfo};
    use crate::response;
    use crate::response::PIECE;
    use crate::serving::pieces::testing::Parts;
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

    fn whole(size: usize) -> AxumBody {
        "x".repeat(size).into()
    }

    fn response(
        body: AxumBody,
        limits: &Limits,
        end: Option<Instant>,
    ) -> http::Response<impl Body<Data = Bytes, Error = BoxError> + Unpin> {
        let mut response = response::with_body(StatusCode::OK, "text/plain", body);
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
        let parts = |sizes: &[usize]| AxumBody::new(Parts::of(sizes));
        for (body, expected) in [
            (whole(PIECE + 1), vec![PIECE, 1]),
            (parts(&[100, 9_000]), vec![100, 9_000]),
            (parts(&[100, 100]), vec![100, 100]),
            (parts(&[100, PIECE + 1]), vec![100, PIECE, 1]),
            (parts(&[PIECE + 1, PIECE * 2]), vec![PIECE, 1, PIECE, PIECE]),
        ] {
            let (limits, progress) = (limits(), Progress::begin());
            let sent = deliver(response(body, &limits, None), progress.request());
            let mut body = sent.unwrap().into_body();
            let size = expected.iter().sum::<usize>();
            assert_eq!(body.size_hint().exact(), u64::try_from(size).ok());
            let mut pieces = Vec::new();
            while let Some(frame) = body.frame().await {
                pieces.push(frame.unwrap().into_data().unwrap());
            }
            let sizes = pieces.iter().map(Bytes::len);
            assert!(sizes.eq(expected.iter().copied()) && body.is_end_stream());
            drop(body);
            pieces.drain(..pieces.len() - 1);
            assert_eq!((held(&limits), progress.heads()), (1, None), "{expected:?}");
            drop(pieces);
            assert_eq!((held(&limits), progress.heads()), (0, Some(1)));
        }
    }

    #[tokio::test]
    async fn an_empty_response_holds_nothing() {
        let (limits, progress) = (limits(), Progress::begin());
        let empty = deliver(response(whole(0), &limits, None), progress.request());
        let empty = empty.unwrap();
        assert!(empty.body().is_end_stream());
        drop(empty);
        assert_eq!(held(&limits), 0);
    }

    #[tokio::test]
    async fn a_response_that_takes_too_long_breaks_off() {
        for body in [whole(10), AxumBody::new(Parts::of(&[10, 10]))] {
            let (limits, progress) = (limits(), Progress::begin());
            let end = Instant::now() + Duration::from_millis(1);
            let sent = deliver(response(body, &limits, Some(end)), progress.request());
            tokio::time::sleep_until(end).await;
            let mut body = sent.unwrap().into_body();
            assert!(body.frame().await.unwrap().is_err());
            drop(body);
            assert_eq!(held(&limits), 0);
        }
    }

    /// Such as one of another server, which sends less than it has announced.
    #[tokio::test]
    async fn a_response_whose_rest_does_not_come_breaks_off_too() {
        let (limits, progress) = (limits(), Progress::begin());
        let end = Instant::now() + Duration::from_millis(20);
        let body = AxumBody::new(Parts::of(&[10, 10]).that_hang());
        let sent = deliver(response(body, &limits, Some(end)), progress.request());
        let mut body = sent.unwrap().into_body();
        assert!(body.frame().await.unwrap().is_ok());
        let rest = body.frame().await.unwrap();
        assert!(matches!(rest, Err(BrokenOff::Late)));
        assert!(Instant::now() >= end);
    }
}
