//! GET of one object.

use http::StatusCode;
use portcullis_api::Status;

use super::call::Call;
use super::scale;
use crate::response::Response;

/// Reads an object.
///
/// # Errors
/// 404, and errors of the store.
pub async fn get(call: &Call<'_>) -> Result<Response, Status> {
    let at = call.query.read_at()?;
    let registry = &call.api.registry;
    let Some(parent) = call.parent else {
        let entry = registry.get(&call.scope, at).await?;
        call.reserve_response(std::slice::from_ref(&entry)).await?;
        return call.respond(StatusCode::OK, &entry);
    };
    let parent_version = call.info.api_version();
    let scope = call.scope.of(parent, &parent_version);
    let found = registry.get(&scope, at).await;
    let entry = found.map_err(|status| scale::unless_missing(call, parent, status))?;
    call.respond(StatusCode::OK, &*scale::view(call, parent, &entry)?)
}
