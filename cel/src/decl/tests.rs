use serde_json::json;

use super::*;
use crate::types::Type;

#[test]
fn names_are_escaped_as_upstream() {
    for (name, escaped) in [
        ("", None),
        ("4a", None),
        ("a", Some("a")),
        ("a_b", Some("a_b")),
        ("a__b", Some("a__underscores__b")),
        ("a-b.c/d", Some("a__dash__b__dot__c__slash__d")),
        ("namespace", Some("__namespace__")),
        ("á", None),
        ("a b", None),
    ] {
        assert_eq!(escape(name).as_deref(), escaped, "{name}");
        if let Some(escaped) = escaped {
            assert_eq!(unescape(escaped).as_deref(), Some(name), "{escaped}");
        }
    }
    assert_eq!(unescape("a__nothing__b"), None);
    assert_eq!(unescape("a__if__"), None);
    assert_eq!(unescape("a__b").as_deref(), Some("a__b"));
}

fn decl(schema: &serde_json::Value) -> DeclType {
    decl_type(schema, SchemaRoot::Part, "self").unwrap()
}

#[test]
fn sizes_are_derived_from_limits_and_the_largest_request() {
    for (schema, max, min) in [
        (json!({"type": "string"}), 3_145_726, 2),
        (json!({"type": "string", "maxLength": 10}), 40, 2),
        (json!({"type": "string", "enum": ["a", "abc"]}), 3, 2),
        (
            json!({"type": "string", "format": "byte", "maxLength": 10}),
            10,
            2,
        ),
        (json!({"type": "string", "format": "date"}), 12, 12),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            1_048_575,
            2,
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}, "maxItems": 5}),
            5,
            2,
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            449_389,
            2,
        ),
        (json!({"x-kubernetes-int-or-string": true}), 3_145_726, 1),
        (
            json!({"type": "object", "required": ["ab"], "properties": {"ab": {"type": "boolean"}}}),
            0,
            12,
        ),
    ] {
        let decl = decl(&schema);
        assert_eq!((decl.max_elements, decl.min_size), (max, min), "{schema}");
    }
}

#[test]
fn unknown_data_is_not_declared() {
    for schema in [
        json!({"type": "array"}),
        json!({"x-kubernetes-preserve-unknown-fields": true}),
        json!({"type": "object", "additionalProperties": {}}),
    ] {
        assert_eq!(
            decl_type(&schema, SchemaRoot::Part, "self"),
            None,
            "{schema}"
        );
    }
    let mut deep = json!({"type": "string"});
    for _ in 0..300 {
        deep = json!({"type": "array", "items": deep});
    }
    assert_eq!(decl_type(&deep, SchemaRoot::Part, "self"), None);
}

#[test]
fn resources_have_names() {
    let decl = decl_type(
        &json!({"properties": {"a-b": {"type": "integer"}}}),
        SchemaRoot::Resource,
        "self",
    );
    let decl = decl.unwrap();
    let object = decl.as_object().unwrap();
    let names: Vec<_> = object.fields.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["a__dash__b", "apiVersion", "kind", "metadata"]);
    assert_eq!(
        Type::from(decl.step("metadata").unwrap().step("name").unwrap()),
        Type::String
    );
    assert_eq!(Type::from(&decl).to_string(), "self");
}

#[test]
fn parts_have_types_of_their_own() {
    let decl = decl(
        &json!({"type": "object", "required": ["list"], "properties": {
        "list": {"type": "array", "items": {"type": "integer"}},
        "a-b": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "a b": {"type": "integer"}, "any": {}}}),
    );
    let list = decl.field("list").and_then(DeclType::elements);
    assert_eq!(list, Some(&DeclType::int()));
    let map = decl.field("a-b").and_then(DeclType::elements);
    assert_eq!(map, Some(&DeclType::bool()));
    assert_eq!((decl.field("a b"), decl.field("any")), (None, None));
    // {"list":[]} and a comma
    assert_eq!(decl.max_occurrences(), 3 * 1024 * 1024 / 13);
}
