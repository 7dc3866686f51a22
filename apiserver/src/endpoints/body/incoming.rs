//! A request's body on its way in: how much of it is kept, for how long, and what it holds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use portcullis_api::Status;
use portcullis_api::status::Reason;
use tokio::time::Instant;

use crate::filters::limits::pool::Permit;
use crate::filters::limits::{self, Turn};

/// The largest body, in bytes (upstream: `MaxRequestBodyBytes`).
const BODY_MAX: usize = 3 * 1024 * 1024;
/// How much memory is taken at once for a body that comes bit by bit.
const STEP: usize = 16 * 1024;
/// How long a body may take to begin.
const GRACE: Duration = Duration::from_secs(10);
/// How many bytes of it must come in a second from then on.
const BYTES_PER_SECOND: u32 = 8 * 1024;

/// A body as it comes from a connection.
pub type Received = hyper::body::Incoming;

/// A request's body. Nothing of it is read before the request is admitted.
#[derive(Debug)]
pub struct Incoming<B = Received> {
    /// `None` once the body is discarded.
    received: Option<B>,
    unread: bool,
    admitted: Option<Admitted>,
}

/// What a request holds from when it may be carried out until it has been.
#[derive(Debug)]
pub struct Admitted {
    /// Its turn.
    pub turn: Turn,
    /// Its place among the requests at once, as soon as it has one.
    pub place: Option<Permit>,
    /// The memory that its body takes, and its head if that is large.
    pub body: Option<Permit>,
}

impl<B: Body<Data = Bytes> + Unpin> Incoming<B> {
    /// The body of a request of which nothing is known yet.
    pub fn new(received: B) -> Self {
        Self {
            received: Some(received),
            unread: false,
            admitted: None,
        }
    }

    /// The request may be carried out: it takes its place, unless its body has to come first.
    ///
    /// # Errors
    /// 429.
    pub fn admit(&mut self, turn: Turn) -> Result<(), Status> {
        let complete = self.received.as_ref().is_none_or(Body::is_end_stream);
        let waits = turn.is_after_body() && !complete;
        if !waits {
            // A body that no handler reads is discarded.
            self.unread |= self.received.take().is_some_and(|b| !b.is_end_stream());
        }
        let place = if waits { None } else { turn.begin()? };
        let head = turn.head();
        let body = if head > STEP {
            Some(turn.room(head)?)
        } else {
            None
        };
        self.admitted = Some(Admitted { turn, place, body });
        Ok(())
    }

    /// Whether the client is still sending a discarded body.
    pub fn is_unread(&self) -> bool {
        self.unread || self.received.as_ref().is_some_and(|b| !b.is_end_stream())
    }

    /// What the request holds, if it was admitted.
    pub fn into_admitted(self) -> Option<Admitted> {
        self.admitted
    }
}

/// Reads all of a body, and takes the request's place then.
///
/// # Errors
/// 413 if it is too large, 400 if the connection breaks, 429 if there are too many, 504 if it comes
/// too slowly.
pub async fn read<B>(body: &mut Incoming<B>) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let (Some(received), Some(admitted)) = (&mut body.received, &mut body.admitted) else {
        return Ok(Bytes::new());
    };
    let mut room = match admitted.body.take() {
        Some(mut room) => room
            .grow(STEP)
            .then_some(room)
            .ok_or_else(limits::too_many)?,
        None => admitted.turn.room(STEP)?,
    };
    let bytes = receive(received, &mut room, GRACE).await?;
    admitted.body = Some(room);
    // all of it has come, which the connection may not know yet
    body.received = None;
    admitted.place = admitted.turn.begin()?;
    Ok(bytes)
}

