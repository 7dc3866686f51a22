//! What controllers' queues count, under upstream's names.
//!
//! Upstream: `k8s.io/component-base/metrics/prometheus/workqueue`.

use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts,
};

const LABELS: [&str; 1] = ["name"];
/// Upper bounds of durations in seconds: from ten nanoseconds to ten seconds.
const SECONDS: [f64; 10] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
const VALID: &str = "these names are valid";

/// Metrics of all queues of a server.
pub struct WorkQueues {
    depth: IntGaugeVec,
    adds: IntCounterVec,
    waited: HistogramVec,
    worked: HistogramVec,
    unfinished: GaugeVec,
    longest: GaugeVec,
    retries: IntCounterVec,
    queues: Mutex<Vec<Queue>>,
}

/// A queue, as long as it is there, and what is read from it when metrics are asked for.
struct Queue {
    seen: Weak<dyn Observed>,
    depth: IntGauge,
    unfinished: Gauge,
    longest: Gauge,
}

/// What a queue can be asked.
pub trait Observed: Send + Sync {
    /// Its state.
    fn observe(&self) -> Observation;
}

/// The state of a queue.
#[derive(Debug, Default)]
pub struct Observation {
    /// How many keys are due.
    pub depth: usize,
    /// How long keys have been worked at that are not done, all together.
    pub unfinished: Duration,
    /// And the one that has taken longest.
    pub longest: Duration,
}

/// What one queue counts.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    /// Keys that were added.
    pub adds: IntCounter,
    /// Seconds for which keys waited that were due.
    pub waited: Histogram,
    /// Seconds for which keys were worked at.
    pub worked: Histogram,
    /// Keys that were added again after a failure.
    pub retries: IntCounter,
}

impl WorkQueues {
    /// Metrics that have counted nothing.
    pub fn new() -> Self {
        let named = |name: &str, help: &str| Opts::new(format!("workqueue_{name}"), help);
        let counter = |name, help| IntCounterVec::new(named(name, help), &LABELS).expect(VALID);
        let seconds = |name, help| GaugeVec::new(named(name, help), &LABELS).expect(VALID);
        let durations = |name: &str, help: &str| {
            let options = HistogramOpts::new(format!("workqueue_{name}"), help);
            HistogramVec::new(options.buckets(SECONDS.to_vec()), &LABELS).expect(VALID)
        };
        let depth = named("depth", "Keys that are due and not worked at, by queue.");
        Self {
            depth: IntGaugeVec::new(depth, &LABELS).expect(VALID),
            adds: counter("adds_total", "Keys that were added, by queue."),
            waited: durations(
                "queue_duration_seconds",
                "Times in seconds that keys waited from when they were due, by queue.",
            ),
            worked: durations(
                "work_duration_seconds",
                "Times in seconds that working at keys took, by queue.",
            ),
            unfinished: seconds(
                "unfinished_work_seconds",
                "Times in seconds for which keys have been worked at that are not done, all together, by queue.",
            ),
            longest: seconds(
                "longest_running_processor_seconds",
                "The longest of the times for which keys have been worked at that are not done, by queue.",
            ),
            retries: counter(
                "retries_total",
                "Keys that were added again after a failure, by queue.",
            ),
            queues: Mutex::default(),
        }
    }

    /// What a queue counts. It is asked for its state for as long as it is there.
    pub fn named(&self, name: &str, seen: Weak<dyn Observed>) -> QueueMetrics {
        let labels = [name];
        let mut queues = self.queues.lock();
        // those of earlier terms as leader are gone
        queues.retain(|queue| queue.seen.strong_count() > 0);
        queues.push(Queue {
            seen,
            depth: self.depth.with_label_values(&labels),
            unfinished: self.unfinished.with_label_values(&labels),
            longest: self.longest.with_label_values(&labels),
        });
        drop(queues);
        QueueMetrics {
            adds: self.adds.with_label_values(&labels),
            waited: self.waited.with_label_values(&labels),
            worked: self.worked.with_label_values(&labels),
            retries: self.retries.with_label_values(&labels),
        }
    }

    /// Reads the state of all queues.
    pub fn observe(&self) {
        let queues = self.queues.lock();
        for queue in queues.iter() {
            queue.depth.set(0);
            queue.unfinished.set(0.0);
            queue.longest.set(0.0);
        }
        // several may have one name
        for queue in queues.iter() {
            let observed = queue.seen.upgrade().map(|queue| queue.observe());
            let observed = observed.unwrap_or_default();
            let depth = i64::try_from(observed.depth).unwrap_or(i64::MAX);
            queue.depth.add(depth);
            queue.unfinished.add(observed.unfinished.as_secs_f64());
            let longest = observed.longest.as_secs_f64();
            queue.longest.set(queue.longest.get().max(longest));
        }
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.depth.clone()),
            Box::new(self.adds.clone()),
            Box::new(self.waited.clone()),
            Box::new(self.worked.clone()),
            Box::new(self.unfinished.clone()),
            Box::new(self.longest.clone()),
            Box::new(self.retries.clone()),
        ]
    }
}

impl Default for WorkQueues {
    fn default() -> Self {
        Self::new()
    }
}
