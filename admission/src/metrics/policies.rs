//! Metrics of policies in CEL: checks by their outcome, and durations.
//!
//! Upstream: `policy/validating/metrics` and `policy/mutating/metrics`.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounterVec};

use super::names::{Names, OTHERS};
use super::{counters, histograms};

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 5] = [0.000_000_5, 0.001, 0.01, 0.1, 1.0];
const LABELS: [&str; 4] = [
    "error_type",
    "policy",
    "policy_binding",
    "enforcement_action",
];

/// The checks of all policies of one sort.
#[derive(Clone, Debug)]
pub(crate) struct PolicyMetrics {
    checks: IntCounterVec,
    durations: HistogramVec,
    names: Names,
    /// Whether what became of a request is counted, too.
    has_actions: bool,
}

/// A check of a policy for a binding.
pub(crate) struct Checked<'a> {
    pub(crate) policy: &'a str,
    pub(crate) binding: &'a str,
    pub(crate) error: ErrorType,
    /// Such as `deny`; policies that change objects have none.
    pub(crate) action: &'static str,
}

/// Whether an expression has a value, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    None,
    Compilation,
    OutOfBudget,
    Invalid,
}

impl ErrorType {
    /// The error of an evaluation that has this message (upstream: `ErrorType` in both packages).
    pub(crate) fn of(message: &str) -> Self {
        if message.starts_with("compilation") {
            Self::Compilation
        } else if message.starts_with("validation failed due to running out of cost budget") {
            Self::OutOfBudget
        } else {
            Self::Invalid
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "no_error",
            Self::Compilation => "compile_error",
            Self::OutOfBudget => "out_of_budget",
            Self::Invalid => "invalid_error",
        }
    }
}

impl PolicyMetrics {
    /// Of policies that check objects. Checks that pass are not counted, as upstream.
    pub(super) fn validating() -> Self {
        Self::new("validating", true)
    }

    /// Of policies that change objects.
    pub(super) fn mutating() -> Self {
        Self::new("mutating", false)
    }

    fn new(sort: &str, has_actions: bool) -> Self {
        let [error, policy, binding, _] = LABELS;
        let without = [error, policy, binding];
        let labels = if has_actions { &LABELS[..] } else { &without };
        Self {
            checks: counters(
                &format!("apiserver_{sort}_admission_policy_check_total"),
                "Checks of admission policies, by policy, binding, kind of error and, where there is one, the action taken.",
                labels,
            ),
            durations: histograms(
                &format!("apiserver_{sort}_admission_policy_check_duration_seconds"),
                "Durations of checks of admission policies in seconds, by policy, binding, kind of error and, where there is one, the action taken.",
                &BUCKETS,
                labels,
            ),
            names: Names::default(),
            has_actions,
        }
    }

    pub(crate) fn observe(&self, check: &Checked<'_>, took: Duration) {
        let key = format!("{}/{}", check.policy, check.binding);
        let (policy, binding) = if self.names.has(&key) {
            (check.policy, check.binding)
        } else {
            (OTHERS, OTHERS)
        };
        let labels = [check.error.as_str(), policy, binding, check.action];
        let labels = labels.get(..if self.has_actions { 4 } else { 3 });
        let labels = labels.unwrap_or_default();
        self.checks.with_label_values(labels).inc();
        let durations = self.durations.with_label_values(labels);
        durations.observe(took.as_secs_f64());
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [
            Box::new(self.checks.clone()),
            Box::new(self.durations.clone()),
        ]
    }
}
