//! A rule of a role in words.

use k8s_openapi::api::rbac::v1::PolicyRule;

/// Such as `create, get on pods, secrets named a, b`.
pub(super) fn words(rule: &PolicyRule) -> String {
    let list = |list: &Option<Vec<String>>| list.as_deref().unwrap_or_default().join(", ");
    let mut words = rule.verbs.join(", ");
    if rule.non_resource_urls.is_some() {
        return format!("{words} on {}", list(&rule.non_resource_urls));
    }
    words.push_str(" on ");
    words.push_str(&list(&rule.resources));
    let groups = rule.api_groups.as_deref().unwrap_or_default();
    if groups != [""] {
        let groups = groups.iter().map(|g| if g.is_empty() { "core" } else { g });
        words.push_str(" of ");
        words.push_str(&groups.collect::<Vec<_>>().join(", "));
    }
    if rule.resource_names.as_ref().is_some_and(|n| !n.is_empty()) {
        words.push_str(" named ");
        words.push_str(&list(&rule.resource_names));
    }
    words
}
