//! Merges rules into fewer equivalent ones (upstream: `validation.CompactRules`).

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::rule::items;

/// Merges the verbs of rules for the same group, resource and at most one name.
pub(crate) fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut compacted: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let mergeable = |existing: &&mut PolicyRule| {
            is_simple(&rule)
                && is_simple(existing)
                && items(&existing.api_groups) == items(&rule.api_groups)
                && items(&existing.resources) == items(&rule.resources)
                && items(&existing.resource_names) == items(&rule.resource_names)
        };
        match compacted.iter_mut().find(mergeable) {
            Some(existing) => existing.verbs.extend(rule.verbs),
            None => compacted.push(rule),
        }
    }
    compacted
}

fn is_simple(rule: &PolicyRule) -> bool {
    items(&rule.api_groups).len() == 1
        && items(&rule.resources).len() == 1
        && items(&rule.resource_names).len() <= 1
        && items(&rule.non_resource_urls).is_empty()
}
