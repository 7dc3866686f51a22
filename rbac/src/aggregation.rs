//! Cluster roles whose rules are those of others (upstream:
//! `pkg/controller/clusterroleaggregation`).

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use portcullis_api::selector::LabelSelector;

use crate::rule::same;

/// The rules an aggregated role has to have, if it is one: those of the roles that each of its
/// selectors matches, by name, without repetitions.
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
            if !rules.iter().any(|known| same(known, rule)) {
                rules.push(rule.clone());
            }
        }
    }
    Some(rules)
}

/// Brings all aggregated roles up to date, those that gather from aggregated ones too, and says
/// which changed: their places in `roles`.
pub fn aggregate(roles: &mut [ClusterRole]) -> Vec<usize> {
    let mut changed = Vec::new();
    // Roles that gather from each other in a ring only ever grow, so each pass settles at least
    // one more role.
    for _ in 0..=roles.len() {
        let mut settled = true;
        for place in 0..roles.len() {
            let Some(role) = roles.get(place) else {
                continue;
            };
            let Some(rules) = aggregated_rules(role, roles) else {
                continue;
            };
            let known = role.rules.as_deref().unwrap_or_default();
            let equal =
                known.len() == rules.len() && known.iter().zip(&rules).all(|(a, b)| same(a, b));
            if equal {
                continue;
            }
            settled = false;
            if let Some(role) = roles.get_mut(place) {
                role.rules = Some(rules);
            }
            if !changed.contains(&place) {
                changed.push(place);
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
