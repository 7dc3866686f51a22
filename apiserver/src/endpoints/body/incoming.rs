//! Reading a request's body: how much memory it may take, and how long it may take.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use portcullis_api::Status;
use portcullis_api::status::Reason;
use tokio::time::Instant;

use crate::limits;
use crate::limits::in_flight::InFlight;
use crate::limits::pool::Permit;
use crate::response::{self, Response};

/// The largest body, in bytes (upstream: `MaxRequestBodyBytes`).
const BODY_MAX: usize = 3 * 1024 * 1024;
/// How much memory is reserved at a time for a body of unknown length.
const STEP: usize = 16 * 1024;
/// How long a body may take to begin.
const GRACE: Duration = Duration::from_secs(10);
/// How many bytes of it must arrive in a second from then on.
const BYTES_PER_SECOND: u32 = 8 * 1024;

/// A request's body, of which nothing has been read.
#[derive(Debug)]
pub struct Incoming<B = Body> {
    body: Option<B>,
    in_flight: Arc<InFlight>,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = Response;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Response> {
        let in_flight = request.extensions_mut().remove::<Arc<InFlight>>();
        let in_flight = in_flight.ok_or_else(|| {
            response::status(&Status::internal(
                "a request outside the limits on requests",
            ))
        })?;
        Ok(Self {
            body: Some(request.into_body()),
            in_flight,
        })
    }
}

/// Reads all of a body, and then takes the request's permit.
///
/// # Errors
/// 413 if it is too large, 400 if the connection breaks, 429 if there are too many, 504 if it comes
/// too slowly.
pub async fn read<B>(incoming: &mut Incoming<B>) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let body = incoming.body.take().filter(|body| !body.is_end_stream());
    let Some(mut body) = body else {
        return Ok(Bytes::new());
    };
    let in_flight = &incoming.in_flight;
    let mut memory = in_flight.body(STEP)?;
    let bytes = receive(&mut body, &mut memory, GRACE).await;
    let bytes = bytes.map_err(|status| match status.code {
        429 => in_flight.deny(),
        _ => status,
    })?;
    in_flight.keep_body(memory);
    in_flight.start()?;
    Ok(bytes)
}

async fn receive<B>(received: &mut B, memory: &mut Permit, grace: Duration) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let mut bytes = BytesMut::new();
    let of_head = memory.size().saturating_sub(STEP);
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
        let missing = (size + of_head).saturating_sub(memory.size());
        if missing > 0 && !memory.grow(missing.next_multiple_of(STEP)) {
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
    use http_body::Frame;
    use http_body_util::StreamBody;
    use portcullis_api::UserInfo;

    use super::*;
    use crate::config::RequestLimits;
    use crate::limits::Limits;
    use crate::request::{Query, RequestInfo};

    const MAPS: &str = "/api/v1/namespaces/default/configmaps";

    fn limits() -> Limits {
        Limits::new(&RequestLimits {
            max_requests_inflight: 1,
            max_mutating_requests_inflight: 1,
            request_timeout: Duration::from_secs(60),
        })
    }

    fn in_flight(limits: &Limits, user: &str) -> Arc<InFlight> {
        let user = UserInfo {
            name: user.into(),
            ..UserInfo::default()
        };
        let info = RequestInfo::parse(&Method::POST, MAPS, &Query::default());
        InFlight::new(limits, &info, &user, 0).unwrap()
    }

    fn frames(
        sizes: &'static [usize],
        ends: bool,
    ) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames = sizes
            .iter()
            .map(|size| Ok(Frame::data(vec![b'x'; *size].into())));
        let rest = stream::pending().take(usize::from(!ends));
        StreamBody::new(stream::iter(frames).chain(rest))
    }

    fn incoming<B>(limits: &Limits, user: &str, body: B) -> Incoming<B> {
        Incoming {
            body: Some(body),
            in_flight: in_flight(limits, user),
        }
    }

    #[tokio::test]
    async fn a_permit_is_taken_when_the_body_has_been_read() {
        let limits = limits();
        let _slow = incoming(&limits, "alice", frames(&[1], false));
        assert_eq!(limits.in_flight()[0], ("mutating", 0));
        let mut quick = incoming(&limits, "alice", frames(&[1, 2, 3], true));
        assert_eq!(read(&mut quick).await.unwrap().len(), 6);
        assert_eq!(limits.in_flight()[0], ("mutating", 1));
        let mut third = incoming(&limits, "bob", frames(&[1], true));
        assert_eq!(read(&mut third).await.unwrap_err().code, 429);
        drop(quick);
        assert_eq!(limits.in_flight()[0], ("mutating", 0));
    }

    #[tokio::test]
    async fn bodies_that_are_too_large_or_too_slow_are_rejected() {
        let limits = limits();
        let mut large = incoming(&limits, "alice", frames(&[BODY_MAX, 1], true));
        assert_eq!(read(&mut large).await.unwrap_err().code, 413);
        let mut memory = in_flight(&limits, "bob").body(STEP).unwrap();
        let mut slow = frames(&[1000], false);
        let grace = Duration::from_millis(10);
        let late = receive(&mut slow, &mut memory, grace);
        let late = tokio::time::timeout(GRACE, late).await.expect("an end");
        assert_eq!(late.unwrap_err().code, 504);
    }

    #[tokio::test]
    async fn one_user_has_a_share_of_the_memory_for_bodies() {
        let limits = limits();
        let alice = in_flight(&limits, "alice");
        let mut held = Vec::new();
        while let Ok(mut memory) = alice.body(STEP) {
            let mut body = frames(&[1024 * 1024, 1024 * 1024], true);
            let read = receive(&mut body, &mut memory, GRACE).await;
            assert!(read.is_ok() && held.len() < 12);
            held.push(memory);
        }
        assert_eq!(held.len(), 12);
        assert_eq!(alice.body(STEP).unwrap_err().code, 429);
        assert!(in_flight(&limits, "bob").body(STEP).is_ok());
    }
}