async fn receive<B>(received: &mut B, room: &mut Permit, grace: Duration) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut bytes = BytesMut::new();
    let of_head = room.places().saturating_sub(STEP);
    let begun = Instant::now() + grace;
    loop {
        let came = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let until = begun + Duration::from_secs(u64::from(came / BYTES_PER_SECOND));
        let frame = tokio::time::timeout_at(until, received.frame()).await;
        let frame = match frame.map_err(|_| limits::too_late())? {
            None => return Ok(bytes.freeze()),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                return Err(Status::bad_request(format!(
                    "the body of the request could not be read: {error}"
                )));
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = bytes.len() + data.len();
        if size > BODY_MAX {
            return Err(Status::failure(
                Reason::RequestEntityTooLarge,
                format!("Request entity too large: limit is {BODY_MAX}"),
            ));
        }
        let missing = (size + of_head).saturating_sub(room.places());
        if missing > 0 && !room.grow(missing.next_multiple_of(STEP)) {
            return Err(limits::too_many());
        }
        bytes.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http::Method;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use portcullis_api::UserInfo;

    use super::*;
    use crate::config::RequestLimits;
    use crate::filters::limits::Limits;
    use crate::request_info::RequestInfo;

    const MAPS: &str = "/api/v1/namespaces/default/configmaps";

    fn limits() -> Limits {
        Limits::new(&RequestLimits {
            max_requests_inflight: 1,
            max_mutating_requests_inflight: 1,
            request_timeout: Duration::from_secs(60),
        })
    }

    fn turn(limits: &Limits, method: &Method, user: &str) -> Turn {
        let user = UserInfo {
            name: user.into(),
            ..UserInfo::default()
        };
        Turn::new(limits, &RequestInfo::parse(method, MAPS, ""), &user, 0)
    }

    fn frames(
        sizes: &'static [usize],
        ends: bool,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames = sizes
            .iter()
            .map(|size| Ok(Frame::data(vec![b'x'; *size].into())));
        let rest = stream::pending().take(usize::from(!ends));
        StreamBody::new(stream::iter(frames).chain(rest))
    }

    #[tokio::test]
    async fn a_place_is_taken_when_the_body_is_there() {
        let limits = limits();
        let mut slow = Incoming::new(frames(&[1], false));
        slow.admit(turn(&limits, &Method::POST, "alice")).unwrap();
        assert_eq!(
            limits.taken()[0],
            ("mutating", 0),
            "its body is still to come"
        );
        let mut quick = Incoming::new(frames(&[1, 2, 3], true));
        quick.admit(turn(&limits, &Method::POST, "alice")).unwrap();
        assert_eq!(read(&mut quick).await.unwrap().len(), 6);
        assert_eq!(limits.taken()[0], ("mutating", 1));
        let mut third = Incoming::new(frames(&[1], true));
        third.admit(turn(&limits, &Method::POST, "bob")).unwrap();
        assert_eq!(read(&mut third).await.unwrap_err().code, 429);
        drop(quick);
        assert_eq!(limits.taken()[0], ("mutating", 0));
        let mut reading = Incoming::new(frames(&[1], false));
        reading.admit(turn(&limits, &Method::GET, "alice")).unwrap();
        assert!(reading.is_unread() && read(&mut reading).await.unwrap().is_empty());
        assert_eq!(limits.taken()[1], ("readOnly", 1));
    }

    #[tokio::test]
    async fn too_much_is_refused_and_so_is_what_does_not_come() {
        let limits = limits();
        let mut large = Incoming::new(frames(&[BODY_MAX, 1], true));
        large.admit(turn(&limits, &Method::POST, "alice")).unwrap();
        assert_eq!(read(&mut large).await.unwrap_err().code, 413);
        let room = || turn(&limits, &Method::POST, "bob").room(STEP);
        let mut slow = frames(&[1000], false);
        let grace = Duration::from_millis(10);
        let late = receive(&mut slow, &mut room().unwrap(), grace).await;
        assert_eq!(late.unwrap_err().code, 504);
    }

    #[tokio::test]
    async fn one_user_has_a_share_of_the_memory_for_bodies() {
        let limits = limits();
        let alice = turn(&limits, &Method::POST, "alice");
        let mut held = Vec::new();
        while let Ok(mut room) = alice.room(STEP) {
            let mut body = frames(&[1024 * 1024, 1024 * 1024], true);
            let read = receive(&mut body, &mut room, GRACE).await;
            assert!(read.is_ok() && held.len() < 12);
            held.push(room);
        }
        assert_eq!(held.len(), 12);
        assert_eq!(alice.room(STEP).unwrap_err().code, 429);
        assert!(turn(&limits, &Method::POST, "bob").room(STEP).is_ok());
    }
}
