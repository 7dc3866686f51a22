use portcullis_api::decode::decode;

use super::*;

fn spec(schema: &Value) -> CustomResourceDefinitionSpec {
    let spec = json!({
        "group": "stable.example.com", "scope": "Namespaced",
        "names": {"kind": "CronTab", "listKind": "CronTabList", "plural": "crontabs"},
        "versions": [{
            "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "selectableFields": [{"jsonPath": ".spec.a"}],
        }],
    });
    decode(&spec).unwrap().value
}

fn published(schema: &Value, form: Form) -> Value {
    let mut value = object_schema(&spec(schema), "v1", form).unwrap();
    for name in ["apiVersion", "kind", "metadata"] {
        if let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) {
            assert!(properties.remove(name).is_some(), "{name}");
        }
    }
    value
}

#[test]
fn v3_keeps_everything_and_v2_what_it_supports() {
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "description": "what is wanted", "required": ["a", "n"],
        "properties": {
            "a": {"type": "string", "maxLength": 3, "nullable": false, "enum": []},
            "n": {"type": "object", "nullable": true, "properties": {"x": {"type": "string"}}},
            "p": {"x-kubernetes-int-or-string": true},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
        "oneOf": [{"required": ["a"]}],
    }}});
    let v3 = published(&schema, Form::V3);
    assert_eq!(
        v3,
        json!({
            "type": "object",
            "x-kubernetes-group-version-kind": [{"group": "stable.example.com", "version": "v1", "kind": "CronTab"}],
            "x-kubernetes-selectable-fields": [{"fieldPath": "spec.a"}],
            "properties": {"spec": {
                "type": "object", "description": "what is wanted", "required": ["a", "n"],
                "properties": {
                    "a": {"type": "string", "maxLength": 3},
                    "n": {"type": "object", "nullable": true, "properties": {"x": {"type": "string"}}},
                    "p": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
                "oneOf": [{"required": ["a"]}],
            }},
        })
    );
    assert_eq!(
        published(&schema, Form::V2)["properties"]["spec"],
        json!({
            "type": "object", "description": "what is wanted", "required": ["a"],
            "properties": {
                "a": {"type": "string", "maxLength": 3},
                "n": {},
                "p": {"x-kubernetes-int-or-string": true},
                "any": {"x-kubernetes-preserve-unknown-fields": true},
            },
        })
    );
}

/// The cases of upstream's `conversion_test.go`.
#[test]
fn v2_requires_nothing_that_may_be_null() {
    let text = json!({"type": "string"});
    let maybe = json!({"type": "string", "nullable": true});
    let list = json!({"type": "array", "items": text});
    let published = |schema: &Value| {
        let schema = json!({"type": "object", "properties": {"field": schema}});
        published(&schema, Form::V2)["properties"]["field"].clone()
    };
    for (schema, expected) in [
        (
            json!({"type": "object", "required": ["a", "c"], "properties": {"a": maybe, "b": maybe, "c": text}}),
            json!({"type": "object", "required": ["c"], "properties": {"a": {}, "b": {}, "c": text}}),
        ),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": maybe}}),
            json!({"type": "object", "properties": {"a": {}}}),
        ),
        // the entries of a map are its fields
        (
            json!({"type": "object", "required": ["a", "c"], "additionalProperties": maybe}),
            json!({"type": "object", "additionalProperties": {}}),
        ),
        (
            json!({"type": "object", "required": ["a", "c"], "additionalProperties": text}),
            json!({"type": "object", "required": ["a", "c"], "additionalProperties": text}),
        ),
        // which of them may be null is not known without the fields
        (
            json!({"type": "object", "nullable": true, "required": ["a", "c"], "properties": {"a": maybe, "c": text}}),
            json!({"required": ["a", "c"]}),
        ),
        (
            json!({"type": "array", "nullable": true, "items": text, "maxItems": 3}),
            json!({"maxItems": 3}),
        ),
        (
            json!({"type": "array", "items": {"type": "object", "nullable": true, "required": ["a"], "properties": {"a": text}}}),
            json!({"type": "array", "items": {"required": ["a"]}}),
        ),
        (
            json!({"type": "object", "nullable": true, "additionalProperties": list}),
            json!({"additionalProperties": list}),
        ),
        (
            json!({"type": "object", "required": ["a"], "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": maybe}}),
            json!({"required": ["a"], "x-kubernetes-preserve-unknown-fields": true}),
        ),
    ] {
        assert_eq!(published(&schema), expected, "{schema}");
    }
}

#[test]
fn schemas_that_preserve_everything_declare_nothing_in_v2() {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "string"}}});
    let v2 = object_schema(&spec(&schema), "v1", Form::V2).unwrap();
    assert_eq!(v2["type"], "object");
    assert!(v2.get("properties").is_none());
    let broken = json!({"type": "object", "properties": {"a": {}}});
    assert!(
        object_schema(&spec(&broken), "v1", Form::V3)
            .unwrap()
            .get("properties")
            .is_none()
    );
}

#[test]
fn embedded_resources_and_lists_refer_to_metadata() {
    let template = json!({"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"x": {"type": "string"}}});
    let schema = json!({"type": "object", "properties": {"template": template}});
    let v3 = published(&schema, Form::V3);
    let template = &v3["properties"]["template"];
    assert_eq!(template["required"], json!(["kind", "apiVersion"]));
    let reference = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let metadata = &template["properties"]["metadata"];
    assert_eq!(metadata["allOf"], json!([{"$ref": reference}]));
    assert_eq!(metadata.get("$ref"), None);
    let list = list_schema(&spec(&schema), "v1", Form::V2).unwrap();
    assert_eq!(
        list["properties"]["items"]["items"]["$ref"],
        "#/definitions/com.example.stable.v1.CronTab"
    );
    assert_eq!(list["description"], "CronTabList is a list of CronTab");
    assert!(list_schema(&spec(&schema), "v2", Form::V2).is_none());
}
