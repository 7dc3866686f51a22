//! How plugins fare: how often, how long, and how often they said no.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/metrics/metrics.go`.

use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Operation;

/// Upper bounds of the buckets that durations are counted in, in seconds.
pub const BUCKETS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];

/// In which half of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Upstream's metrics call it `admit`.
    Mutate,
    /// Upstream's metrics call it `validate`.
    Validate,
}

/// Durations, counted by size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were not longer than each of [`BUCKETS`].
    pub not_longer: [u64; BUCKETS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub total: Duration,
}

/// What one plugin, or all of them, did of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which plugin; `None` for the whole half of the chain.
    pub plugin: Option<&'static str>,
    /// In which half of the chain.
    pub phase: Phase,
    /// Of which requests.
    pub operation: Operation,
    /// Whether it refused them.
    pub rejected: bool,
    /// How long it took.
    pub durations: Durations,
}

/// Counters by operation and outcome; writers never wait.
#[derive(Debug, Default)]
pub(crate) struct Counters([[Histogram; 2]; Operation::ALL.len()]);

#[derive(Debug, Default)]
struct Histogram {
    /// By the first bucket that holds them; the last is for what is longer than all.
    sizes: [AtomicU64; BUCKETS.len() + 1],
    nanos: AtomicU64,
}

impl Phase {
    /// The name that upstream's metrics have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "admit",
            Self::Validate => "validate",
        }
    }
}

impl Counters {
    pub(crate) fn note(&self, operation: Operation, rejected: bool, took: Duration) {
        let of_operation = Operation::ALL.iter().position(|o| *o == operation);
        let histogram = of_operation.and_then(|at| self.0.get(at)?.get(usize::from(rejected)));
        if let Some(histogram) = histogram {
            histogram.note(took);
        }
    }

    /// What there is to tell.
    pub(crate) fn samples(
        &self,
        plugin: Option<&'static str>,
        phase: Phase,
    ) -> impl Iterator<Item = Sample> {
        let all = Operation::ALL.into_iter().zip(&self.0);
        all.flat_map(move |(operation, outcomes)| {
            let outcomes = [false, true].into_iter().zip(outcomes);
            outcomes.filter_map(move |(rejected, histogram)| {
                let durations = histogram.read();
                (durations.count > 0).then_some(Sample {
                    plugin,
                    phase,
                    operation,
                    rejected,
                    durations,
                })
            })
        })
    }
}

impl Histogram {
    fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let size = BUCKETS.iter().position(|bound| seconds <= *bound);
        let size = self.sizes.get(size.unwrap_or(BUCKETS.len()));
        if let Some(size) = size {
            size.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    fn read(&self) -> Durations {
        let mut count = 0;
        let mut upto = self.sizes.iter().map(|size| {
            count += size.load(Ordering::Relaxed);
            count
        });
        let not_longer = from_fn(|_| upto.next().unwrap_or_default());
        let count = upto.next().unwrap_or_default();
        Durations {
            not_longer,
            count,
            total: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_every_bucket_that_holds_them() {
        let counters = Counters::default();
        for millis in [1, 5, 30, 9000] {
            counters.note(Operation::Update, true, Duration::from_millis(millis));
        }
        let samples: Vec<_> = counters.samples(None, Phase::Mutate).collect();
        let [sample] = samples.as_slice() else {
            panic!("{samples:?}")
        };
        assert!(sample.rejected && sample.operation == Operation::Update);
        assert_eq!(sample.durations.not_longer, [2, 2, 3, 3, 3, 3]);
        assert_eq!(sample.durations.count, 4);
        assert_eq!(sample.durations.total, Duration::from_millis(9036));
    }
}
