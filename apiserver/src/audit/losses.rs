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
    unlogged: Mutex<Unlogged>,
}

#[derive(Debug, Default)]
struct Unlogged {
    /// When losses were last logged.
    logged_at: Option<Instant>,
    /// How many events were lost since then.
    events: usize,
}

impl Losses {
    /// Of a destination with a name, such as `log`.
    pub fn new(plugin: &'static str, metrics: AuditMetrics) -> Self {
        Self {
            plugin,
            metrics,
            unlogged: Mutex::default(),
        }
    }

    /// Adds losses.
    pub fn add(&self, events: usize, error: &str) {
        self.metrics.lost(self.plugin, events);
        if let Some(events) = self.to_log(events) {
            let plugin = self.plugin;
            tracing::error!(plugin, events, error, "audit events are lost");
        }
    }

    fn to_log(&self, events: usize) -> Option<usize> {
        let mut unlogged = self.unlogged.lock();
        unlogged.events += events;
        if unlogged.logged_at.is_some_and(|at| at.elapsed() < EVERY) {
            return None;
        }
        unlogged.logged_at = Some(Instant::now());
        Some(std::mem::take(&mut unlogged.events))
    }
}
