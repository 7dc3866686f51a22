//! Recovery after a failed write: when to retry, and what to log and report until then.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_api::Backoff;

use crate::outage::{Messages, Outage};
use crate::{Error, Result};

const MESSAGES: Messages = Messages {
    started: "the store is not writable, writes are rejected",
    ongoing: "the store is still not writable",
    ended: "the store is writable again",
};
/// The pause before the file is reopened: initial and maximum.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// The minimum pause, as a multiple of the last attempt's duration: reopening reads the whole file.
const PAUSE_FACTOR: u32 = 20;
/// The upper bound of that pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// A store that was writable for this long is retried at once after a failure.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// The committer's record of failures.
pub(super) struct Recovery {
    outage: Outage,
    back_off: Backoff,
    failed: Option<Failed>,
    last_failure: Option<Instant>,
}

struct Failed {
    error: Error,
    /// The time of the next attempt.
    next: Instant,
    /// How many bytes could not be written.
    bytes: usize,
}

/// The error that makes the store not writable, if any, as other threads see it.
#[derive(Default)]
pub(super) struct Unwritable(Mutex<Option<Error>>);

impl Unwritable {
    pub(super) fn check(&self) -> Result<()> {
        self.0.lock().clone().map_or(Ok(()), Err)
    }

    pub(super) fn set(&self, error: Option<Error>) {
        *self.0.lock() = error;
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            outage: Outage::new(MESSAGES),
            back_off: BACK_OFF,
            failed: None,
            last_failure: None,
        }
    }
}

impl Recovery {
    /// The last error, while no attempt may be made.
    pub(super) fn backing_off(&self) -> Option<&Error> {
        let failed = self.failed.as_ref()?;
        (Instant::now() < failed.next).then_some(&failed.error)
    }

    /// How many bytes the failed write had; `None` if the last attempt succeeded.
    pub(super) fn failed_bytes(&self) -> Option<usize> {
        self.failed.as_ref().map(|failed| failed.bytes)
    }

    /// Records a failed attempt to write `bytes`, or to reopen the file, and how long it took.
    pub(super) fn failed(&mut self, error: Error, bytes: usize, took: Duration) {
        self.outage.failed(&error);
        let now = Instant::now();
        let was_stable = |last: Instant| self.failed.is_none() && now - last > STABLE_AFTER;
        let pause = if self.last_failure.is_none_or(was_stable) {
            self.back_off = BACK_OFF;
            Duration::ZERO
        } else {
            self.back_off
                .pause()
                .max((took * PAUSE_FACTOR).min(MAX_PAUSE))
        };
        let bytes = bytes.max(self.failed_bytes().unwrap_or(0));
        let next = now + pause;
        self.last_failure = Some(now);
        self.failed = Some(Failed { error, next, bytes });
    }

    /// Records a successful write.
    pub(super) fn succeeded(&mut self) {
        if self.failed.take().is_some() {
            self.outage.recovered();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Error {
        Error::Unavailable("no space".into())
    }

    #[test]
    fn the_first_retry_is_immediate_and_later_ones_back_off() {
        let mut recovery = Recovery::default();
        assert!(recovery.backing_off().is_none() && recovery.failed_bytes().is_none());
        recovery.failed(full(), 10, Duration::ZERO);
        assert!(recovery.backing_off().is_none());
        recovery.failed(full(), 0, Duration::from_secs(1));
        let pause = recovery.failed.as_ref().unwrap().next - Instant::now();
        assert!(pause > Duration::from_secs(15), "{pause:?}");
        assert!(recovery.backing_off().is_some());
        assert_eq!(recovery.failed_bytes(), Some(10));
        recovery.succeeded();
        assert!(recovery.backing_off().is_none() && recovery.failed_bytes().is_none());
    }

    #[test]
    fn another_failure_soon_after_backs_off() {
        let mut recovery = Recovery::default();
        recovery.failed(full(), 10, Duration::ZERO);
        recovery.succeeded();
        recovery.failed(full(), 10, Duration::from_secs(1));
        assert!(recovery.backing_off().is_some());
    }
}
