//! What is counted of conversions by webhooks.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/metrics.go`.

use portcullis_admission::metrics::{Names, OTHERS};
use portcullis_kinds::custom::review::ConversionFault;
use portcullis_registry::conversion::Ended;
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, exponential_buckets};

/// Upper bounds of the buckets of requests, in seconds.
const REQUEST_BUCKETS: [f64; 15] = [
    0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0,
];

/// Requests to conversion webhooks, and how long they took. Clones count together.
#[derive(Clone, Debug)]
pub struct ConversionMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    by_definition: HistogramVec,
    /// Definitions with their versions, which clients can make any number of.
    names: Names,
}

impl ConversionMetrics {
    /// Nothing has been counted.
    pub fn new() -> Self {
        const VALID: &str = "these names are valid";
        let requests = Opts::new(
            "apiserver_conversion_webhook_request_total",
            "Requests to conversion webhooks, by result and type of failure.",
        );
        let durations = HistogramOpts::new(
            "apiserver_conversion_webhook_duration_seconds",
            "How long requests to conversion webhooks took in seconds, by result and type of failure.",
        );
        let by_definition = HistogramOpts::new(
            "apiserver_crd_conversion_webhook_duration_seconds",
            "How long conversions by webhooks took in seconds, by definition, versions and whether they succeeded.",
        );
        let doubling = exponential_buckets(0.001, 2.0, 15).expect(VALID);
        let labels = ["failure_type", "result"];
        let definition_labels = ["crd_name", "from_version", "succeeded", "to_version"];
        Self {
            requests: IntCounterVec::new(requests, &labels).expect(VALID),
            durations: HistogramVec::new(durations.buckets(REQUEST_BUCKETS.to_vec()), &labels)
                .expect(VALID),
            by_definition: HistogramVec::new(by_definition.buckets(doubling), &definition_labels)
                .expect(VALID),
            names: Names::default(),
        }
    }

    /// Counts a conversion.
    pub(super) fn count(&self, ended: &Ended<'_>) {
        let (took, succeeded) = (ended.took.as_secs_f64(), ended.fault.is_none());
        let labels = [
            ended.fault.map_or("", ConversionFault::as_str),
            if succeeded { "success" } else { "failure" },
        ];
        self.requests.with_label_values(&labels).inc();
        self.durations.with_label_values(&labels).observe(took);
        let [from, to] = ended.versions.map(version);
        let name = ended.definition;
        let (name, from, to) = match self.names.has(&format!("{name} {from} {to}")) {
            true => (name, from, to),
            false => (OTHERS, OTHERS, OTHERS),
        };
        let succeeded = if succeeded { "true" } else { "false" };
        let labels = [name, from, succeeded, to];
        self.by_definition.with_label_values(&labels).observe(took);
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.requests.clone()),
            Box::new(self.durations.clone()),
            Box::new(self.by_definition.clone()),
        ]
    }
}

impl Default for ConversionMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// An `apiVersion` without its group.
fn version(api_version: &str) -> &str {
    let parts = api_version.split_once('/');
    parts.map_or(api_version, |(_, version)| version)
}
