//! Webhooks and policies.

use std::sync::Arc;

use portcullis_admission::hooks::{Connect, Webhooks};
use portcullis_admission::policies::{MutatingPolicies, ValidatingPolicies};
use portcullis_kinds::table;
use portcullis_registry::{policies, webhooks};
use portcullis_storage::Storage;

use super::admission_config::WebhookCredentials;
use super::store::OpenStore;
use crate::outbound::conversion_webhooks::ConversionMetrics;
use crate::outbound::https::Resolve;
use crate::outbound::services::ServiceResolver;
use crate::outbound::webhooks::WebhookEndpoints;

/// The webhooks and policies in admission, and what is counted of conversion webhooks.
pub(super) struct Hooks {
    pub(super) webhooks: Arc<Webhooks>,
    pub(super) validating_policies: Arc<ValidatingPolicies>,
    pub(super) mutating_policies: Arc<MutatingPolicies>,
    pub(super) conversions: ConversionMetrics,
}

impl Hooks {
    /// None yet.
    pub(super) fn new(stored: &OpenStore, credentials: WebhookCredentials) -> Self {
        let store: Arc<dyn Storage> = stored.cache.clone();
        let services: Arc<dyn Resolve> = Arc::new(ServiceResolver::new(&store, &stored.prefix));
        let endpoints = |credentials| -> Arc<dyn Connect> {
            Arc::new(WebhookEndpoints::new(services.clone(), credentials))
        };
        Self {
            webhooks: Arc::new(Webhooks::new(
                endpoints(credentials.mutating),
                endpoints(credentials.validating),
            )),
            validating_policies: Arc::default(),
            mutating_policies: Arc::default(),
            conversions: ConversionMetrics::new(),
        }
    }

    /// Follows the stored ones from now on.
    pub(super) fn start(&self, stored: &OpenStore) {
        let (cache, prefix) = (&stored.cache, &stored.prefix);
        webhooks::start(cache, prefix, &self.webhooks);
        let validating = (
            table::VALIDATING_ADMISSION_POLICIES,
            table::VALIDATING_ADMISSION_POLICY_BINDINGS,
        );
        policies::start(cache, prefix, validating, &self.validating_policies);
        let mutating = (
            table::MUTATING_ADMISSION_POLICIES,
            table::MUTATING_ADMISSION_POLICY_BINDINGS,
        );
        policies::start(cache, prefix, mutating, &self.mutating_policies);
    }
}
