//! Metrics of events, under upstream's names.
//!
//! Upstream: `k8s.io/apiserver/pkg/audit/metrics.go`.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, Opts};

use super::policy::Level;

/// Counters of events, which clones share.
#[derive(Clone, Debug)]
pub struct AuditMetrics {
    events: IntCounter,
    errors: IntCounterVec,
    levels: IntCounterVec,
    rejected: IntCounter,
}

impl AuditMetrics {
    /// Counters at zero.
    pub fn new() -> Self {
        const VALID: &str = "these names are valid";
        let named = |name: &str, help: &str| Opts::new(format!("apiserver_audit_{name}"), help);
        let events = named(
            "event_total",
            "Audit events that were generated and sent to the audit backends.",
        );
        let errors = named("error_total", "Audit events that were lost, by plugin.");
        let levels = named("level_total", "Requests, by the level they are audited at.");
        let rejected = named(
            "requests_rejected_total",
            "Requests that were rejected because they could not be audited.",
        );
        Self {
            events: IntCounter::with_opts(events).expect(VALID),
            errors: IntCounterVec::new(errors, &["plugin"]).expect(VALID),
            levels: IntCounterVec::new(levels, &["level"]).expect(VALID),
            rejected: IntCounter::with_opts(rejected).expect(VALID),
        }
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.events.clone()),
            Box::new(self.errors.clone()),
            Box::new(self.levels.clone()),
            Box::new(self.rejected.clone()),
        ]
    }

    /// An event was made.
    pub fn event(&self) {
        self.events.inc();
    }

    /// A plugin has lost events.
    pub fn lost(&self, plugin: &str, events: usize) {
        let counter = self.errors.with_label_values(&[plugin]);
        counter.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// A request is audited at a level.
    pub fn level(&self, level: Level) {
        self.levels.with_label_values(&[level.as_str()]).inc();
    }

    /// A request was rejected because its event could not be stored.
    pub fn rejected(&self) {
        self.rejected.inc();
    }
}

impl Default for AuditMetrics {
    fn default() -> Self {
        Self::new()
    }
}
