//! Scenarios about ports: by number, by name, and policies that add up.

use serde_json::{Value, json};

use super::model::{Model, on_both};

const TCP: &[&str] = &["TCP"];
const NAME: &str = "kubernetes.io/metadata.name";

/// From the namespace y, to a port of the pods a.
fn from_y(port: &Value) -> Value {
    json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME: "y"}}}], "ports": [port]}]})
}

#[test]
fn should_enforce_policy_based_on_ports() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[81], &["x/a", "x/b", "y/a", "y/b", "z/a"]);
        m.policy(
            "x",
            "allow-client-a-via-ns-selector",
            &from_y(&json!({"port": 81, "protocol": "TCP"})),
        );
        let table = m.table().set("x/", "x/a", false).set("y/", "x/a", true);
        table.set("z/", "x/a", false).check(81, "TCP");
    });
}

#[test]
fn should_enforce_multiple_stacked_policies_with_overlapping_pod_selectors() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "x/b", "y/a", "y/b", "z/a"]);
        m.policy(
            "x",
            "allow-client-a-via-ns-selector",
            &from_y(&json!({"port": 81, "protocol": "TCP"})),
        );
        let from_y_alone = |m: &Model, port| {
            let table = m.table().set("x/", "x/a", false).set("y/", "x/a", true);
            table.set("z/", "x/a", false).check(port, "TCP");
        };
        from_y_alone(&m, 81);
        m.table().set("", "x/a", false).check(80, "TCP");
        m.policy(
            "x",
            "allow-client-a-via-ns-selector-80",
            &from_y(&json!({"port": 80, "protocol": "TCP"})),
        );
        from_y_alone(&m, 80);
    });
}

#[test]
fn should_support_allow_all_policy() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "x/b", "y/a"]);
        m.policy(
            "x",
            "allow-all",
            &json!({"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]}),
        );
        m.table().check(80, "TCP");
        m.table().check(81, "TCP");
    });
}

#[test]
fn should_allow_ingress_access_on_one_named_port() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "x/b", "y/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": "serve-81-tcp"}]}]});
        m.policy("x", "allow-all", &spec);
        m.table().check(81, "TCP");
        m.table().set("", "x/", false).check(80, "TCP");
    });
}

#[test]
fn should_allow_ingress_access_from_namespace_on_one_named_port() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "x/b", "y/a", "z/a"]);
        let port = json!({"port": "serve-80-tcp", "protocol": "TCP"});
        m.policy("x", "allow-client-a-via-ns-selector-80", &from_y(&port));
        m.table()
            .set("x/", "x/a", false)
            .set("z/", "x/a", false)
            .check(80, "TCP");
        m.table().set("", "x/a", false).check(81, "TCP");
    });
}

#[test]
fn should_allow_egress_access_on_one_named_port() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80, 81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": "serve-80-tcp"}]}]});
        m.policy("x", "allow-egress", &spec);
        m.table().check(80, "TCP");
        m.table().set("x/", "", false).check(81, "TCP");
    });
}

#[test]
fn should_enforce_multiple_ingress_policies_with_ingress_allow_all_policy_taking_precedence() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80}]}]});
        m.policy("x", "allow-ingress-port-80", &spec);
        m.table().set("", "x/", false).check(81, "TCP");
        m.policy(
            "x",
            "allow-ingress",
            &json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}),
        );
        m.table().check(81, "TCP");
    });
}

#[test]
fn should_enforce_multiple_egress_policies_with_egress_allow_all_policy_taking_precedence() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 80}]}]});
        m.policy("x", "allow-egress-port-80", &spec);
        m.table().set("x/", "", false).check(81, "TCP");
        m.policy(
            "x",
            "allow-egress",
            &json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}),
        );
        m.table().check(81, "TCP");
    });
}
