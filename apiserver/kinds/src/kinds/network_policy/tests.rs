use serde_json::json;

use super::*;
use crate::kinds::testing::{defaulted, mistakes, written};

#[test]
fn types_follow_the_rules_given() {
    for (spec, types) in [
        (json!(null), vec!["Ingress"]),
        (json!({"podSelector": null}), vec!["Ingress"]),
        (json!({"egress": [{}]}), vec!["Ingress", "Egress"]),
        (
            json!({"egress": [{}], "policyTypes": ["Egress"]}),
            vec!["Egress"],
        ),
    ] {
        let policy = defaulted(&NetworkPolicyStrategy, &json!({"spec": spec}));
        let spec = written(&policy.spec);
        assert_eq!(spec["policyTypes"], json!(types));
        assert_eq!(
            spec["podSelector"],
            json!({}),
            "an empty selector is written"
        );
    }
    let ports = json!({"spec": {"ingress": [{"ports": [{"port": 80}]}]}});
    let policy = defaulted(&NetworkPolicyStrategy, &ports);
    assert_eq!(
        written(&policy.spec)["ingress"],
        json!([{"ports": [{"port": 80, "protocol": "TCP"}]}])
    );
}

#[test]
fn ports_are_numbers_names_or_ranges() {
    let path = "spec.ingress[0].ports[0]";
    for (port, texts) in [
        (json!({"port": "http", "protocol": "UDP"}), vec![]),
        (json!({"port": 80, "endPort": 90}), vec![]),
        (
            json!({"port": 0, "protocol": "ICMP"}),
            vec![
                "protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
                "port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            json!({"port": 80, "endPort": 79}),
            vec!["endPort: Invalid value: 80: must be greater than or equal to `port`"],
        ),
        (
            json!({"port": "http", "endPort": 79}),
            vec!["endPort: Invalid value: 79: may not be specified when `port` is non-numeric"],
        ),
        (
            json!({"endPort": 79}),
            vec!["endPort: Invalid value: 79: may not be specified when `port` is not specified"],
        ),
    ] {
        let policy = json!({"spec": {"ingress": [{"ports": [port]}]}});
        let texts: Vec<_> = texts.iter().map(|t| format!("{path}.{t}")).collect();
        assert_eq!(mistakes(&NetworkPolicyStrategy, &policy), texts, "{policy}");
    }
}

#[test]
fn peers_are_selected_or_addressed() {
    let path = "spec.egress[0].to[0]";
    for (peer, texts) in [
        (json!({"podSelector": {}, "namespaceSelector": {}}), vec![]),
        (
            json!({"podSelector": null}),
            vec![": Required value: must specify a peer"],
        ),
        (
            json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
            vec![": Forbidden: may not specify both ipBlock and another peer"],
        ),
        (
            json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16", "10.0.0.0/8"]}}),
            vec![
                ".ipBlock.except[1]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
                ".ipBlock.except[2]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`",
            ],
        ),
        (
            json!({"ipBlock": {"cidr": "10.0.0.0"}}),
            vec![".ipBlock.cidr: Invalid value: \"10.0.0.0\": not a valid CIDR"],
        ),
        (
            json!({"ipBlock": {}}),
            vec![".ipBlock.cidr: Required value"],
        ),
        (
            json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            vec![
                ".podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
            ],
        ),
    ] {
        let policy = json!({"spec": {"egress": [{"to": [peer]}]}});
        let texts: Vec<_> = texts.iter().map(|t| format!("{path}{t}")).collect();
        assert_eq!(mistakes(&NetworkPolicyStrategy, &policy), texts, "{policy}");
    }
}

#[test]
fn rows_show_the_selector() {
    for (selector, cell) in [
        (json!({}), "<none>"),
        (
            json!({"matchLabels": {"b": "c"}, "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["y", "x"]}, {"key": "d", "operator": "DoesNotExist"}]}),
            "a in (x,y),b=c,!d",
        ),
    ] {
        let policy = json!({"spec": {"podSelector": selector}});
        let policy = defaulted(&NetworkPolicyStrategy, &policy);
        assert_eq!(NetworkPolicyStrategy.cells(&policy)[1], Cell::text(cell));
    }
}
