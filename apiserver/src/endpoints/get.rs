//! GET of one object.

use http::StatusCode;
use portcullis_api::Status;

use super::{Call, scale};
use crate::filters::room::Room;
use crate::response::Response;

/// Reads an object.
///
/// # Errors
/// 404, and what the store's troubles become.
pub async fn get(call: &Call<'_>) -> Result<Response, Status> {
    let at = call.query.read_at()?;
    let registry = call.app.registry();
    let Some(parent) = call.parent else {
        let entry = registry.get(&call.scope, at).await?;
        let room = call.room(std::slice::from_ref(&entry)).await?;
        let mut answer = call.answer(StatusCode::OK, &entry)?;
        Room::attach(room, &mut answer);
        return Ok(answer);
    };
    let scope = call.scope.of(parent);
    let found = registry.get(&scope, at).await;
    let entry = found.map_err(|status| scale::unless_missing(call, parent, status))?;
    call.answer(StatusCode::OK, &*scale::view(call, parent, &entry)?)
}
