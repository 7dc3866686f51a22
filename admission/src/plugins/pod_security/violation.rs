//! What a check finds.

use super::subject::PodLike;

/// What is wrong, in short and at length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

pub(super) type Check = fn(&PodLike<'_>) -> Option<Violation>;
