//! Metrics of match conditions.
//!
//! Upstream: `ObserveMatchConditionEvaluationTime` and its neighbours in
//! `k8s.io/apiserver/pkg/admission/metrics/metrics.go`.

use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounterVec};

use super::names::{Names, OTHERS};
use super::{counters, histograms};
use crate::expressions::conditions::Tally;
use crate::operation::Operation;

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 7] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
const LABELS: [&str; 4] = ["kind", "name", "operation", "type"];

/// The match conditions of all webhooks and policies.
#[derive(Clone, Debug)]
pub(crate) struct ConditionMetrics {
    errors: IntCounterVec,
    exclusions: IntCounterVec,
    durations: HistogramVec,
    names: Names,
}

/// The owner of conditions, and the request that they were evaluated for.
pub(crate) struct Matched<'a> {
    pub(crate) name: &'a str,
    /// `webhook` or `policy`.
    pub(crate) kind: &'static str,
    /// The type of admission, by upstream's names.
    pub(crate) phase: &'static str,
    pub(crate) operation: Operation,
}

impl<'a> Matched<'a> {
    /// Of a policy of either sort (upstream counts both as `validate`).
    pub(crate) fn by_policy(name: &'a str, operation: Operation) -> Self {
        Self {
            name,
            kind: "policy",
            phase: "validate",
            operation,
        }
    }
}

impl ConditionMetrics {
    pub(super) fn new() -> Self {
        let by = "by webhook or policy, kind of owner, operation and type of admission";
        Self {
            errors: counters(
                "apiserver_admission_match_condition_evaluation_errors_total",
                &format!("Match conditions that could not be evaluated, {by}."),
                &LABELS,
            ),
            exclusions: counters(
                "apiserver_admission_match_condition_exclusions_total",
                &format!("Requests that match conditions kept from webhooks, {by}."),
                &LABELS,
            ),
            durations: histograms(
                "apiserver_admission_match_condition_evaluation_seconds",
                &format!("How long match conditions took to evaluate in seconds, {by}."),
                &BUCKETS,
                &LABELS,
            ),
            names: Names::default(),
        }
    }

    /// Conditions were evaluated.
    pub(crate) fn observe(&self, matched: &Matched<'_>, tally: &Tally) {
        // an owner without conditions
        let Some(took) = tally.took else {
            return;
        };
        let labels = self.labels(matched);
        let durations = self.durations.with_label_values(&labels);
        durations.observe(took.as_secs_f64());
        if tally.errors > 0 {
            self.errors.with_label_values(&labels).inc_by(tally.errors);
        }
    }

    /// Conditions kept a request from a webhook.
    pub(crate) fn excluded(&self, matched: &Matched<'_>) {
        let labels = self.labels(matched);
        self.exclusions.with_label_values(&labels).inc();
    }

    fn labels<'a>(&self, matched: &Matched<'a>) -> [&'a str; 4] {
        let name = match self.names.has(matched.name) {
            true => matched.name,
            false => OTHERS,
        };
        [
            matched.kind,
            name,
            matched.operation.as_str(),
            matched.phase,
        ]
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.errors.clone()),
            Box::new(self.exclusions.clone()),
            Box::new(self.durations.clone()),
        ]
    }
}
