//! A change of one object, or of the object behind a scale.

use http::StatusCode;
use portcullis_api::Status;

use super::call::Call;
use super::scale::{self, Rescaled};
use crate::response::Response;
use portcullis_registry::update::Change;

/// Carries out a change, and responds with the resulting object.
///
/// # Errors
/// Whatever any step of the write rejects.
pub(super) async fn write(
    call: &Call<'_>,
    dry_run: bool,
    change: &impl Change,
) -> Result<Response, Status> {
    let registry = &call.api.registry;
    let scope = call.writing(dry_run);
    let Some(parent) = call.parent else {
        let updated = registry.update(&scope, change).await?;
        let code = if updated.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        return call.respond(code, &updated.entry);
    };
    let parent_version = call.info.api_version();
    let change = Rescaled {
        call,
        parent,
        change,
    };
    let updated = registry
        .update(&scope.of(parent, &parent_version), &change)
        .await?;
    let scale = scale::view(call, parent, &updated.entry)?;
    call.respond(StatusCode::OK, &scale)
}
