//! Decides which requests are audited, and passes events on to the backends.

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
    /// `with_legacy`: whether a destination needs the legacy format.
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

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The counters.
    pub const fn metrics(&self) -> &AuditMetrics {
        &self.metrics
    }

    /// Whether events need the legacy format.
    pub const fn wants_legacy(&self) -> bool {
        self.with_legacy
    }

    /// Sends an event to the backends, and waits for it if the mode requires it. False if the request must be
    /// rejected.
    pub async fn take(&self, event: Event, is_first: bool) -> bool {
        self.metrics.event();
        let mut goes_on = true;
        for backend in &self.backends {
            goes_on &= backend.take(event.clone(), is_first).await;
        }
        goes_on
    }

    /// Sends an event to the backends without waiting for it.
    pub fn leave(&self, event: &Event) {
        self.metrics.event();
        for backend in &self.backends {
            backend.leave(event.clone());
        }
    }

    /// Writes the waiting events. No event must follow.
    pub async fn finish(&self) {
        for backend in &self.backends {
            backend.finish().await;
        }
    }
}
