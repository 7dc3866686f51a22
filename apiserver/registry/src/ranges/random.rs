//! Where to begin.

/// Where to begin to look for a free number, so that a service that is deleted and made again
/// does not get the address its clients have cached.
pub(super) fn random_below(size: usize) -> usize {
    let random = uuid::Uuid::new_v4().as_u128() % (size.max(1) as u128);
    usize::try_from(random).unwrap_or_default()
}
