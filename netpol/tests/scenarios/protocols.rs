//! Scenarios about protocols, and those that upstream repeats with UDP and SCTP.

use serde_json::json;

use super::model::{Model, on_both};

const NAME: &str = "kubernetes.io/metadata.name";

#[test]
fn should_enforce_ingress_policy_allowing_any_port_traffic_to_a_server_on_a_specific_protocol() {
    on_both(|family| {
        let mut m = Model::new(family, &["TCP", "UDP"], &[80], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP"}]}]});
        m.policy("x", "allow-ingress-by-proto", &spec);
        m.table().check(80, "TCP");
        m.table().set("", "x/a", false).check(80, "UDP");
    });
}

#[test]
fn should_not_mistakenly_treat_protocol_sctp_as_protocol_tcp_even_if_the_plugin_doesnt_support_sctp()
 {
    on_both(|family| {
        let mut m = Model::new(family, &["TCP"], &[81], &["x/a", "y/a"]);
        m.policy(
            "x",
            "deny-ingress",
            &json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
        );
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 81, "protocol": "SCTP"}]}]});
        m.policy("x", "allow-only-sctp-ingress-on-port-81", &spec);
        m.table().set("", "x/", false).check(81, "TCP");
    });
}

#[test]
fn should_properly_isolate_pods_that_are_selected_by_a_policy_allowing_sctp_even_if_the_plugin_doesnt_support_sctp()
 {
    on_both(|family| {
        let mut m = Model::new(family, &["TCP"], &[81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 80, "protocol": "SCTP"}]}]});
        m.policy("x", "allow-only-sctp-ingress-on-port-80", &spec);
        m.table().set("", "x/a", false).check(81, "TCP");
    });
}

#[test]
fn should_not_allow_access_by_tcp_when_a_policy_specifies_only_udp() {
    on_both(|family| {
        let mut m = Model::new(family, &["TCP"], &[81], &["x/a", "y/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 81, "protocol": "UDP"}]}]});
        m.policy("x", "allow-only-udp-ingress-on-port-81", &spec);
        m.table().set("", "x/a", false).check(81, "TCP");
    });
}

fn default_deny_ingress(protocol: &str) {
    on_both(|family| {
        let mut m = Model::new(family, &[protocol], &[80], &["x/a", "x/b", "y/a", "y/b"]);
        m.policy(
            "x",
            "deny-all",
            &json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
        );
        m.table().set("", "x/", false).check(80, protocol);
    });
}

fn based_on_ports(protocol: &str) {
    on_both(|family| {
        let mut m = Model::new(family, &[protocol], &[81], &["x/a", "x/b", "y/a", "z/a"]);
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME: "y"}}}],
                "ports": [{"port": 81, "protocol": protocol}]}]});
        m.policy("x", "allow-ingress-on-port-81-ns-x", &spec);
        m.table()
            .set("x/", "x/a", false)
            .set("z/", "x/a", false)
            .check(81, protocol);
    });
}

fn from_a_pod_in_a_different_namespace(protocol: &str) {
    on_both(|family| {
        let mut m = Model::new(family, &[protocol], &[80], &["x/a", "x/b", "y/a"]);
        let from = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "namespaceSelector": {"matchLabels": {NAME: "y"}}});
        let spec = json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [from]}]});
        m.policy("x", "allow-ns-y-pod-a-via-namespace-pod-selector", &spec);
        m.table()
            .set("", "x/a", false)
            .set("y/a", "x/a", true)
            .check(80, protocol);
    });
}

#[test]
fn udp_should_support_a_default_deny_ingress_policy() {
    default_deny_ingress("UDP");
}

#[test]
fn udp_should_enforce_policy_based_on_ports() {
    based_on_ports("UDP");
}

#[test]
fn udp_should_enforce_policy_to_allow_traffic_only_from_a_pod_in_a_different_namespace_based_on_pod_selector_and_namespace_selector()
 {
    from_a_pod_in_a_different_namespace("UDP");
}

#[test]
fn sctp_should_support_a_default_deny_ingress_policy() {
    default_deny_ingress("SCTP");
}

#[test]
fn sctp_should_enforce_policy_based_on_ports() {
    based_on_ports("SCTP");
}

#[test]
fn sctp_should_enforce_policy_to_allow_traffic_only_from_a_pod_in_a_different_namespace_based_on_pod_selector_and_namespace_selector()
 {
    from_a_pod_in_a_different_namespace("SCTP");
}
