//! The numbers that a write takes and releases.

/// The numbers that a write took for its service, and those that the service no longer has. It takes effect
/// once the write is done: [`super::ServiceRanges::settle`].
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
