//! Scenarios in which policies, or labels of pods and namespaces, change.

use serde_json::json;

use super::model::{Model, on_both};

const TCP: &[&str] = &["TCP"];

#[test]
fn should_enforce_updated_policy() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]});
        m.policy("x", "allow-all-mutate-to-deny-all", &spec);
        m.table().check(81, "TCP");
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []});
        m.policy("x", "allow-all-mutate-to-deny-all", &spec);
        m.table().set("", "x/", false).check(81, "TCP");
    });
}

#[test]
fn should_allow_ingress_access_from_updated_namespace() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns2": "updated"}}}]}]});
        m.policy("x", "allow-client-a-via-ns-selector", &spec);
        m.table().set("", "x/a", false).check(80, "TCP");
        m.label_namespace("y", json!({"ns2": "updated"}));
        m.table()
            .set("", "x/a", false)
            .set("y/", "", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_allow_ingress_access_from_updated_pod() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b"]);
        let labels = json!({"pod": "b", "pod2": "updated"});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": labels}}]}]});
        m.policy("x", "allow-client-a-via-pod-selector", &spec);
        m.table().set("", "x/a", false).check(80, "TCP");
        m.label_pod("x/b", labels);
        m.table()
            .set("", "x/a", false)
            .set("x/b", "x/a", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_deny_ingress_access_to_updated_pod() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"target": "isolated"}}, "policyTypes": ["Ingress"]});
        m.policy("x", "deny-ingress-via-label-selector", &spec);
        m.table().check(80, "TCP");
        m.label_pod("x/a", json!({"target": "isolated"}));
        m.table().set("", "x/a", false).check(80, "TCP");
    });
}

#[test]
fn should_stop_enforcing_policies_after_they_are_deleted() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a"]);
        m.policy(
            "x",
            "deny-all",
            &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        );
        m.table()
            .set("x/", "", false)
            .set("", "x/", false)
            .check(80, "TCP");
        m.delete_policies();
        m.table().check(80, "TCP");
    });
}
