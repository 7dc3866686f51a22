//! GET of a collection.

use portcullis_api::Status;

use super::call::Call;
use crate::response::Response;
use portcullis_registry::Scope;

/// Reads a collection.
///
/// # Errors
/// 400 for invalid options, 410 for a compacted revision.
pub async fn list(call: &Call<'_>) -> Result<Response, Status> {
    let query = call.query.list(call.scope.resource, call.api_version)?;
    // a name from a field selector is part of the selection
    let scope = Scope {
        name: "",
        ..call.scope
    };
    let list = call.api.registry.list(&scope, &query).await?;
    // Before the list is made: a client that does not read could otherwise have any number of lists made.
    call.reserve_response(&list.entries).await?;
    call.respond_list(list).await
}
