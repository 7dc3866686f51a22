//! Scenarios about egress, and both directions together.

use serde_json::json;

use super::model::{Model, on_both};

const TCP: &[&str] = &["TCP"];
const NAME: &str = "kubernetes.io/metadata.name";

#[test]
fn should_deny_egress_from_pods_based_on_pod_selector() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress"], "egress": []});
        m.policy("x", "deny-egress-pod-a", &spec);
        m.table().set("x/a", "", false).check(80, "TCP");
    });
}

#[test]
fn should_deny_egress_from_all_pods_in_a_namespace() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        m.policy(
            "x",
            "deny-egress-ns-x",
            &json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": []}),
        );
        m.table().set("x/", "", false).check(80, "TCP");
    });
}

#[test]
fn should_work_with_ingress_egress_specified_together() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "x/b", "x/c", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress", "Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}],
            "egress": [{"ports": [{"port": 80}]}]});
        m.policy("x", "allow-client-a-via-pod-selector", &spec);
        m.table()
            .set("", "x/a", false)
            .set("x/b", "x/a", true)
            .check(80, "TCP");
        let table = m.table().set("", "x/a", false).set("x/a", "", false);
        table.set("x/b", "x/a", true).check(81, "TCP");
    });
}

#[test]
fn should_support_denying_of_egress_traffic_on_the_client_side_even_if_the_server_explicitly_allows_this_traffic()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a", "y/b"]);
        let peer = |namespace: &str| json!({"namespaceSelector": {"matchLabels": {NAME: namespace}}, "podSelector": {"matchLabels": {"pod": "a"}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress"],
            "egress": [{"to": [peer("y")]}]});
        m.policy("x", "allow-to-ns-y-pod-a", &spec);
        for pod in ["a", "b"] {
            let spec = json!({"podSelector": {"matchLabels": {"pod": pod}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [peer("x")]}]});
            m.policy(
                "y",
                &format!("allow-from-xa-on-y{pod}-match-selector"),
                &spec,
            );
        }
        let table = m.table().set("x/a", "", false).set("", "y/a", false);
        table
            .set("x/a", "y/a", true)
            .set("", "y/b", false)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_egress_policy_allowing_traffic_to_a_server_in_a_different_namespace_based_on_pod_selector_and_namespace_selector()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a", "y/b"]);
        let to = json!({"namespaceSelector": {"matchLabels": {NAME: "y"}}, "podSelector": {"matchLabels": {"pod": "a"}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress"],
            "egress": [{"to": [to]}]});
        m.policy("x", "allow-to-ns-y-pod-a", &spec);
        m.table()
            .set("x/a", "", false)
            .set("x/a", "y/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_policies_to_check_ingress_and_egress_policies_can_be_controlled_independently_based_on_pod_selector()
 {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "y/a"]);
        let target = json!({"matchLabels": {"pod": "a"}});
        m.policy(
            "x",
            "allow-egress-for-target",
            &json!({"podSelector": target, "policyTypes": ["Egress"], "egress": [{}]}),
        );
        m.table().check(80, "TCP");
        m.policy(
            "x",
            "deny-ingress-via-label-selector",
            &json!({"podSelector": target, "policyTypes": ["Ingress"]}),
        );
        m.table().set("", "x/a", false).check(80, "TCP");
    });
}
