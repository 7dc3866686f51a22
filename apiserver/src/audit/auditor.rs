//! What decides which requests are audited, and passes events on.

use super::backend::Backend;
use super::event::Event;
use super::metrics::AuditMetrics;
use super::policy::Policy;

/// A policy, and the destinations of events.
pub struct Auditor {
    policy: Policy,
    backends: Vec<Backend>,
    with_legacy: bool,
    metrics: AuditMetrics,
}

impl Auditor {
    /// `with_legacy`: whether a destination wants lines for people.
    pub const fn new(
        policy: Policy,
        backends: Vec<Backend>,
        with_legacy: bool,
        metrics: AuditMetrics,
    ) -> Self {
        Self {
            policy,
            backends,
            with_legacy,
            metrics,
        }
    }

    /// What decides.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is counted.
    pub const fn metrics(&self) -> &AuditMetrics {
        &self.metrics
    }

    /// Whether events need lines for people.
    pub const fn wants_legacy(&self) -> bool {
        self.with_legacy
    }

    /// Passes an event on, and waits for it where the mode says so. False if the request must not go on.
    pub async fn take(&self, event: Event, is_first: bool) -> bool {
        self.metrics.event();
        let mut goes_on = true;
        for backend in &self.backends {
            goes_on &= backend.take(event.clone(), is_first).await;
        }
        goes_on
    }

    /// Passes on an event that nobody can wait for.
    pub fn leave(&self, event: &Event) {
        self.metrics.event();
        for backend in &self.backends {
            backend.leave(event.clone());
        }
    }

    /// Writes what waits. No event must come afterwards.
    pub async fn finish(&self) {
        for backend in &self.backends {
            backend.finish().await;
        }
    }
}
