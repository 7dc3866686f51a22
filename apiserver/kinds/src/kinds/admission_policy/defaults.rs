//! Defaults (upstream: `pkg/apis/admissionregistration/v1/defaults.go`).

use k8s_openapi::api::admissionregistration::v1::MatchResources;

/// The defaults of the match constraints of a policy or a binding.
pub(in crate::kinds) fn default_resources(resources: Option<&mut MatchResources>) {
    let Some(resources) = resources else { return };
    let policy = &mut resources.match_policy;
    policy.get_or_insert_with(|| "Equivalent".into());
    resources.namespace_selector.get_or_insert_default();
    resources.object_selector.get_or_insert_default();
    let excluded = resources.exclude_resource_rules.iter_mut();
    let rules = resources.resource_rules.iter_mut().chain(excluded);
    for rule in rules.flatten() {
        rule.scope.get_or_insert_with(|| "*".into());
    }
}
