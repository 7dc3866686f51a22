//! What is wrong with a pod, put into words only where somebody will read them: most of what the
//! policies say of a pod is dropped as soon as one of them accepts it.

use portcullis_api::{ErrorList, FieldError};

/// What one policy finds wrong.
pub(super) enum Findings {
    /// Only whether there is anything.
    Noticed(bool),
    /// In words.
    Told(ErrorList),
}

impl Findings {
    pub(super) fn add(&mut self, error: impl FnOnce() -> FieldError) {
        match self {
            Self::Noticed(any) => *any = true,
            Self::Told(errors) => errors.push(error()),
        }
    }
}
