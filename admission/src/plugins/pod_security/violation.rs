//! The result of a check.

use super::subject::PodLike;

/// A violation of a standard, as a short reason and a detail that names fields and values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

pub(super) type Check = fn(&PodLike<'_>) -> Option<Violation>;
