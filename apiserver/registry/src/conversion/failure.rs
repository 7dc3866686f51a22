//! Why an object has no view.

use portcullis_api::Status;

/// A failed conversion or decoding.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The stored bytes are not an object of its kind.
    Unreadable(Status),
    /// The webhook did not convert it.
    Webhook(Status),
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreadable(status) | Failure::Webhook(status) => status,
        }
    }
}
