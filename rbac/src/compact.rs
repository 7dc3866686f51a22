//! Fewer rules that say the same (upstream: `validation.CompactRules`).

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::rule::items;

/// Joins the verbs of rules about one resource of one group, by at most one name.
pub(crate) fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut compacted: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let alike = |known: &&mut PolicyRule| {
            is_simple(&rule)
                && is_simple(known)
                && items(&known.api_groups) == items(&rule.api_groups)
                && items(&known.resources) == items(&rule.resources)
                && items(&known.resource_names) == items(&rule.resource_names)
        };
        match compacted.iter_mut().find(alike) {
            Some(known) => known.verbs.extend(rule.verbs),
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
