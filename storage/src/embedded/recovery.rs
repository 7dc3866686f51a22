//! A file that could not be written: when that is tried again, and what is said meanwhile.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_api::Backoff;

use crate::outage::{Outage, Sentences};
use crate::{Error, Result};

const SENTENCES: Sentences = Sentences {
    lost: "the store cannot be written, writes are refused",
    still: "the store still cannot be written",
    over: "the store can be written again",
};
/// How long to wait before the file is opened again: at first, and at most.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// An attempt that took long is followed by so many times that time without one: opening the file
/// means reading all of it.
const PACE: u32 = 20;
/// But by no longer pause than this.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A store that could be written for so long is tried again at once after a failure.
const SOUND: Duration = Duration::from_secs(60);

/// What the committer knows of failures.
pub(super) struct Recovery {
    outage: Outage,
    back_off: Backoff,
    failed: Option<Failed>,
    last_failure: Option<Instant>,
}

struct Failed {
    error: Error,
    /// When the next attempt may be made.
    next: Instant,
    /// How much could not be written.
    bytes: usize,
}

/// What others see of it: why nothing can be written, if nothing can.
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
            outage: Outage::of(SENTENCES),
            back_off: BACK_OFF,
            failed: None,
            last_failure: None,
        }
    }
}

impl Recovery {
    /// Why nothing is attempted now.
    pub(super) fn refusal(&self) -> Option<&Error> {
        let failed = self.failed.as_ref()?;
        (Instant::now() < failed.next).then_some(&failed.error)
    }

    /// How much could not be written the last time; `None` if all is well.
    pub(super) fn owed(&self) -> Option<usize> {
        self.failed.as_ref().map(|failed| failed.bytes)
    }

    /// An attempt to write so much, or to open the file for that, failed after so long.
    pub(super) fn failed(&mut self, error: Error, bytes: usize, took: Duration) {
        self.outage.failed(&error);
        let now = Instant::now();
        let sound = |last: Instant| self.failed.is_none() && now - last > SOUND;
        let pause = if self.last_failure.is_none_or(sound) {
            self.back_off = BACK_OFF;
            Duration::ZERO
        } else {
            self.back_off.pause().max((took * PACE).min(PAUSE_MAX))
        };
        let bytes = bytes.max(self.owed().unwrap_or(0));
        let next = now + pause;
        self.last_failure = Some(now);
        self.failed = Some(Failed { error, next, bytes });
    }

    /// Something was written.
    pub(super) fn succeeded(&mut self) {
        if self.failed.take().is_some() {
            self.outage.over();
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
    fn the_second_attempt_comes_at_once_and_later_ones_wait() {
        let mut recovery = Recovery::default();
        assert!(recovery.refusal().is_none() && recovery.owed().is_none());
        recovery.failed(full(), 10, Duration::ZERO);
        assert!(recovery.refusal().is_none());
        recovery.failed(full(), 0, Duration::from_secs(1));
        let refused = recovery.failed.as_ref().unwrap().next - Instant::now();
        assert!(refused > Duration::from_secs(15), "{refused:?}");
        assert!(recovery.refusal().is_some());
        assert_eq!(recovery.owed(), Some(10));
        recovery.succeeded();
        assert!(recovery.refusal().is_none() && recovery.owed().is_none());
    }

    #[test]
    fn one_that_fails_again_soon_is_not_tried_again_at_once() {
        let mut recovery = Recovery::default();
        recovery.failed(full(), 10, Duration::ZERO);
        recovery.succeeded();
        recovery.failed(full(), 10, Duration::from_secs(1));
        assert!(recovery.refusal().is_some());
    }
}
