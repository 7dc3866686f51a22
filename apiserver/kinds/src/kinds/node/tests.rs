use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes, written};

#[test]
fn allocatable_defaults_to_capacity() {
    let node = defaulted(
        &NodeStrategy,
        &json!({"spec": {"podCIDR": "10.1.0.0/24"}, "status": {"capacity": {"cpu": "1.0001"}}}),
    );
    assert_eq!(
        written(&node.spec),
        json!({"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]})
    );
    let status = written(&node.status);
    assert_eq!(status["capacity"], json!({"cpu": "1001m"}));
    assert_eq!(status["allocatable"], status["capacity"]);
    assert_eq!(
        status["daemonEndpoints"],
        json!({"kubeletEndpoint": {"Port": 0}})
    );
}

fn spec(spec: &Value) -> Vec<String> {
    mistakes(&NodeStrategy, &json!({"spec": spec}))
}

#[test]
fn taints_have_an_effect_and_are_unique() {
    let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
    assert_eq!(
        spec(&json!({"taints": [taint("a", "NoSchedule"), taint("a", "NoExecute")]})),
        Vec::<String>::new()
    );
    assert_eq!(
        spec(&json!({"taints": [taint("a", ""), taint("a", "X"), taint("a", "X")]})),
        [
            "metadata.taints[0].effect: Required value",
            "metadata.taints[1].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            "metadata.taints[2].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            "metadata.taints[2]: Duplicate value: core.Taint{Key:\"a\", Value:\"\", Effect:\"X\", TimeAdded:<nil>}: taints must be unique by key and effect pair",
        ]
    );
}

#[test]
fn networks_are_one_of_each_family() {
    for (networks, texts) in [
        (json!(["10.0.0.0/8", "fd00::/8"]), vec![]),
        (
            json!(["x"]),
            vec![
                "[0]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            json!(["10.0.0.0/8", "10.0.0.0/8"]),
            vec![
                ": Invalid value: []string{\"10.0.0.0/8\", \"10.0.0.0/8\"}: may specify no more than one CIDR for each IP family",
                "[1]: Duplicate value: \"10.0.0.0/8\"",
            ],
        ),
    ] {
        let texts: Vec<_> = texts.iter().map(|t| format!("spec.podCIDRs{t}")).collect();
        assert_eq!(spec(&json!({"podCIDRs": networks})), texts);
    }
}

#[test]
fn identity_is_set_once() {
    let old = json!({"spec": {"podCIDR": "10.0.0.0/24", "providerID": "p"}});
    let new = json!({"spec": {"podCIDR": "10.0.1.0/24", "providerID": "q", "unschedulable": true}});
    assert_eq!(
        update_mistakes(&NodeStrategy, &new, &old),
        [
            "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid",
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid",
            "[]: Forbidden: node updates may only change labels, taints, or capacity",
        ]
    );
    assert_eq!(
        update_mistakes(&NodeStrategy, &old, &json!({})),
        Vec::<String>::new()
    );
}

#[test]
fn a_status_update_leaves_the_spec() {
    let old = defaulted(&NodeStrategy, &json!({"spec": {"unschedulable": true}}));
    let mut new = defaulted(
        &NodeStrategy,
        &json!({"status": {"addresses": [{"type": "A", "address": "x"}, {"type": "A", "address": "x"}]}}),
    );
    NodeStrategy.prepare_status_update(&mut new, &old);
    assert_eq!(new.spec, old.spec);
    let errors = NodeStrategy.validate_status_update(&new, &old);
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["status.addresses[1]: Duplicate value: core.NodeAddress{Type:\"A\", Address:\"x\"}"]
    );
}

#[test]
fn rows_show_state_and_roles() {
    let node = defaulted(
        &NodeStrategy,
        &json!({
            "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge"}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
        }),
    );
    let cells = NodeStrategy.cells(&node);
    assert_eq!(cells[1], Cell::text("Ready,SchedulingDisabled"));
    assert_eq!(cells[2], Cell::text("edge,worker"));
    assert_eq!(
        cells[5..8],
        ["10.0.0.1", "<none>", "<unknown>"].map(Cell::text)
    );
    assert_eq!(NodeStrategy.field_values(&node), ["true"]);
}

#[test]
fn a_change_of_protected_fields_is_reported_as_a_whole_as_well() {
    let node =
        |id: &str| json!({"spec": {"providerID": id, "taints": [{"key": "a", "effect": "X"}]}});
    let found = update_mistakes(&NodeStrategy, &node("b"), &node("a"));
    let taint = "metadata.taints[0].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"";
    assert_eq!(
        found,
        [
            taint,
            taint,
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid",
            "[]: Forbidden: node updates may only change labels, taints, or capacity",
        ]
    );
}
