//! Events that are lost: counted, and told in the log, but not each for itself.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::metrics::AuditMetrics;

/// How often the log tells of losses. Requests cause them, and there may be any number of those.
const EVERY: Duration = Duration::from_secs(10);

/// What one destination loses.
#[derive(Debug)]
pub struct Losses {
    plugin: &'static str,
    metrics: AuditMetrics,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    /// How many events were lost since.
    untold: usize,
}

impl Losses {
    /// Of a destination with a name, such as `log`.
    pub fn new(plugin: &'static str, metrics: AuditMetrics) -> Self {
        Self {
            plugin,
            metrics,
            told: Mutex::default(),
        }
    }

    /// So many events are lost.
    pub fn add(&self, events: usize, error: &str) {
        self.metrics.lost(self.plugin, events);
        if let Some(events) = self.to_tell(events) {
            let plugin = self.plugin;
            tracing::error!(plugin, events, error, "audit events are lost");
        }
    }

    fn to_tell(&self, events: usize) -> Option<usize> {
        let mut told = self.told.lock();
        told.untold += events;
        if told.at.is_some_and(|at| at.elapsed() < EVERY) {
            return None;
        }
        told.at = Some(Instant::now());
        Some(std::mem::take(&mut told.untold))
    }
}
