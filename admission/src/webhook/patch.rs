//! The patch of a mutating webhook, applied to the object of a request.

use portcullis_api::patch::{Patch, PatchType};
use portcullis_api::{Object, Status};
use serde_json::Value;

use crate::versions::{Served, Versions};

/// The patch of a response; `None` if it has no operations.
///
/// # Errors
/// A 500 for an invalid JSON patch.
pub(super) fn parse(patch: &[u8]) -> Result<Option<Patch>, Status> {
    if patch.is_empty() {
        return Ok(None);
    }
    let document: Value = serde_json::from_slice(patch).map_err(Status::internal)?;
    if document.as_array().is_some_and(Vec::is_empty) || document.is_null() {
        return Ok(None);
    }
    let patch = Patch::new(PatchType::Json, document);
    patch.map(Some).map_err(Status::internal)
}

/// Applies a patch to an object, whose JSON is `document`.
///
/// # Errors
/// A 500 for a patch that cannot be applied, or whose result is not of the kind.
pub(super) async fn apply(
    patch: &Patch,
    document: &[u8],
    base: &dyn Object,
    versions: &dyn Versions,
    served: &Served<'_>,
) -> Result<Box<dyn Object>, Status> {
    let document: Value = serde_json::from_slice(document).map_err(Status::internal)?;
    let patched = patch.apply(&document, "").map_err(Status::internal)?;
    let decoded = versions.decode(&patched, served, base).await;
    decoded.map_err(Status::internal)
}
