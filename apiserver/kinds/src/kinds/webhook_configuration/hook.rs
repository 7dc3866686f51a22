//! A webhook, of either kind.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The fields that both kinds of webhooks have.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'h> {
    /// Of at least three labels.
    pub name: &'h str,
    /// What it is asked about.
    pub rules: &'h [RuleWithOperations],
    /// What to do if it does not answer.
    pub failure_policy: Option<&'h str>,
    /// Whether other versions of what the rules name count too.
    pub match_policy: Option<&'h str>,
    /// Whether it is asked again after others made changes; only of mutating ones.
    pub reinvocation_policy: Option<&'h str>,
    /// What asking it changes elsewhere.
    pub side_effects: &'h str,
    /// How long to wait for its answer.
    pub timeout_seconds: Option<i32>,
    /// In which namespaces.
    pub namespace_selector: Option<&'h LabelSelector>,
    /// About which objects.
    pub object_selector: Option<&'h LabelSelector>,
    /// Where it listens.
    pub client: &'h WebhookClientConfig,
    /// The versions of the question it understands.
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
