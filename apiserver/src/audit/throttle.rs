//! How many batches are sent in a second.
//!
//! Upstream: `flowcontrol.NewTokenBucketRateLimiter` in `client-go`.

use std::time::{Duration, Instant};

/// A number per second on average, and a burst after a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Batches a second.
    pub per_second: f64,
    /// The largest burst.
    pub burst: f64,
}

/// A token bucket: it fills steadily, and each batch takes a token.
#[derive(Debug)]
pub struct Throttle {
    rate: Rate,
    left: f64,
    at: Instant,
}

impl Throttle {
    /// A full bucket.
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self {
            left: rate.burst,
            rate,
            at: now,
        }
    }

    /// How long the next batch has to wait.
    pub fn next(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate.per_second).min(self.rate.burst) - 1.0;
        self.at = now;
        if self.left >= 0.0 {
            return Duration::ZERO;
        }
        let wait = -self.left / self.rate.per_second;
        Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_wait_once_the_burst_is_over() {
        let start = Instant::now();
        let rate = Rate {
            per_second: 10.0,
            burst: 2.0,
        };
        let mut throttle = Throttle::new(rate, start);
        let mut waits = |after| {
            let now = start + Duration::from_millis(after);
            throttle.next(now).as_millis()
        };
        assert_eq!([waits(0), waits(0), waits(0)], [0, 0, 100]);
        // a second later there are no more than a burst
        assert_eq!([waits(1100), waits(1100), waits(1100)], [0, 0, 100]);
    }
}
