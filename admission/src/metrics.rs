//! Metrics of plugins: calls, durations and denials.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/metrics/metrics.go`.

mod callbacks;
pub(crate) mod conditions;
mod names;
pub(crate) mod policies;
pub(crate) mod webhooks;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts};

pub use self::callbacks::CallbackMetrics;
pub use self::names::{Names, OTHERS};
use crate::operation::Operation;

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
const PLUGINS: &str = "apiserver_admission_controller_admission_duration_seconds";
const PHASES: &str = "apiserver_admission_step_admission_duration_seconds";

/// The phases of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Plugins may change the object. Upstream's metrics call it `admit`.
    Mutate,
    /// Plugins check the object. Upstream's metrics call it `validate`.
    Validate,
}

impl Phase {
    /// The value of the label `type` in upstream's metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "admit",
            Self::Validate => "validate",
        }
    }
}

/// The durations of all plugins and of both phases.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    plugins: HistogramVec,
    phases: HistogramVec,
    callbacks: CallbackMetrics,
}

impl Metrics {
    pub(crate) fn new(callbacks: CallbackMetrics) -> Self {
        Self {
            plugins: histograms(
                PLUGINS,
                "Durations of admission plugins in seconds, by name, operation, phase and whether the request was denied.",
                &BUCKETS,
                &["name", "operation", "rejected", "type"],
            ),
            phases: histograms(
                PHASES,
                "Durations of the phases of admission in seconds, by operation and whether the request was denied.",
                &BUCKETS,
                &["operation", "rejected", "type"],
            ),
            callbacks,
        }
    }

    /// The durations of one plugin in one phase.
    pub(crate) fn of_plugin(&self, name: &'static str, phase: Phase) -> Durations {
        let plugins = self.plugins.clone();
        Durations::new(move |operation, rejected| {
            plugins.with_label_values(&[name, operation, rejected, phase.as_str()])
        })
    }

    /// The durations of one phase.
    pub(crate) fn of_phase(&self, phase: Phase) -> Durations {
        let phases = self.phases.clone();
        Durations::new(move |operation, rejected| {
            phases.with_label_values(&[operation, rejected, phase.as_str()])
        })
    }

    /// The collectors to register.
    pub(crate) fn collectors(&self) -> impl Iterator<Item = Box<dyn Collector>> {
        let own: [Box<dyn Collector>; 2] = [
            Box::new(self.plugins.clone()),
            Box::new(self.phases.clone()),
        ];
        own.into_iter().chain(self.callbacks.collectors())
    }
}

/// A family of histograms.
fn histograms(name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    HistogramVec::new(options, labels).expect("these names are valid")
}

/// A family of counters.
fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("these names are valid")
}

/// Durations by operation and outcome. A histogram is created when its combination first occurs, so
/// that others are not listed; after that it is found without a lock.
#[derive(Clone)]
pub(crate) struct Durations(Arc<Cells>);

/// Creates the histogram of an operation and an outcome.
type Make = dyn Fn(&str, &str) -> Histogram + Send + Sync;

struct Cells {
    cells: [[OnceLock<Histogram>; 2]; Operation::ALL.len()],
    make: Box<Make>,
}

impl Durations {
    fn new(make: impl Fn(&str, &str) -> Histogram + Send + Sync + 'static) -> Self {
        Self(Arc::new(Cells {
            cells: Default::default(),
            make: Box::new(make),
        }))
    }

    pub(crate) fn observe(&self, operation: Operation, rejected: bool, took: Duration) {
        let cells = Operation::ALL.iter().zip(&self.0.cells);
        let of_operation = cells.filter(|(o, _)| **o == operation).map(|(_, c)| c);
        for [allowed, denied] in of_operation {
            let cell = if rejected { denied } else { allowed };
            let make = || (self.0.make)(&operation.to_string(), &rejected.to_string());
            cell.get_or_init(make).observe(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_by_plugin_operation_and_outcome() {
        let metrics = Metrics::new(CallbackMetrics::default());
        let durations = metrics.of_plugin("Priority", Phase::Mutate);
        for millis in [1, 5, 30, 9000] {
            durations.observe(Operation::Update, true, Duration::from_millis(millis));
        }
        let labels = ["Priority", "UPDATE", "true", "admit"];
        let histogram = metrics.plugins.with_label_values(&labels);
        assert_eq!(histogram.get_sample_count(), 4);
        assert!((histogram.get_sample_sum() - 9.036).abs() < 1e-9);
        let listed = |metrics: &Metrics| metrics.plugins.collect()[0].get_metric().len();
        assert_eq!(
            listed(&metrics),
            1,
            "combinations that never occurred are not listed"
        );
    }
}
