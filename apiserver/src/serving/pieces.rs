//! A body that comes in pieces while it is sent.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use portcullis_storage::turn::Turn;
use thiserror::Error;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use super::permits::Permits;
use super::progress::Clock;
use crate::response::PIECE;

/// Smaller events of watches hold no permits, which would be an allocation for each event and watcher.
const SMALL: usize = 8 * 1024;

/// Why a response breaks off.
#[derive(Debug, Error)]
pub enum BrokenOff {
    /// Its client has not read it in time, or its source has not come in time.
    #[error("the response was not sent in time")]
    Late,
    /// Its source has failed.
    #[error("the response ended early: {0}")]
    Body(BoxError),
}

/// The next part of bytes of which a connection takes [`PIECE`] at a time.
pub(super) fn next_of(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(PIECE))
}

/// The rest of a body.
///
/// It takes turns with other tasks, however fast its client reads it.
pub(super) struct Pieces<B> {
    /// What has been taken from the body and not been sent.
    piece: Bytes,
    body: B,
    permits: Permits,
    /// Whether it is a watch, which ends itself.
    is_watch: bool,
    turn: Turn,
    /// Whether it has been left since the turn began, so that the next one begins now.
    paused: bool,
    /// The deadline of a body that should have come by then, once it is waited for.
    late: Option<Pin<Box<Sleep>>>,
}

impl<B> Pieces<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    /// A body of which the first piece may have been taken already.
    pub(super) fn new(first: Bytes, body: B, permits: Permits, is_watch: bool) -> Self {
        let mut pieces = Self {
            piece: Bytes::new(),
            body,
            permits,
            is_watch,
            turn: Turn::begin(),
            paused: false,
            late: None,
        };
        pieces.take(first);
        pieces
    }

    fn take(&mut self, piece: Bytes) {
        self.piece = match piece.len() {
            0..SMALL if self.is_watch => piece,
            _ => self.permits.held_by(piece),
        };
    }

    pub(super) fn poll_frame(
        &mut self,
        clock: &Clock,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let is_sent = self.size_hint().exact() == Some(0);
        let end = clock.end().filter(|_| !self.is_watch && !is_sent);
        if end.is_some_and(|end| end <= Instant::now()) {
            return Poll::Ready(Some(Err(BrokenOff::Late)));
        }
        if self.piece.is_empty() {
            ready!(self.poll_turn(context));
            let frame = Pin::new(&mut self.body).poll_frame(context);
            match frame.map_err(BrokenOff::Body)? {
                Poll::Ready(Some(frame)) => match frame.into_data() {
                    Ok(piece) => self.take(piece),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    // Whatever it waited for, others have had their turn.
                    self.paused = true;
                    ready!(self.poll_late(end, context));
                    return Poll::Ready(Some(Err(BrokenOff::Late)));
                }
            }
        }
        Poll::Ready(Some(Ok(Frame::data(next_of(&mut self.piece)))))
    }

    /// Ready while it is this body's turn.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.paused) {
            self.turn = Turn::begin();
        } else if self.turn.is_over() {
            self.paused = true;
            // Woken after the sockets and timers that are ready by then, not only after other tasks.
            let _ = pin!(yield_now()).poll(context);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Ready once the end has come.
    fn poll_late(&mut self, end: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(end) = end else {
            return Poll::Pending;
        };
        let late = self.late.get_or_insert_with(|| Box::pin(sleep_until(end)));
        late.as_mut().poll(context)
    }

    pub(super) fn is_end(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let piece = u64::try_from(self.piece.len()).unwrap_or(0);
        match self.body.size_hint().exact() {
            Some(left) => SizeHint::with_exact(left + piece),
            None => SizeHint::default(),
        }
    }
}

/// Bodies of several parts.
#[cfg(test)]
pub(super) mod testing {
    use std::collections::VecDeque;
    use std::convert::Infallible;

    use super::*;

    /// A body of so many bytes, which come one part after the other.
    pub(in crate::serving) struct Parts {
        sizes: VecDeque<usize>,
        left: usize,
        hang: bool,
    }

    impl Parts {
        pub(in crate::serving) fn of(sizes: &[usize]) -> Self {
            Self {
                sizes: sizes.iter().copied().collect(),
                left: sizes.iter().sum(),
                hang: false,
            }
        }

        /// As these, of which only the first one comes.
        pub(in crate::serving) fn that_hang(mut self) -> Self {
            self.sizes.truncate(1);
            self.hang = true;
            self
        }
    }

    impl Body for Parts {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some(size) = self.sizes.pop_front() else {
                return match self.hang {
                    true => Poll::Pending,
                    false => Poll::Ready(None),
                };
            };
            self.left -= size;
            Poll::Ready(Some(Ok(Frame::data("x".repeat(size).into()))))
        }

        fn is_end_stream(&self) -> bool {
            self.left == 0
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.left as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::task::noop_waker;

    use super::testing::Parts;
    use super::*;
    use crate::serving::progress::Progress;

    /// What polls of a body find, with a pause before each: whether it was a piece.
    fn polls(sizes: &[usize], pause: Duration) -> Vec<bool> {
        let progress = Progress::begin();
        let under_way = progress.request();
        let clock = under_way.answer(None, false);
        let body = axum::body::Body::new(Parts::of(sizes));
        let body = http_body_util::BodyExt::map_err(body, BoxError::from);
        let permits = Permits::new(None, under_way);
        let mut pieces = Pieces::new(Bytes::new(), body, permits, false);
        let waker = noop_waker();
        let mut found = Vec::new();
        loop {
            std::thread::sleep(pause);
            match pieces.poll_frame(&clock, &mut Context::from_waker(&waker)) {
                Poll::Ready(Some(frame)) => drop(frame.unwrap()),
                Poll::Ready(None) => return found,
                Poll::Pending => {
                    found.push(false);
                    continue;
                }
            }
            found.push(true);
        }
    }

    #[test]
    fn a_body_takes_turns_with_others() {
        let found = polls(&[1_000; 100_000], Duration::ZERO);
        assert!(found.contains(&false), "it gave no other a turn");
        assert_eq!(found.iter().filter(|piece| **piece).count(), 100_000);
    }

    #[test]
    fn a_body_makes_progress_however_rarely_it_has_its_turn() {
        let found = polls(&[10; 5], Duration::from_millis(2));
        assert!(found.len() <= 11, "{found:?}");
    }
}
