use serde_json::json;

use super::*;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

#[test]
fn keys_are_valid_and_unique() {
    let key = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    for (object, texts) in [
        (
            json!({"data": {"a.b": "x"}, "binaryData": {"c": "eA=="}}),
            vec![],
        ),
        (
            json!({"data": {"a b": "x"}}),
            vec![format!("data[a b]: Invalid value: \"a b\": {key}")],
        ),
        (
            json!({"data": {"a": "x"}, "binaryData": {"a": "eA=="}}),
            vec!["data[a]: Invalid value: \"a\": duplicate of key present in binaryData".into()],
        ),
        (
            json!({"data": {"a": "x".repeat(MAX_SIZE), "b": "y"}}),
            vec![": Too long: must have at most 1048576 bytes".into()],
        ),
    ] {
        assert_eq!(mistakes(&ConfigMapStrategy, &object), texts);
    }
}

#[test]
fn an_immutable_map_cannot_change() {
    let old = json!({"immutable": true, "data": {"a": "x"}});
    for (new, texts) in [
        (old.clone(), vec![]),
        (
            json!({"data": {"a": "x"}}),
            vec!["immutable: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            json!({"immutable": true, "binaryData": {"a": "eA=="}}),
            vec![
                "data: Forbidden: field is immutable when `immutable` is set",
                "binaryData: Forbidden: field is immutable when `immutable` is set",
            ],
        ),
    ] {
        assert_eq!(
            update_mistakes(&ConfigMapStrategy, &new, &old),
            texts,
            "{new}"
        );
    }
    let thawed = json!({"data": {"a": "x"}});
    assert!(update_mistakes(&ConfigMapStrategy, &old, &thawed).is_empty());
}

#[test]
fn the_table_counts_text_and_bytes() {
    let object = json!({"data": {"a": "x", "b": ""}, "binaryData": {"c": "eA=="}});
    let cells = ConfigMapStrategy.cells(&defaulted(&ConfigMapStrategy, &object));
    assert_eq!(cells[1], Cell::integer(3));
}
