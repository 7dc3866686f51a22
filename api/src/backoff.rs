//! Waiting longer after each failure, and not everybody at the same moment.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pauses that double with each failure up to a limit, with jitter: those who failed together do not
/// all come back together.
///
/// It only says how long; the waiting is the caller's, so that this is of use with any clock.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    step: Duration,
}

impl Backoff {
    /// Pauses from about `first` up to `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            step: first,
        }
    }

    /// How long to wait after another failure: between half of the current step and all of it.
    pub fn pause(&mut self) -> Duration {
        let step = self.step.min(self.most);
        self.step = step.saturating_mul(2).min(self.most);
        jittered(step)
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

/// A random duration between half of `step` and all of it.
pub fn jittered(step: Duration) -> Duration {
    let half = step / 2;
    let range = u64::try_from((step - half).as_nanos()).unwrap_or(u64::MAX);
    // Every `RandomState` has keys of its own, which is random enough to tell clients apart.
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
