//! Pauses between attempts.
//!
//! Upstream: `DefaultRetryBackoffWithInitialDelay` in `k8s.io/apiserver/pkg/util/webhook`.

use std::time::Duration;

/// The number of attempts.
const STEPS: u32 = 5;
/// The factor by which the pauses grow.
const FACTOR: f64 = 1.5;
/// How much longer a pause may be, so that attempts that failed together are not repeated together.
const JITTER: f64 = 0.2;

/// Growing pauses.
#[derive(Clone, Copy, Debug)]
pub struct Backoff(Duration);

impl Backoff {
    /// Starts with a pause of about this length.
    pub const fn new(first: Duration) -> Self {
        Self(first)
    }

    /// The pauses between one try and the next.
    pub fn delays(self) -> impl Iterator<Item = Duration> + Send {
        let first = self.0.as_secs_f64();
        (0..STEPS - 1).map(move |step| {
            let exponent = i32::try_from(step).unwrap_or(i32::MAX);
            let pause = first * FACTOR.powi(exponent) * (1.0 + JITTER * random());
            Duration::try_from_secs_f64(pause).unwrap_or(Duration::MAX)
        })
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    let random = uuid::Uuid::new_v4();
    f64::from(*random.as_bytes().first().unwrap_or(&0)) / 256.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = Backoff::new(Duration::from_secs(10)).delays().collect();
        assert_eq!(pauses.len(), 4);
        for (pause, least) in pauses.iter().zip([10.0, 15.0, 22.5, 33.75]) {
            let seconds = pause.as_secs_f64();
            assert!(seconds >= least && seconds <= least * 1.2, "{pauses:?}");
        }
    }
}
