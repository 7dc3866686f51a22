use serde_json::{Value, json};

use crate::testing::schema;

fn pruned(of: Value, mut object: Value) -> (Value, Vec<String>) {
    let dropped = schema(of).prune(&mut object);
    (object, dropped)
}

#[test]
fn unknown_fields_are_dropped_and_reported() {
    let of = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "a": {"type": "string"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "any": {"type": "object", "additionalProperties": true},
        }},
    }});
    let object = json!({
        "apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "odd": 1}, "extra": 1,
        "spec": {"a": "x", "b": 1, "list": [{"x": 1, "y": 2}], "map": {"k": {"x": 1, "y": 2}}, "any": {"k": {"y": 1}, "l": 2}},
    });
    let (object, dropped) = pruned(of, object);
    assert_eq!(
        dropped,
        [
            "extra",
            "spec.any.k.y",
            "spec.b",
            "spec.list[0].y",
            "spec.map.k.y"
        ]
    );
    assert_eq!(
        object,
        json!({
            "apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "odd": 1},
            "spec": {"a": "x", "list": [{"x": 1}], "map": {"k": {"x": 1}}, "any": {"k": {}, "l": 2}},
        })
    );
}

#[test]
fn preserving_nodes_keep_unknown_fields_except_in_declared_ones() {
    let of = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "known": {"type": "object", "properties": {"a": {"type": "string"}}},
        "list": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items": {"type": "object", "properties": {
            "strict": {"type": "object", "properties": {"a": {"type": "string"}}},
        }}},
    }});
    let object = json!({"known": {"a": "x", "b": 1}, "other": {"b": 1}, "list": [{"y": 1, "strict": {"a": "x", "b": 1}}]});
    let (object, dropped) = pruned(of, object);
    assert_eq!(dropped, ["known.b", "list[0].strict.b"]);
    assert_eq!(
        object,
        json!({"known": {"a": "x"}, "other": {"b": 1}, "list": [{"y": 1, "strict": {"a": "x"}}]})
    );
}

#[test]
fn embedded_resources_keep_their_metadata() {
    let of = json!({"type": "object", "properties": {"template": {
        "type": "object", "x-kubernetes-embedded-resource": true,
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }}});
    let template = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}, "spec": {"b": 1}, "status": {}});
    let (object, dropped) = pruned(of, json!({"template": template}));
    assert_eq!(dropped, ["template.spec.b", "template.status"]);
    assert_eq!(object["template"]["metadata"], json!({"name": "n"}));
}
