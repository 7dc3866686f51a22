//! Scenarios about the pods that policies select, and their peers.

use serde_json::json;

use super::model::{Model, on_both};

const TCP: &[&str] = &["TCP"];
const NAME: &str = "kubernetes.io/metadata.name";

#[test]
fn should_support_a_default_deny_ingress_policy() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "y/b"]);
        m.policy(
            "x",
            "deny-ingress",
            &json!({"podSelector": {}, "ingress": [], "policyTypes": ["Ingress"]}),
        );
        m.table().set("", "x/", false).check(80, "TCP");
    });
}

#[test]
fn should_support_a_default_deny_all_policy() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        let spec = json!({"podSelector": {}, "ingress": [], "egress": [], "policyTypes": ["Ingress", "Egress"]});
        m.policy("x", "deny-all", &spec);
        m.table()
            .set("", "x/", false)
            .set("x/", "", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_traffic_from_pods_within_server_namespace_based_on_pod_selector()
{
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "x/c", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}]});
        m.policy("x", "x-a-allows-x-b", &spec);
        m.table()
            .set("", "x/a", false)
            .set("x/b", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_ingress_traffic_for_a_target() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        m.policy(
            "x",
            "deny-all",
            &json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
        );
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}]});
        m.policy("x", "allow-all-to-a", &spec);
        m.table()
            .set("", "x/a", true)
            .set("", "x/b", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_ingress_traffic_from_pods_in_all_namespaces() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {}}}]}]});
        m.policy("x", "allow-from-another-ns", &spec);
        m.table().check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_traffic_only_from_a_different_namespace_based_on_namespace_selector()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME: "y"}}}]}]});
        m.policy("x", "allow-client-a-via-ns-selector", &spec);
        m.table()
            .set("x/", "x/a", false)
            .set("z/", "x/a", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_pod_selector_with_match_expressions() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        let from = json!({"podSelector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b"]}]}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "x-a-allows-x-b", &spec);
        m.table()
            .set("", "x/a", false)
            .set("x/b", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_namespace_selector_with_match_expressions() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let from = json!({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "In", "values": ["y"]}]}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "allow-ns-y-match-selector", &spec);
        m.table()
            .set("x/", "x/a", false)
            .set("z/", "x/a", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_pod_selector_or_namespace_selector() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "x/c", "y/a"]);
        let other = json!({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["x"]}]}});
        let b = json!({"podSelector": {"matchLabels": {"pod": "b"}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [other, b]}]});
        m.policy("x", "allow-ns-y-match-selector", &spec);
        m.table()
            .set("x/a", "x/a", false)
            .set("x/c", "x/a", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_pod_selector_and_namespace_selector() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "y/b", "z/b"]);
        let from = json!({"podSelector": {"matchLabels": {"pod": "b"}},
            "namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["x"]}]}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "allow-ns-y-podselector-and-nsselector", &spec);
        let table = m.table().set("", "x/a", false);
        table
            .set("y/b", "x/a", true)
            .set("z/b", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_multiple_pod_selectors_and_namespace_selectors() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "y/b", "y/c"]);
        let from = json!({"podSelector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b", "c"]}]},
            "namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["x"]}]}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "allow-ns-y-z-pod-b-c", &spec);
        m.table()
            .set("x/", "x/a", false)
            .set("y/a", "x/a", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_any_pod_selectors() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "x/c"]);
        let pod = |name: &str| json!({"podSelector": {"matchLabels": {"pod": name}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [pod("b"), pod("c")]}]});
        m.policy("x", "allow-ns-x-pod-b-c", &spec);
        let table = m.table().set("", "x/a", false);
        table
            .set("x/b", "x/a", true)
            .set("x/c", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_traffic_only_from_a_pod_in_a_different_namespace_based_on_pod_selector_and_namespace_selector()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "y/b", "z/a"]);
        let from = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "namespaceSelector": {"matchLabels": {NAME: "y"}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "allow-ns-y-pod-a-via-namespace-pod-selector", &spec);
        m.table()
            .set("", "x/a", false)
            .set("y/a", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_deny_ingress_from_pods_on_other_namespaces() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {}}}]}]});
        m.policy("x", "deny-empty-policy", &spec);
        m.table()
            .set("y/", "x/", false)
            .set("z/", "x/", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_to_allow_traffic_based_on_namespace_selector_with_match_labels_using_default_ns_label()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME: "y"}}}]}]});
        m.policy(
            "x",
            "allow-client-a-via-ns-selector-for-immutable-ns-label",
            &spec,
        );
        m.table()
            .set("x/", "x/a", false)
            .set("z/", "x/a", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policy_based_on_namespace_selector_with_match_expressions_using_default_ns_label()
{
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a", "z/a"]);
        let to = json!({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["y"]}]}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress"],
            "egress": [{"to": [to]}]});
        m.policy(
            "x",
            "allow-ns-y-match-selector-for-immutable-ns-label",
            &spec,
        );
        m.table().set("x/a", "y/", false).check(80, "TCP");
    });
}
