//! Answers on their way out: in pieces that a connection takes one at a time, each of which holds what
//! the answer holds, places and memory, until it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;

use super::progress::{Clock, UnderWay};
use crate::filters::Answer;
use crate::filters::limits::pool::Permit;
use crate::response;

/// The largest piece, in bytes. HTTP/2 copies none, but queues each whole.
const PIECE: usize = 64 * 1024;

/// That an answer was not sent in time.
#[derive(Debug, Error)]
#[error("the answer was not sent in time")]
pub struct Late;

/// The body of an answer on its way out.
pub struct Delivery {
    rest: Rest,
    clock: Arc<Clock>,
}

enum Rest {
    /// All of it is there; the bytes know what is held for them.
    Whole(Bytes),
    /// It comes bit by bit.
    Stream { body: response::Body, _held: Held },
}

/// Bytes, and what goes when the last of them has gone.
struct Held {
    /// None of an answer that comes bit by bit.
    bytes: Bytes,
    _permits: Vec<Permit>,
    _under_way: UnderWay,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Sends an answer on its way.
pub async fn deliver(answer: Answer, under_way: UnderWay) -> http::Response<Delivery> {
    let Answer {
        response,
        held,
        end,
        unread,
    } = answer;
    let clock = under_way.answer(end, unread);
    let (head, body) = response.into_parts();
    let holding = |bytes| Held {
        bytes,
        _permits: held,
        _under_way: under_way,
    };
    let rest = if body.size_hint().exact().is_some() {
        // a body that is all there cannot fail
        let bytes = body.collect().await;
        let bytes = bytes.map_or_else(|e| match e {}, |b| b.to_bytes());
        Rest::Whole(Bytes::from_owner(holding(bytes)))
    } else {
        Rest::Stream {
            body,
            _held: holding(Bytes::new()),
        }
    };
    http::Response::from_parts(head, Delivery { rest, clock })
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = Late;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Late>>> {
        let this = &mut *self;
        let frame = match &mut this.rest {
            Rest::Whole(rest) if rest.is_empty() => None,
            Rest::Whole(_) if this.clock.is_over() => Some(Err(Late)),
            Rest::Whole(rest) => {
                let piece = rest.split_to(rest.len().min(PIECE));
                Some(Ok(Frame::data(piece)))
            }
            Rest::Stream { body, .. } => {
                this.clock.waits(false);
                let frame = ready!(Pin::new(body).poll_frame(context));
                frame.map(|frame| frame.map_err(|e| match e {}))
            }
        };
        // From here on it is the client that does not take it.
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

    use http::StatusCode;
    use tokio::time::Instant;

    use super::*;
    use crate::filters::limits::pool::Pool;
    use crate::filters::limits::shares::{Division, Holder};
    use crate::serving::progress::Progress;

    fn answer(size: usize, pool: &Arc<Pool>, end: Option<Instant>) -> Answer {
        let holder = Holder {
            user: "alice".into(),
            system: false,
        };
        Answer {
            response: response::text(StatusCode::OK, "x".repeat(size)),
            held: vec![pool.try_take(&holder, 1).unwrap()],
            end,
            unread: false,
        }
    }

    fn pool() -> Arc<Pool> {
        Pool::new(Division {
            places: 4,
            reserve: 0,
            factor: 1,
        })
    }

    #[tokio::test]
    async fn an_answer_holds_its_place_until_its_last_piece_is_gone() {
        let (pool, progress) = (pool(), Progress::begin());
        let answer = deliver(answer(PIECE + 1, &pool, None), progress.request()).await;
        let mut body = answer.into_body();
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
        assert_eq!((pool.taken(), progress.heads()), (1, None));
        drop(pieces);
        assert_eq!((pool.taken(), progress.heads()), (0, Some(1)));
        let empty = deliver(self::answer(0, &pool, None), progress.request()).await;
        assert!(empty.body().is_end_stream());
        drop(empty);
        assert_eq!(pool.taken(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_breaks_off() {
        let (pool, progress) = (pool(), Progress::begin());
        let end = Instant::now() + Duration::from_millis(1);
        let answer = deliver(answer(10, &pool, Some(end)), progress.request()).await;
        tokio::time::sleep_until(end).await;
        assert!(answer.into_body().frame().await.unwrap().is_err());
        assert_eq!(pool.taken(), 0);
    }
}
