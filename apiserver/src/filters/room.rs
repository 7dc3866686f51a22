//! What an answer holds until it is sent: its place among the requests at once, and its memory.
//!
//! A client that asks and does not read would otherwise make the server keep any number of answers.

use std::sync::Arc;

use hyper::body::Body as _;
use portcullis_api::Status;

use super::limits::pool::Permit;
use super::limits::{self, Limits, SMALL_ANSWER, Turn};
use super::present::Wishes;
use crate::endpoints::body::Admitted;
use crate::response::{self, Response};

/// Memory that a handler took before it made a large answer, on its way to where the answer is sent.
#[derive(Clone, Debug)]
pub struct Room(Arc<Permit>);

impl Room {
    /// Sends it along with the answer.
    pub fn attach(permit: Option<Permit>, answer: &mut Response) {
        if let Some(permit) = permit {
            answer.extensions_mut().insert(Self(Arc::new(permit)));
        }
    }

    fn detach(answer: &mut Response) -> Option<Permit> {
        let room = answer.extensions_mut().remove::<Self>()?;
        Arc::into_inner(room.0)
    }
}

/// The answer as it was wished, with all that it holds; another one if there is no memory for it.
pub async fn hold(
    limits: &Limits,
    wishes: Wishes,
    mut answer: Response,
    admitted: Option<Admitted>,
) -> (Response, Vec<Permit>) {
    let mut room = Room::detach(&mut answer);
    let mut held = Vec::new();
    if let Some(admitted) = admitted {
        let Admitted { turn, place, body } = admitted;
        let size = answer.body().size_hint().exact();
        let size = size.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX));
        if let Err(status) = cover(limits, &turn, size, &mut room, body.as_ref()).await {
            answer = response::status(&status);
            room = None;
        }
        held.extend(place.into_iter().chain(body));
    }
    let answer = wishes.present(answer, room.as_mut()).await;
    held.extend(room);
    (answer, held)
}

/// Takes memory for what of a large answer of so many bytes has none yet.
async fn cover(
    limits: &Limits,
    turn: &Turn,
    size: usize,
    room: &mut Option<Permit>,
    body: Option<&Permit>,
) -> Result<(), Status> {
    let covered = room.iter().chain(body).map(Permit::places).sum::<usize>();
    if size <= SMALL_ANSWER.max(covered) {
        return Ok(());
    }
    let missing = size - covered;
    if turn.is_after_body() {
        // Something was done: it is too late to refuse it, but the outcome may stay untold.
        let more = limits.room(turn, missing).await;
        *room = Some(more.map_err(|_| limits::too_late())?);
        return Ok(());
    }
    match room {
        // What a handler reckoned with is never far off.
        Some(_) => Ok(()),
        None => {
            *room = Some(limits.room(turn, missing).await?);
            Ok(())
        }
    }
}
