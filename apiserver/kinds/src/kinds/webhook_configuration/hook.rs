//! A webhook, of either kind.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The fields that both kinds of webhooks have.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'h> {
    /// Its name, with at least three labels.
    pub name: &'h str,
    /// The requests it is called for.
    pub rules: &'h [RuleWithOperations],
    /// The action if it fails.
    pub failure_policy: Option<&'h str>,
    /// Whether other versions of the resources in the rules match too.
    pub match_policy: Option<&'h str>,
    /// Whether it is called again after changes by others; only of mutating ones.
    pub reinvocation_policy: Option<&'h str>,
    /// The side effects of a call.
    pub side_effects: &'h str,
    /// The timeout of a call.
    pub timeout_seconds: Option<i32>,
    /// The namespaces it is called for.
    pub namespace_selector: Option<&'h LabelSelector>,
    /// The objects it is called for.
    pub object_selector: Option<&'h LabelSelector>,
    /// Its address.
    pub client: &'h WebhookClientConfig,
    /// The versions of reviews it supports.
    pub versions: &'h [String],
    /// The expressions that must all be true for it to be called.
    pub conditions: &'h [MatchCondition],
}

/// The defaults of rules and of a service (upstream: `pkg/apis/admissionregistration/v1/defaults.go`).
pub(super) fn default_parts(
    rules: Option<&mut Vec<RuleWithOperations>>,
    client: &mut WebhookClientConfig,
) {
    for rule in rules.into_iter().flatten() {
        rule.scope.get_or_insert_with(|| "*".into());
    }
    if let Some(service) = &mut client.service {
        service.port.get_or_insert(443);
    }
}
