//! Collects the errors of a policy. Formatting them is optional, because they are dropped as soon
//! as another policy accepts the pod.

use portcullis_api::{ErrorList, FieldError};

/// The errors that one policy finds in a pod.
pub(super) enum Findings {
    /// Whether there are any.
    Any(bool),
    Errors(ErrorList),
}

impl Findings {
    pub(super) fn add(&mut self, error: impl FnOnce() -> FieldError) {
        match self {
            Self::Any(any) => *any = true,
            Self::Errors(errors) => errors.push(error()),
        }
    }
}
