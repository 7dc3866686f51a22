//! Random objects.

use std::sync::Arc;

use portcullis_kinds::table;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::field_manager::tracked;

/// Names of fields at which types differ, and some that no type has.
fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "metadata",
        "spec",
        "status",
        "kind",
        "labels",
        "finalizers",
        "ownerReferences",
        "uid",
        "name",
        "containers",
        "env",
        "value",
        "ports",
        "containerPort",
        "protocol",
        "port",
        "volumes",
        "nodeSelector",
        "tolerations",
        "imagePullSecrets",
        "a",
        "b\"c",
        "conditions",
        "type",
        "data",
        "externalIPs",
        "template",
        "resourceVersion",
        "selector",
        "topologySpreadConstraints",
    ])
    .prop_map(str::to_owned)
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        (0..3).prop_map(|n| f64::from(n).into()),
        prop_oneof!["[ab]", Just("q\"<".to_owned())].prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 120, 8, |inner| {
        prop_oneof![
            2 => proptest::collection::btree_map(name(), inner.clone(), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..5).prop_map(Value::Array),
        ]
    })
}

/// An object of fields that types have, so that lists are where they belong.
fn object() -> impl Strategy<Value = Value> {
    let item = || {
        let fields = proptest::collection::btree_map(name(), json(), 0..6);
        fields.prop_map(|fields| {
            let mut item: Map<String, Value> = fields.into_iter().collect();
            item.insert("name".to_owned(), json!("x"));
            Value::Object(item)
        })
    };
    let list = || proptest::collection::vec(prop_oneof![json(), item()], 0..5);
    let spec = (json(), list(), list(), json());
    let spec = spec.prop_map(|(mut spec, containers, ports, env)| {
        if let Value::Object(fields) = &mut spec {
            let container = json!({"name": "c", "ports": ports, "env": env});
            let mut all = containers;
            all.push(container);
            fields.insert("containers".to_owned(), all.into());
        }
        spec
    });
    (json(), spec, json(), json()).prop_map(|(mut object, spec, metadata, data)| {
        if let Value::Object(fields) = &mut object {
            fields.extend([("spec".to_owned(), spec), ("metadata".to_owned(), metadata)]);
            fields.insert("data".to_owned(), data);
        }
        object
    })
}

/// The same with integers as floats, which are equal to them, and without the items of lists.
fn respelled(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(_) => json!([]),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), respelled(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// A custom kind whose lists are distinguished in each way.
fn schema() -> Arc<portcullis_schema::Schema> {
    let text = json!({"type": "string"});
    let item = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"name": text, "env": {"type": "array", "items": text, "x-kubernetes-list-type": "set"}}});
    let port = json!({"type": "object", "required": ["containerPort"], "properties": {
        "containerPort": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}});
    let spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "containers": {"type": "array", "items": item, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"]},
        "ports": {"type": "array", "items": port, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"]},
        "selector": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text},
        "volumes": {"type": "array", "items": text}}});
    let object = json!({"type": "object", "properties": {"spec": spec}});
    portcullis_schema::Schema::compile(&serde_json::from_value(object).unwrap()).unwrap()
}

/// Holds the text against that of the set in which two objects differ.
fn agrees(tracked: Tracked<'_>, old: &Value, new: &Value) -> Result<(), TestCaseError> {
    let Some(text) = fields(tracked, old, new) else {
        return Ok(());
    };
    let found = tracked.compare(old, new);
    let mut set = found.modified;
    set.union(found.added);
    let expected = set.encode();
    prop_assert_eq!(text, portcullis_api::fields_v1::text(&expected));
    Ok(())
}

#[test]
fn items_that_are_there_twice_are_owned_as_one_and_keys_have_defaults() {
    let schema = schema();
    let custom = Tracked::of_type(FieldType::of_custom(Some(&schema)));
    let pod = Tracked::of_type(FieldType::of_kind("Pod"));
    let port = |port: i64| json!({"containerPort": port});
    let twice = json!({"containerPort": 1, "protocol": "TCP"});
    let named = |name: &str, more: Value| json!({"name": name, "env": more});
    for (tracked, spec, expected) in [
        (
            custom,
            json!({"ports": [port(2), port(1), twice]}),
            r#""f:ports":{".":{},"k:{\"containerPort\":1,\"protocol\":\"TCP\"}":{},"k:{\"containerPort\":2,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}"#,
        ),
        (
            custom,
            json!({"containers": [named("b", json!(["y", "x", "y"])), named("a", json!([])), named("c", json!(1)), named("c", json!(2))]}),
            r#""f:containers":{".":{},"k:{\"name\":\"a\"}":{".":{},"f:env":{},"f:name":{}},"k:{\"name\":\"b\"}":{".":{},"f:env":{".":{},"v:\"x\"":{},"v:\"y\"":{}},"f:name":{}},"k:{\"name\":\"c\"}":{}}"#,
        ),
        (
            pod,
            json!({"containers": [{"name": "q\"", "ports": [port(80)]}]}),
            r#""f:containers":{".":{},"k:{\"name\":\"q\\\"\"}":{".":{},"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}"#,
        ),
    ] {
        let new = json!({"spec": spec});
        agrees(tracked, &json!({}), &new).unwrap();
        let text = fields(tracked, &json!({}), &new).unwrap();
        assert_eq!(text, format!(r#"{{"f:spec":{{".":{{}},{expected}}}}}"#));
    }
}

proptest! {
    #[test]
    fn the_text_is_that_of_the_difference_for_custom_kinds(
        new in object(),
        old in prop_oneof![object(), Just(json!({}))],
    ) {
        let schema = schema();
        for schema in [Some(&*schema), None] {
            let tracked = Tracked::of_type(FieldType::of_custom(schema));
            for old in [&old, &json!({}), &respelled(&new)] {
                agrees(tracked, old, &new)?;
            }
        }
    }

    #[test]
    fn the_text_is_that_of_the_difference(
        new in object(),
        old in prop_oneof![object(), Just(json!({}))],
        of_kind in proptest::sample::select(vec!["pods", "services", "configmaps", "deployments"]),
    ) {
        let row = table::RESOURCES.iter().find(|row| row.plural == of_kind).unwrap();
        let version = row.api_version();
        let empty = tracked::empty(row, &version);
        let tracked = Tracked::new(row, &version, "");
        for old in [&old, &empty, &respelled(&new)] {
            agrees(tracked, old, &new)?;
        }
        prop_assert!(fields(tracked, &empty, &new).is_some());
    }
}
