use serde_json::json;

use super::*;

fn ports() -> FieldType<'static> {
    let spec = FieldType::of_kind("Pod").field("spec");
    spec.field("containers").item().field("ports")
}

#[test]
fn items_are_distinguished_by_their_keys_and_the_keys_defaults() {
    let element = ports().element(&json!({"containerPort": 80})).unwrap();
    assert_eq!(element.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
    assert_eq!(ports().field("x").element(&json!({"a": 1})), None);
}

#[test]
fn a_list_with_an_indistinguishable_item_is_atomic() {
    let names = FieldType::of_kind("Pod").field("spec").field("containers");
    assert!(
        names
            .elements(&[json!({"name": "a"}), json!({"image": "b"})])
            .is_none()
    );
    let finalizers = FieldType::of_kind("Pod")
        .field("metadata")
        .field("finalizers");
    assert_eq!(finalizers.elements(&[json!("a")]).unwrap().len(), 1);
}

#[test]
fn marked_structs_and_maps_are_atomic() {
    let spec = FieldType::of_kind("Pod").field("spec");
    assert!(spec.field("nodeSelector").is_atomic());
    assert!(spec.field("imagePullSecrets").item().is_atomic());
    assert!(!spec.field("securityContext").is_atomic());
    let data = FieldType::of_kind("ConfigMap").field("data");
    assert!(spec.declares("nodeSelector") && !data.declares("a"));
    let revision = FieldType::of_kind("ControllerRevision").field("data");
    assert!(revision.is_atomic());
}

fn compiled(value: serde_json::Value) -> std::sync::Arc<portcullis_schema::Schema> {
    portcullis_schema::Schema::compile(&serde_json::from_value(value).unwrap()).unwrap()
}

#[test]
fn schemas_of_custom_kinds_define_keys_and_atomic_values() {
    let item =
        json!({"type": "object", "properties": {"k": {"type": "string", "default": "d"}, "v": {}}});
    let schema = compiled(json!({"type": "object", "properties": {
        "keyed": {"type": "array", "items": item, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"]},
        "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "list": {"type": "array", "items": item},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}));
    let root = FieldType::of_custom(Some(&schema));
    let keyed = root.field("keyed").element(&json!({"v": 1})).unwrap();
    assert_eq!(keyed.to_string(), r#"[k="d"]"#);
    assert_eq!(*root.field("keyed").keys(), ["k"]);
    assert_eq!(root.field("set").elements(&[json!("a")]).unwrap().len(), 1);
    assert!(root.field("list").elements(&[json!({"k": "a"})]).is_none());
    assert!(root.field("whole").is_atomic() && !root.field("labels").is_atomic());
    assert!(root.declares("labels") && !root.field("labels").declares("a"));
    assert!(root.field("metadata").field("finalizers").is_associative());
    assert!(root.declares("metadata") && root.field("keyed").item().declares("k"));
}

#[test]
fn preserved_unknown_fields_are_deduced_in_structs_and_atomic_in_maps() {
    let schema = compiled(json!({"type": "object", "properties": {
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "struct": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
            "free": {"type": "object"}, "any": {"x-kubernetes-preserve-unknown-fields": true}}}}}));
    let root = FieldType::of_custom(Some(&schema));
    assert!(!root.field("free").is_atomic() && root.field("free").field("x").is_atomic());
    assert!(root.field("any").is_atomic());
    let inner = root.field("struct");
    assert!(!inner.field("unknown").is_atomic() && !inner.field("any").is_atomic());
    assert!(!inner.field("free").field("x").is_atomic());
    assert!(
        FieldType::of_custom(None)
            .field("x")
            .field("y")
            .keeps_empty()
    );
    assert!(!FieldType::of_custom(None).field("x").is_associative());
}

#[test]
fn embedded_resources_have_metadata_of_their_own() {
    let schema = compiled(json!({"type": "object", "properties": {
        "pod": {"type": "object", "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true}}}));
    let pod = FieldType::of_custom(Some(&schema)).field("pod");
    assert!(pod.declares("metadata") && pod.declares("kind") && !pod.declares("spec"));
    assert!(pod.field("metadata").field("finalizers").is_associative());
    assert!(!pod.field("spec").field("x").is_atomic());
}
