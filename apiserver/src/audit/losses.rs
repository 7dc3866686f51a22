//! Lost events: counted, and logged together.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::metrics::AuditMetrics;

/// How often losses are logged. Requests cause them, so there may be any number.
const EVERY: Duration = Duration::from_secs(10);

/// The losses of one destination.
#[derive(Debug)]
pub struct Losses {
    plugin: &'static str,
    metrics: AuditMetrics,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    /// How many events were lost since the last log line.
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

    /// Adds losses.
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
