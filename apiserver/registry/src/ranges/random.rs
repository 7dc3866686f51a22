//! A random start.

/// Where the search for a free number begins, so that a service that is deleted and created again does not
/// get the address its clients have cached.
pub(super) fn random_below(size: usize) -> usize {
    let random = uuid::Uuid::new_v4().as_u128() % (size.max(1) as u128);
    usize::try_from(random).unwrap_or_default()
}
