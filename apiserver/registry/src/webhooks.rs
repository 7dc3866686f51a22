//! The configurations of admission webhooks, fed to admission's index.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use portcullis_admission::hooks::{HookIndex, Webhooks};
use portcullis_kinds::table;
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed};

/// Keeps the webhooks up to date with the stored configurations.
pub fn start(cache: &Cache, prefix: &str, webhooks: &Arc<Webhooks>) {
    let mutating = Arc::new(Mutating(webhooks.clone()));
    let resource = table::MUTATING_WEBHOOK_CONFIGURATIONS;
    feed::<MutatingWebhookConfiguration>(cache, prefix, resource, mutating);
    let validating = Arc::new(Validating(webhooks.clone()));
    let resource = table::VALIDATING_WEBHOOK_CONFIGURATIONS;
    feed::<ValidatingWebhookConfiguration>(cache, prefix, resource, validating);
}

struct Mutating(Arc<Webhooks>);

struct Validating(Arc<Webhooks>);

impl Sink<MutatingWebhookConfiguration> for Mutating {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<MutatingWebhookConfiguration>>) {
        let all = objects.map(|object| {
            let name = object.metadata.name.clone().unwrap_or_default();
            (name, object.webhooks.clone().unwrap_or_default())
        });
        self.0.mutating().replace(all);
    }

    fn put(&self, object: Arc<MutatingWebhookConfiguration>) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let webhooks = object.webhooks.as_deref().unwrap_or_default();
        self.0.mutating().put(name, webhooks);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.mutating().delete(name);
    }
}

impl Sink<ValidatingWebhookConfiguration> for Validating {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<ValidatingWebhookConfiguration>>) {
        let all = objects.map(|object| {
            let name = object.metadata.name.clone().unwrap_or_default();
            let webhooks = object.webhooks.as_deref().unwrap_or_default();
            (name, HookIndex::unify(webhooks))
        });
        self.0.validating().replace(all);
    }

    fn put(&self, object: Arc<ValidatingWebhookConfiguration>) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let webhooks = object.webhooks.as_deref().unwrap_or_default();
        let webhooks = HookIndex::unify(webhooks);
        self.0.validating().put(name, &webhooks);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.validating().delete(name);
    }
}
