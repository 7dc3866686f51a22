//! Cluster roles that aggregate the rules of others (upstream:
//! `pkg/controller/clusterroleaggregation`).

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use portcullis_api::selector::LabelSelector;

use crate::rule::same;

/// The rules of an aggregated role: those of the roles that each of its selectors matches, by name
/// and without duplicates. `None` if the role aggregates nothing.
pub fn aggregated_rules(role: &ClusterRole, all: &[ClusterRole]) -> Option<Vec<PolicyRule>> {
    let selectors = role
        .aggregation_rule
        .as_ref()?
        .cluster_role_selectors
        .as_deref();
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors.unwrap_or_default() {
        let selector = LabelSelector::of(Some(selector));
        let mut selected: Vec<_> = all
            .iter()
            .filter(|other| selector.matches(other.metadata.labels.as_ref()))
            .filter(|other| other.metadata.name != role.metadata.name)
            .collect();
        selected.sort_unstable_by_key(|other| other.metadata.name.as_deref());
        for rule in selected
            .into_iter()
            .flat_map(|other| other.rules.iter().flatten())
        {
            if !rules.iter().any(|existing| same(existing, rule)) {
                rules.push(rule.clone());
            }
        }
    }
    Some(rules)
}

/// Updates all aggregated roles, including those that aggregate aggregated ones; returns the
/// indices of those that changed.
pub fn aggregate(roles: &mut [ClusterRole]) -> Vec<usize> {
    let mut changed = Vec::new();
    // The rules of roles that aggregate each other only grow, so each pass completes at least one
    // more role.
    for _ in 0..=roles.len() {
        let mut settled = true;
        for index in 0..roles.len() {
            let Some(role) = roles.get(index) else {
                continue;
            };
            let Some(rules) = aggregated_rules(role, roles) else {
                continue;
            };
            let existing = role.rules.as_deref().unwrap_or_default();
            let equal = existing.len() == rules.len()
                && existing.iter().zip(&rules).all(|(a, b)| same(a, b));
            if equal {
                continue;
            }
            settled = false;
            if let Some(role) = roles.get_mut(index) {
                role.rules = Some(rules);
            }
            if !changed.contains(&index) {
                changed.push(index);
            }
        }
        if settled {
            break;
        }
    }
    changed
}

#[cfg(test)]
mod tests;
