//! Why there is no view.

use portcullis_api::Status;

/// Why an object is not shown.
#[derive(Clone, Debug)]
pub enum Failure {
    /// What is stored is no object of its kind.
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
