//! A webhook of a configuration, ready to be matched and called.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, ValidatingWebhook};

use super::connect::{Connect, Endpoint};
use super::review_version::ReviewVersion;
use crate::expressions::conditions::Conditions;
use crate::matching::rules::Rule;
use crate::matching::selectors::Selectors;

/// Upstream's default of `timeoutSeconds`.
const TIMEOUT_SECONDS: i32 = 10;

/// A webhook.
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) configuration: String,
    /// Distinguishes it from all others of its kind (upstream: `NewMutatingWebhookAccessor`).
    pub(crate) uid: Arc<str>,
    pub(crate) rules: Vec<Rule>,
    /// Whether rules are also compared with the other versions of a resource.
    pub(crate) matches_equivalent: bool,
    pub(crate) selectors: Selectors,
    pub(crate) conditions: Conditions,
    /// Whether a failed call is ignored.
    pub(crate) fails_open: bool,
    pub(crate) supports_dry_run: bool,
    /// Such as `None` or `Some`.
    pub(crate) side_effects: String,
    /// Whether it is called again if the object changed after it.
    pub(crate) is_reinvocable: bool,
    /// The first of its versions that this server knows.
    pub(crate) review_version: Option<ReviewVersion>,
    pub(crate) timeout: Duration,
    pub(crate) endpoint: Arc<dyn Endpoint>,
}

impl Hook {
    /// Compiles the webhooks of a configuration.
    pub(crate) fn all(
        configuration: &str,
        webhooks: &[MutatingWebhook],
        connect: &dyn Connect,
    ) -> Vec<Arc<Self>> {
        let same_name = |at: usize, name: &str| {
            let before = webhooks.iter().take(at);
            before.filter(|webhook| webhook.name == name).count()
        };
        let numbered = webhooks.iter().enumerate();
        let compiled = numbered.map(|(at, webhook)| {
            let name = &webhook.name;
            let uid = format!("{configuration}/{name}/{}", same_name(at, name));
            Arc::new(Self::new(configuration, uid.into(), webhook, connect))
        });
        compiled.collect()
    }

    fn new(
        configuration: &str,
        uid: Arc<str>,
        webhook: &MutatingWebhook,
        connect: &dyn Connect,
    ) -> Self {
        let is = |field: &Option<String>, value: &str| field.as_deref() == Some(value);
        let versions = webhook.admission_review_versions.iter();
        let seconds = webhook.timeout_seconds.unwrap_or(TIMEOUT_SECONDS);
        let side_effects = webhook.side_effects.as_str();
        Self {
            name: webhook.name.clone(),
            configuration: configuration.to_owned(),
            uid,
            rules: webhook.rules.iter().flatten().map(Rule::new).collect(),
            matches_equivalent: !is(&webhook.match_policy, "Exact"),
            selectors: Selectors::new(
                webhook.namespace_selector.as_ref(),
                webhook.object_selector.as_ref(),
            ),
            conditions: Conditions::of_webhook(
                webhook.match_conditions.as_deref().unwrap_or_default(),
            ),
            fails_open: is(&webhook.failure_policy, "Ignore"),
            side_effects: side_effects.to_owned(),
            supports_dry_run: matches!(side_effects, "None" | "NoneOnDryRun"),
            is_reinvocable: is(&webhook.reinvocation_policy, "IfNeeded"),
            review_version: versions.filter_map(|v| ReviewVersion::named(v)).next(),
            timeout: Duration::from_secs(seconds.max(1).unsigned_abs().into()),
            endpoint: connect.connect(&webhook.client_config),
        }
    }
}

/// A validating webhook as a mutating one, whose fields are the same but for one.
pub(crate) fn unified(webhook: &ValidatingWebhook) -> MutatingWebhook {
    let ValidatingWebhook {
        admission_review_versions,
        client_config,
        failure_policy,
        match_conditions,
        match_policy,
        name,
        namespace_selector,
        object_selector,
        rules,
        side_effects,
        timeout_seconds,
    } = webhook.clone();
    MutatingWebhook {
        admission_review_versions,
        client_config,
        failure_policy,
        match_conditions,
        match_policy,
        name,
        namespace_selector,
        object_selector,
        reinvocation_policy: None,
        rules,
        side_effects,
        timeout_seconds,
    }
}
