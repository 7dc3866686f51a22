//! Exponential backoff with jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delays that double with each failure up to a limit, with jitter, so that clients that failed
/// together do not all retry together.
///
/// It only computes delays; waiting is left to the caller, who may use any clock.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    step: Duration,
}

impl Backoff {
    /// Delays from about `first` up to `max`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            step: first,
        }
    }

    /// The delay after another failure: between half of the current step and all of it.
    pub fn pause(&mut self) -> Duration {
        let step = self.step.min(self.max);
        self.step = step.saturating_mul(2).min(self.max);
        jittered(step)
    }

    /// Starts again from the first delay, after a success.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

/// A random duration between half of `step` and all of it.
pub fn jittered(step: Duration) -> Duration {
    let half = step / 2;
    let range = u64::try_from((step - half).as_nanos()).unwrap_or(u64::MAX);
    // every `RandomState` has its own keys, which is random enough to spread clients
    let random = RandomState::new().hash_one(0_u8);
    half + Duration::from_nanos(random % range.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(450));
        for step in [100, 200, 400, 450, 450] {
            let pause = backoff.pause();
            assert!(ms(step) / 2 <= pause && pause <= ms(step), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= ms(100));
    }

    #[test]
    fn pauses_differ() {
        let step = Duration::from_secs(10);
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(step)).collect();
        assert!(pauses.len() > 40, "{pauses:?}");
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
