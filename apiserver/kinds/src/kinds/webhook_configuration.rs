//! Webhook configurations: the webhooks that admission calls before an object is stored.

mod hook;
mod validate;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use portcullis_api::{ErrorList, Object};

use self::hook::{Hook, default_parts};
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};

/// Either kind of configuration.
pub trait Configuration: Object + Default {
    /// Its webhooks, with the fields that both kinds have.
    fn hooks(&self) -> Vec<Hook<'_>>;
    /// Sets defaults.
    fn default_hooks(&mut self);
    /// Whether the webhooks are equal.
    fn same_hooks(&self, other: &Self) -> bool;
}

macro_rules! configuration {
    ($kind:ident, $hook:ident => $reinvocation:expr $(, $default:expr)?) => {
        impl Configuration for $kind {
            fn hooks(&self) -> Vec<Hook<'_>> {
                let hooks = self.webhooks.iter().flatten();
                hooks
                    .map(|$hook| Hook {
                        name: &$hook.name,
                        rules: $hook.rules.as_deref().unwrap_or_default(),
                        failure_policy: $hook.failure_policy.as_deref(),
                        match_policy: $hook.match_policy.as_deref(),
                        reinvocation_policy: $reinvocation,
                        side_effects: &$hook.side_effects,
                        timeout_seconds: $hook.timeout_seconds,
                        namespace_selector: $hook.namespace_selector.as_ref(),
                        object_selector: $hook.object_selector.as_ref(),
                        client: &$hook.client_config,
                        versions: &$hook.admission_review_versions,
                        conditions: $hook.match_conditions.as_deref().unwrap_or_default(),
                    })
                    .collect()
            }

            fn default_hooks(&mut self) {
                for $hook in self.webhooks.iter_mut().flatten() {
                    $hook.failure_policy.get_or_insert_with(|| "Fail".into());
                    $hook
                        .match_policy
                        .get_or_insert_with(|| "Equivalent".into());
                    $hook.namespace_selector.get_or_insert_default();
                    $hook.object_selector.get_or_insert_default();
                    $hook.timeout_seconds.get_or_insert(10);
                    default_parts($hook.rules.as_mut(), &mut $hook.client_config);
                    $($default;)?
                }
            }

            fn same_hooks(&self, other: &Self) -> bool {
                self.webhooks == other.webhooks
            }
        }
    };
}

configuration!(ValidatingWebhookConfiguration, hook => None);
configuration!(
    MutatingWebhookConfiguration, hook => hook.reinvocation_policy.as_deref(),
    hook.reinvocation_policy.get_or_insert_with(|| "Never".into())
);

/// The rules of both kinds (upstream: `pkg/apis/admissionregistration/validation/validation.go`).
pub struct WebhookConfigurationStrategy<K>(std::marker::PhantomData<fn() -> K>);

/// The rules of webhooks that allow or deny.
pub const VALIDATING: WebhookConfigurationStrategy<ValidatingWebhookConfiguration> =
    WebhookConfigurationStrategy(std::marker::PhantomData);
/// The rules of webhooks that change objects.
pub const MUTATING: WebhookConfigurationStrategy<MutatingWebhookConfiguration> =
    WebhookConfigurationStrategy(std::marker::PhantomData);

impl<K: Configuration> Strategy for WebhookConfigurationStrategy<K> {
    type Kind = K;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::DOMAINLESS.changing(1, 0)
    }

    fn default(&self, configuration: &mut K) {
        configuration.default_hooks();
    }

    fn validate(&self, configuration: &K) -> ErrorList {
        validate::validate_hooks(&configuration.hooks(), &[])
    }

    fn validate_update(&self, configuration: &K, old: &K) -> ErrorList {
        validate::validate_hooks(&configuration.hooks(), &old.hooks())
    }

    fn spec_changed(&self, configuration: &K, old: &K) -> Option<bool> {
        Some(!configuration.same_hooks(old))
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::integer(
                "Webhooks",
                "Webhooks indicates the number of webhooks registered in this configuration",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, configuration: &K) -> Vec<Cell> {
        vec![
            Cell::name(configuration),
            Cell::count(configuration.hooks().len()),
            Cell::age(configuration),
        ]
    }
}

#[cfg(test)]
mod tests;
