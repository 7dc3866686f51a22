use serde_json::{Value, json};

use super::*;
use crate::testing::{props, schema};

#[test]
fn equal_parts_are_one_node() {
    let part = json!({"type": "object", "properties": {"x": {"type": "string", "maxLength": 3}}});
    let one = schema(json!({"type": "object", "properties": {"a": part}}));
    let many = schema(json!({"type": "object", "properties": {"a": part, "b": part, "c": part}}));
    assert_eq!(one.len(), 3);
    assert_eq!(many.len(), 3);
}

#[test]
fn unsupported_keywords_are_rejected() {
    for (value, error) in [
        (json!({"$ref": "#/x"}), CompileError::Unsupported("$ref")),
        (
            json!({"items": [{"type": "string"}]}),
            CompileError::ItemsArray,
        ),
        (
            json!({"type": "null"}),
            CompileError::UnknownType("null".into()),
        ),
    ] {
        assert_eq!(Schema::compile(&props(value)).unwrap_err(), error);
    }
}

#[test]
fn depth_and_size_are_limited() {
    let nest = |levels| {
        (0..levels).fold(
            json!({"type": "string"}),
            |inner: Value, _| json!({"type": "array", "items": inner}),
        )
    };
    assert!(Schema::compile(&props(nest(100))).is_ok());
    assert_eq!(
        Schema::compile(&props(nest(DEPTH_MAX))).unwrap_err(),
        CompileError::TooDeep
    );
}

#[test]
fn a_schema_takes_a_fraction_of_the_size_of_its_text() {
    let field = |i: usize| {
        (
            format!("field{i}"),
            json!({"type": "string", "description": "x".repeat(200), "pattern": "^[a-z]+$"}),
        )
    };
    let properties: serde_json::Map<String, Value> = (0..300).map(field).collect();
    let value = json!({"type": "object", "properties": properties});
    let text = value.to_string().len();
    let memory = schema(value).memory();
    assert!(memory < 8 << 10 && memory * 8 < text, "{memory} of {text}");
}
