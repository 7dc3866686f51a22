//! Generated schemas, made into what kube-apiserver publishes: nothing nullable, no defaults, and
//! Kubernetes' extensions from the facts.

use portcullis_api::type_metadata::{self, Field, ListType, Shape};
use serde_json::{Map, Value, json};

pub(super) const GVK: &str = "x-kubernetes-group-version-kind";
const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

/// Types of `apiextensions` that hold any JSON: nothing can be said of their shape.
const ANY_JSON: [&str; 4] = [
    "JSON",
    "JSONSchemaPropsOrArray",
    "JSONSchemaPropsOrBool",
    "JSONSchemaPropsOrStringArray",
];

/// A definition as it is published, `kinds` being the group, version and kinds it is served as.
pub(super) fn definition(name: &str, schema: Value, kinds: Vec<Value>) -> Value {
    let mut schema = match schema {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let type_name = name.rsplit('.').next().unwrap_or(name);
    if name.contains(".apiextensions.") && ANY_JSON.contains(&type_name) {
        schema.retain(|key, _| key == "description");
    }
    clean(&mut schema);
    if schema.remove("x-kubernetes-int-or-string").is_some() {
        schema.insert("type".to_owned(), "string".into());
        schema.insert("format".to_owned(), "int-or-string".into());
    }
    if name.starts_with("io.k8s.api.policy.v1beta1.") {
        finish_derived(type_name, &mut schema);
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for field in type_metadata::fields(type_name) {
            if let Some(Value::Object(property)) = properties.get_mut(field.name) {
                extend(property, field);
            }
        }
        if !kinds.is_empty() {
            add_type_meta(properties);
        }
    }
    if !kinds.is_empty() {
        let required = schema.get_mut("required").and_then(Value::as_array_mut);
        if let Some(required) = required {
            required.retain(|field| field != "metadata");
            if required.is_empty() {
                schema.remove("required");
            }
        }
        schema.insert(GVK.to_owned(), Value::Array(kinds));
    }
    Value::Object(schema)
}

/// Describes `apiVersion` and `kind`, where they are not yet.
pub(super) fn add_type_meta(properties: &mut Map<String, Value>) {
    for (name, description) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        properties
            .entry(name)
            .or_insert_with(|| json!({"description": description, "type": "string"}));
    }
}

/// Derived schemas say too little of what is required, and write names as Rust does.
fn finish_derived(type_name: &str, schema: &mut Map<String, Value>) {
    let required: Vec<Value> = type_metadata::fields(type_name)
        .iter()
        .filter(|f| f.always.is_some() && !matches!(f.name, "metadata" | "spec"))
        .map(|f| f.name.into())
        .collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    if let Some(Value::String(description)) = schema.get_mut("description")
        && description.starts_with('`')
    {
        *description = description.replacen('`', "", 2);
    }
}

/// Lays the facts of a field over its schema.
fn extend(property: &mut Map<String, Value>, field: &Field) {
    let mut set = |key: &str, value: Value| property.insert(format!("x-kubernetes-{key}"), value);
    match field.list {
        ListType::Unmarked => {}
        ListType::Atomic => drop(set("list-type", "atomic".into())),
        ListType::Set => drop(set("list-type", "set".into())),
        ListType::Map(keys) => {
            set("list-type", "map".into());
            set("list-map-keys", json!(keys));
        }
    }
    if field.atomic && field.shape != Shape::List {
        set("map-type", "atomic".into());
    }
    let strategy = field.patch.tag();
    if !strategy.is_empty() {
        set("patch-strategy", strategy.into());
    }
    if !field.merge_key.is_empty() {
        set("patch-merge-key", field.merge_key.into());
    }
}

/// Drops, at every depth, what JSON Schema has and Kubernetes' documents have not.
fn clean(schema: &mut Map<String, Value>) {
    schema.remove("default");
    schema.remove("title");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_mut_slice() {
            let only = only.take();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(Value::Object(inner)) = schema.get_mut(key) {
            clean(inner);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            clean(property);
        }
    }
}
