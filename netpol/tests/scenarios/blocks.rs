//! Scenarios about blocks of addresses.

use serde_json::{Value, json};

use super::model::{Model, on_both};

const TCP: &[&str] = &["TCP"];

/// From the pods `a`, to a block.
fn to_block(block: &Value) -> Value {
    json!({"podSelector": {"matchLabels": {"pod": "a"}}, "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": block}]}]})
}

#[test]
fn should_allow_egress_access_to_server_in_cidr_block() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "y/a", "y/b"]);
        let spec = to_block(&json!({"cidr": m.block_of("y/b")}));
        m.policy("x", "allow-client-a-via-cidr-egress-rule", &spec);
        m.table()
            .set("x/a", "", false)
            .set("x/a", "y/b", true)
            .check(80, "TCP");
    });
}

#[test]
fn should_enforce_except_clause_while_egress_access_to_server_in_cidr_block() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "x/c"]);
        let spec = to_block(&json!({"cidr": m.large_block(), "except": [m.block_of("x/b")]}));
        m.policy("x", "allow-client-a-via-cidr-egress-rule", &spec);
        m.table().set("x/a", "x/b", false).check(80, "TCP");
    });
}

#[test]
fn should_ensure_an_ip_overlapping_both_ip_block_cidr_and_ip_block_except_is_allowed() {
    on_both(|family| {
        let mut m = Model::new(family, TCP, &[80], &["x/a", "x/b", "x/c"]);
        let spec = to_block(&json!({"cidr": m.large_block(), "except": [m.block_of("x/b")]}));
        m.policy("x", "allow-client-a-via-cidr-egress-rule", &spec);
        m.table().set("x/a", "x/b", false).check(80, "TCP");
        let spec = to_block(&json!({"cidr": m.block_of("x/b")}));
        m.policy("x", "allow-client-a-via-cidr-egress-rule", &spec);
        m.table()
            .set("x/a", "", false)
            .set("x/a", "x/b", true)
            .check(80, "TCP");
    });
}
