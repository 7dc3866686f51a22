//! GET of one object.

use http::StatusCode;
use portcullis_api::Status;

use super::Call;
use crate::response::Response;

/// Reads an object.
///
/// # Errors
/// 404, and what the store's troubles become.
pub async fn get(call: &Call<'_>) -> Result<Response, Status> {
    let entry = call
        .app
        .registry()
        .get(&call.scope, call.query.read_at()?)
        .await?;
    call.answer(StatusCode::OK, &entry)
}
