use serde_json::{Value, json};

use super::*;
use crate::testing::schema;

fn defaulted(of: Value, mut object: Value) -> Value {
    let schema = schema(of);
    schema.default(&mut object).unwrap();
    schema.drop_nulls(&mut object);
    object
}

#[test]
fn missing_fields_and_those_of_defaults_are_defaulted() {
    let of = json!({"type": "object", "properties": {
        "a": {"type": "object", "default": {}, "properties": {"b": {"type": "integer", "default": 3}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string", "default": "y"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "string", "default": "y"}}}},
    }});
    assert_eq!(
        defaulted(of, json!({"list": [{}, {"x": "z"}], "map": {"k": {}}})),
        json!({"a": {"b": 3}, "list": [{"x": "y"}, {"x": "z"}], "map": {"k": {"x": "y"}}})
    );
}

#[test]
fn null_is_replaced_dropped_or_kept() {
    let of = json!({"type": "object", "properties": {
        "defaulted": {"type": "string", "default": "d"},
        "nullable": {"type": "string", "nullable": true, "default": "d"},
        "dropped": {"type": "string"},
        "list": {"type": "array", "items": {"type": "string", "default": "i"}},
        "bare": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"x-kubernetes-preserve-unknown-fields": true},
    }});
    let object = json!({
        "defaulted": null, "nullable": null, "dropped": null, "list": [null], "bare": [null],
        "map": {"k": null, "l": "x"}, "free": {"k": null}, "unknown": null,
    });
    assert_eq!(
        defaulted(of, object),
        json!({
            "defaulted": "d", "nullable": null, "list": ["i"], "bare": [null],
            "map": {"l": "x"}, "free": {"k": null}, "unknown": null,
        })
    );
}

#[test]
fn the_size_of_defaults_is_limited() {
    let long = "x".repeat(100_000);
    let of = json!({"type": "array", "items": {"type": "object", "properties": {
        "x": {"type": "string", "default": long},
    }}});
    let mut object = Value::Array(vec![json!({}); 1000]);
    assert_eq!(schema(of).default(&mut object), Err(TooManyDefaults));
    let large: Vec<u32> = (0..1000).collect();
    let of = json!({"type": "array", "items": {"type": "object", "properties": {
        "x": {"type": "array", "items": {"type": "integer"}, "default": large},
    }}});
    let mut object = Value::Array(vec![json!({}); 1000]);
    assert_eq!(schema(of).default(&mut object), Err(TooManyDefaults));
}
