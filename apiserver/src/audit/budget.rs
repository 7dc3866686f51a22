//! Memory for events whose requests do not wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For all events of one destination, in bytes.
const BYTES: usize = 64 * 1024 * 1024;

/// Memory for events.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<Semaphore>);

/// The memory of an event; released when dropped.
pub type Memory = OwnedSemaphorePermit;

impl Budget {
    /// The whole budget.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BYTES)))
    }

    /// Memory for an event of so many bytes, if there is any left.
    pub(super) fn take(&self, bytes: usize) -> Option<Memory> {
        let bytes = u32::try_from(bytes).ok()?;
        self.0.clone().try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_limited_and_released() {
        let budget = Budget::new();
        let most = budget.take(BYTES - 1).unwrap();
        assert!(budget.take(2).is_none() && budget.take(1).is_some());
        drop(most);
        assert!(budget.take(BYTES).is_some() && budget.take(usize::MAX).is_none());
    }
}
