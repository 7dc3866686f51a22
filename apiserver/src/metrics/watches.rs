//! Events that watchers are sent.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};

const LABELS: [&str; 3] = ["group", "version", "kind"];
/// Upper bounds of events in bytes.
const BYTES: [f64; 8] = [
    1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0, 65536.0, 131_072.0,
];
const VALID: &str = "these names are valid";

/// Metrics of events. Clones count together.
#[derive(Clone, Debug)]
pub struct WatchMetrics {
    totals: IntCounterVec,
    sizes: HistogramVec,
}

/// What one watch counts: found once, when it begins.
#[derive(Debug)]
pub struct EventMetrics {
    total: IntCounter,
    sizes: Histogram,
}

impl WatchMetrics {
    pub(super) fn new() -> Self {
        let totals = Opts::new(
            "apiserver_watch_events_total",
            "Events that were sent to watchers.",
        );
        let sizes = HistogramOpts::new(
            "apiserver_watch_events_sizes",
            "Sizes of events that were sent to watchers, in bytes.",
        );
        Self {
            totals: IntCounterVec::new(totals, &LABELS).expect(VALID),
            sizes: HistogramVec::new(sizes.buckets(BYTES.to_vec()), &LABELS).expect(VALID),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.totals.clone()), Box::new(self.sizes.clone())]
    }

    /// What a watch of a kind in a version counts.
    pub fn of(&self, api_version: &str, kind: &str) -> EventMetrics {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let labels = [group, version, kind];
        EventMetrics {
            total: self.totals.with_label_values(&labels),
            sizes: self.sizes.with_label_values(&labels),
        }
    }
}

impl EventMetrics {
    /// An event of so many bytes is sent.
    pub fn sent(&self, bytes: usize) {
        self.total.inc();
        self.sizes.observe(bytes as f64);
    }
}
