//! What a write takes of the ranges, and gives back.

/// What a write took for its service, and what the service has no longer. It counts once the
/// write is done: [`super::ServiceRanges::settle`].
#[derive(Debug, Default)]
#[must_use]
pub struct Reservation {
    pub(super) taken: Numbers,
    pub(super) freed: Numbers,
}

/// Numbers in the two ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) addresses: Vec<usize>,
    pub(crate) ports: Vec<usize>,
}
