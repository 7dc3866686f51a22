use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::AggregationRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as Selector;

use super::*;
use crate::testing::{cluster_role, rule};

fn labels(keys: &[&str]) -> Option<BTreeMap<String, String>> {
    Some(
        keys.iter()
            .map(|key| ((*key).to_owned(), "true".to_owned()))
            .collect(),
    )
}

fn labeled(keys: &[&str], mut role: ClusterRole) -> ClusterRole {
    role.metadata.labels = labels(keys);
    role
}

fn aggregating(name: &str, keys: &[&str]) -> ClusterRole {
    let selector = |key: &&str| Selector {
        match_labels: labels(&[*key]),
        ..Selector::default()
    };
    let selectors = Some(keys.iter().map(selector).collect());
    let rule = AggregationRule {
        cluster_role_selectors: selectors,
    };
    ClusterRole {
        aggregation_rule: Some(rule),
        rules: None,
        ..cluster_role(name, &[])
    }
}

fn verbs(role: &ClusterRole) -> Vec<&str> {
    role.rules
        .iter()
        .flatten()
        .map(|rule| rule.verbs[0].as_str())
        .collect()
}

fn one(verb: &str) -> PolicyRule {
    rule(&[verb], &[""], &["pods"])
}

#[test]
fn rules_are_ordered_by_selector_and_name_without_duplicates() {
    let all = [
        labeled(&["a"], cluster_role("z", &[one("1"), one("2")])),
        labeled(&["a", "b"], cluster_role("y", &[one("3"), one("1")])),
        labeled(&["b"], cluster_role("x", &[one("4")])),
        labeled(&["c"], cluster_role("w", &[one("5")])),
        labeled(&["a"], aggregating("self", &["b", "a"])),
    ];
    let rules = aggregated_rules(&all[4], &all).unwrap();
    let got: Vec<_> = rules.iter().map(|rule| rule.verbs[0].as_str()).collect();
    assert_eq!(got, ["4", "3", "1", "2"]);
    assert_eq!(aggregated_rules(&all[0], &all), None);
    assert_eq!(
        aggregated_rules(&aggregating("none", &[]), &all),
        Some(vec![])
    );
    // An empty list and an absent one are equal.
    let mut same = one("1");
    same.resource_names = Some(vec![]);
    let two = [
        labeled(&["a"], cluster_role("p", &[one("1")])),
        labeled(&["a"], cluster_role("q", &[same])),
    ];
    assert_eq!(
        aggregated_rules(&aggregating("g", &["a"]), &two)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn aggregated_roles_can_be_aggregated() {
    let mut roles = [
        aggregating("admin", &["admin"]),
        labeled(&["admin"], aggregating("edit", &["edit"])),
        labeled(&["edit"], aggregating("view", &["view"])),
        labeled(&["view"], cluster_role("look", &[one("get")])),
        labeled(&["edit"], cluster_role("touch", &[one("update")])),
    ];
    let mut changed = aggregate(&mut roles);
    changed.sort_unstable();
    assert_eq!(changed, [0, 1, 2]);
    assert_eq!(verbs(&roles[0]), ["update", "get"]);
    assert_eq!(verbs(&roles[1]), ["update", "get"]);
    assert_eq!(verbs(&roles[2]), ["get"]);
    assert!(aggregate(&mut roles).is_empty());
    // Rules of roles that are no longer selected are removed.
    roles[4].metadata.labels = None;
    assert_eq!(aggregate(&mut roles).len(), 2);
    assert_eq!(verbs(&roles[0]), ["get"]);
}

#[test]
fn cycles_terminate() {
    let mut roles = [
        labeled(&["b"], aggregating("a", &["a"])),
        labeled(&["a"], aggregating("b", &["b"])),
        labeled(&["a"], cluster_role("c", &[one("get")])),
    ];
    aggregate(&mut roles);
    assert_eq!(verbs(&roles[0]), ["get"]);
    assert_eq!(verbs(&roles[1]), ["get"]);
}
