//! Requests: how many, how they were answered, how long it took, how large the responses were.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/metrics/metrics.go`.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use parking_lot::RwLock;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use super::labels::{Labels, NAMES};

/// Upper bounds of durations in seconds.
pub(super) const SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];
/// Upper bounds of responses in bytes.
const BYTES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// In so many parts is kept what has been counted, each with a lock of its own that is hardly ever written.
const PARTS: usize = 16;
const VALID: &str = "these names are valid";

/// Metrics of requests.
#[derive(Debug)]
pub(super) struct Requests {
    totals: IntCounterVec,
    durations: HistogramVec,
    sizes: HistogramVec,
    long_running: IntGaugeVec,
    terminations: IntCounterVec,
    known: [RwLock<HashMap<Labels, Arc<Series>>>; PARTS],
    hasher: std::hash::RandomState,
}

/// What is counted of requests with the same labels: found once, and then without looking labels up.
#[derive(Debug)]
pub(super) struct Series {
    labels: Labels,
    durations: Histogram,
    sizes: Option<Histogram>,
    /// By status code.
    totals: RwLock<Vec<(StatusCode, IntCounter)>>,
    all_totals: IntCounterVec,
    all_long_running: IntGaugeVec,
}

/// A long-running request, which is counted when this is dropped.
#[derive(Debug)]
pub struct LongRunning {
    series: Arc<Series>,
    gauge: IntGauge,
    code: StatusCode,
    begun: Instant,
}

impl Requests {
    pub(super) fn new() -> Self {
        let of_requests = |more: &'static str| [&NAMES[..], &[more]].concat();
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            HistogramOpts::new(name, help).buckets(buckets.to_vec())
        };
        let totals = Opts::new(
            "apiserver_request_total",
            "Requests that were answered, by verb, resource, scope and code.",
        );
        let durations = histogram(
            "apiserver_request_duration_seconds",
            "Times until requests were answered in seconds, until they ended for long-running ones.",
            &SECONDS,
        );
        let sizes = histogram(
            "apiserver_response_sizes",
            "Sizes of responses to reads in bytes, before they are compressed.",
            &BYTES,
        );
        let long_running = Opts::new(
            "apiserver_longrunning_requests",
            "Long-running requests that are under way.",
        );
        let terminations = Opts::new(
            "apiserver_request_terminations_total",
            "Requests that were rejected or ended to keep capacity for others.",
        );
        let labels = [&of_requests("dry_run")[..], &["code"]].concat();
        Self {
            totals: IntCounterVec::new(totals, &labels).expect(VALID),
            durations: HistogramVec::new(durations, &of_requests("dry_run")).expect(VALID),
            sizes: HistogramVec::new(sizes, &NAMES).expect(VALID),
            long_running: IntGaugeVec::new(long_running, &NAMES).expect(VALID),
            terminations: IntCounterVec::new(terminations, &of_requests("code")).expect(VALID),
            known: Default::default(),
            hasher: std::hash::RandomState::default(),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 5] {
        [
            Box::new(self.totals.clone()),
            Box::new(self.durations.clone()),
            Box::new(self.sizes.clone()),
            Box::new(self.long_running.clone()),
            Box::new(self.terminations.clone()),
        ]
    }

    /// What is counted under these labels.
    pub(super) fn series(&self, labels: Labels) -> Arc<Series> {
        let hash = usize::try_from(self.hasher.hash_one(labels) % 16).unwrap_or_default();
        let part = &self.known[hash % PARTS];
        if let Some(known) = part.read().get(&labels) {
            return known.clone();
        }
        let mut part = part.write();
        let made = part
            .entry(labels)
            .or_insert_with(|| Arc::new(self.made(labels)));
        made.clone()
    }

    fn made(&self, labels: Labels) -> Series {
        let values = labels.values();
        let reads = matches!(labels.verb, "GET" | "LIST");
        let with_dry_run = [&values[..], &[labels.dry_run]].concat();
        Series {
            labels,
            durations: self.durations.with_label_values(&with_dry_run),
            sizes: reads.then(|| self.sizes.with_label_values(&values)),
            totals: RwLock::default(),
            all_totals: self.totals.clone(),
            all_long_running: self.long_running.clone(),
        }
    }

    /// A request was rejected or ended to keep capacity for others.
    pub(super) fn terminated(&self, labels: Labels, code: StatusCode) {
        let values = [&labels.values()[..], &[code.as_str()]].concat();
        self.terminations.with_label_values(&values).inc();
    }
}

impl Series {
    /// A request was answered, after so many seconds.
    pub(super) fn answered(&self, code: StatusCode, begun: Instant, size: Option<u64>) {
        self.total(code).inc();
        self.durations.observe(begun.elapsed().as_secs_f64());
        if let (Some(sizes), Some(size)) = (&self.sizes, size) {
            sizes.observe(size as f64);
        }
    }

    /// A long-running request is answered from now on.
    pub(super) fn begin(self: Arc<Self>, code: StatusCode, begun: Instant) -> LongRunning {
        let gauge = self
            .all_long_running
            .with_label_values(&self.labels.values());
        gauge.inc();
        LongRunning {
            series: self,
            gauge,
            code,
            begun,
        }
    }

    fn total(&self, code: StatusCode) -> IntCounter {
        let known = |totals: &[(StatusCode, IntCounter)]| {
            let found = totals.iter().find(|(known, _)| *known == code);
            found.map(|(_, counter)| counter.clone())
        };
        if let Some(counter) = known(&self.totals.read()) {
            return counter;
        }
        let labels = [
            &self.labels.values()[..],
            &[self.labels.dry_run, code.as_str()],
        ]
        .concat();
        let counter = self.all_totals.with_label_values(&labels);
        self.totals.write().push((code, counter.clone()));
        counter
    }
}

impl Drop for LongRunning {
    fn drop(&mut self) {
        self.gauge.dec();
        self.series.answered(self.code, self.begun, None);
    }
}
