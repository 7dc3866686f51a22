//! What is counted of webhooks and policies.

use prometheus::core::Collector;

use super::conditions::ConditionMetrics;
use super::policies::PolicyMetrics;
use super::webhooks::WebhookMetrics;

/// The metrics of webhooks and of policies of both sorts. Clones count together.
#[derive(Clone, Debug)]
pub struct CallbackMetrics {
    pub(crate) webhooks: WebhookMetrics,
    pub(crate) validating: PolicyMetrics,
    pub(crate) mutating: PolicyMetrics,
    pub(crate) conditions: ConditionMetrics,
}

impl Default for CallbackMetrics {
    /// Nothing has been counted.
    fn default() -> Self {
        Self {
            webhooks: WebhookMetrics::new(),
            validating: PolicyMetrics::validating(),
            mutating: PolicyMetrics::mutating(),
            conditions: ConditionMetrics::new(),
        }
    }
}

impl CallbackMetrics {
    /// The collectors to register.
    pub(super) fn collectors(&self) -> impl Iterator<Item = Box<dyn Collector>> {
        let policies = [&self.validating, &self.mutating];
        let policies = policies.into_iter().flat_map(PolicyMetrics::collectors);
        let webhooks = self.webhooks.collectors().into_iter().chain(policies);
        webhooks.chain(self.conditions.collectors())
    }
}
