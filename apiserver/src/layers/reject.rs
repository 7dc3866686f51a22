//! The responses of rejected requests.

use http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use portcullis_api::Status;

use crate::response::{self, Response};

/// The response of a request that is rejected.
pub(super) fn reject(status: &Status) -> Response {
    let mut response = response::status(status);
    if status.code == 403 {
        // It repeats names of users and paths (upstream: `responsewriters.Forbidden`).
        let value = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, value);
    }
    response
}

/// 500: the layers are in a wrong order.
pub(super) fn unidentified() -> Status {
    Status::internal("a request without a user")
}
