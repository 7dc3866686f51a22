//! Properties of every schema and every object.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use portcullis_api::decode::decode;
use portcullis_schema::{JsonPath, Malformed, Schema, check_pattern};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "b", "c", "kind", "apiVersion", "metadata"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..9).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-4.0_f64..4.0).prop_map(Value::from),
        "[a-c]{0,4}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name(), inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// All kinds of keywords, on any type, because the store may have schemas that validation rejects.
fn keywords() -> impl Strategy<Value = Map<String, Value>> {
    let number = || (-3_i64..5).prop_map(|n| json!(n));
    let keyword = prop_oneof![
        prop::sample::select(vec![
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "minimum",
            "maximum",
            "multipleOf"
        ])
        .prop_flat_map(move |k| number().prop_map(move |n| (k, n))),
        prop::sample::select(vec![
            "nullable",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "x-kubernetes-int-or-string",
            "x-kubernetes-embedded-resource",
            "x-kubernetes-preserve-unknown-fields"
        ])
        .prop_map(|k| (k, json!(true))),
        prop::sample::select(vec!["^[a-b]+$", "(a|b)*c", "a{2}"])
            .prop_map(|p| ("pattern", json!(p))),
        prop::sample::select(vec!["date-time", "uuid", "email", "cidr", "int32"])
            .prop_map(|f| ("format", json!(f))),
        prop::sample::select(vec!["atomic", "set", "map"])
            .prop_map(|t| ("x-kubernetes-list-type", json!(t))),
        vec(name(), 0..3).prop_map(|n| ("required", json!(n))),
        vec(name(), 0..3).prop_map(|n| ("x-kubernetes-list-map-keys", json!(n))),
        vec(scalar(), 1..3).prop_map(|v| ("enum", json!(v))),
        value().prop_map(|v| ("default", v)),
    ];
    vec(keyword, 0..3).prop_map(|all| all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
}

fn schema() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "", "object", "array", "string", "integer", "number", "boolean",
    ]);
    let leaf = (kind, keywords()).prop_map(|(kind, mut schema)| {
        if !kind.is_empty() {
            schema.insert("type".to_owned(), json!(kind));
        }
        Value::Object(schema)
    });
    leaf.prop_recursive(4, 40, 4, |inner| {
        let branch = prop::sample::select(vec!["anyOf", "oneOf", "allOf"]);
        let part = prop_oneof![
            btree_map(name(), inner.clone(), 0..4).prop_map(|p| ("properties", json!(p))),
            inner.clone().prop_map(|s| ("additionalProperties", s)),
            inner.clone().prop_map(|s| ("items", s)),
            inner.clone().prop_map(|s| ("not", s)),
            (branch, vec(inner.clone(), 1..3)).prop_map(|(k, s)| (k, json!(s))),
        ];
        (inner, vec(part, 0..3)).prop_map(|(mut schema, parts)| {
            if let Value::Object(fields) = &mut schema {
                fields.extend(parts.into_iter().map(|(k, v)| (k.to_owned(), v)));
            }
            schema
        })
    })
}

fn compile(schema: &Value) -> Arc<Schema> {
    let props: JSONSchemaProps = decode(schema).unwrap().value;
    Schema::compile(&props).unwrap()
}

fn normalize(schema: &Schema, object: &mut Value) {
    schema.default(object).unwrap();
    schema.prune(object);
    schema.drop_nulls(object);
}

/// The part of a value that consists of declared fields.
fn declared(schema: portcullis_schema::NodeRef<'_>, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let property = schema.property(name)?;
                Some((name.clone(), declared(property, value)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => match schema.items() {
            Some(item) => items.iter().map(|value| declared(item, value)).collect(),
            None => Value::Array(Vec::new()),
        },
        scalar => scalar.clone(),
    }
}

/// Whether a value is a part of another.
fn is_in(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|w| is_in(value, w))),
        (Value::Array(part), Value::Array(whole)) => {
            part.is_empty()
                || part.len() == whole.len() && part.iter().zip(whole).all(|(p, w)| is_in(p, w))
        }
        _ => part == whole,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pruning_keeps_declared_fields_and_is_idempotent(schema in schema(), object in value()) {
        let schema = compile(&schema);
        let mut pruned = object.clone();
        schema.prune(&mut pruned);
        prop_assert!(is_in(&declared(schema.root(), &object), &pruned));
        prop_assert!(schema.prune(&mut pruned.clone()).is_empty());
    }

    #[test]
    fn normalizing_an_object_is_idempotent(schema in schema(), object in value()) {
        let schema = compile(&schema);
        let mut once = object;
        normalize(&schema, &mut once);
        // defaulting sets fields again that pruning removed from defaults; definitions are checked
        // for such defaults, but the schemas here are not, so the first result may change once
        normalize(&schema, &mut once);
        let mut twice = once.clone();
        normalize(&schema, &mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn nothing_panics(schema in schema(), object in value(), old in value()) {
        let schema = compile(&schema);
        let found = schema.validate(&object);
        prop_assert!(schema.validate_update(&object, &old).errors.len() <= found.errors.len());
        prop_assert!(found.errors.is_empty() || !schema.validate(&object).errors.is_empty());
        schema.validate_lists(&object);
        schema.validate_embedded(&object, &|_, _| Vec::new());
        let mut coerced = object;
        if schema.coerce(&mut coerced, Malformed::Reject).is_ok() {
            let mut again = coerced.clone();
            prop_assert_eq!(schema.coerce(&mut again, Malformed::Reject), Ok(Vec::new()));
            prop_assert_eq!(again, coerced);
        }
    }

    #[test]
    fn an_unchanged_object_is_always_valid(schema in schema(), object in value()) {
        let schema = compile(&schema);
        let found = schema.validate_update(&object, &object).errors;
        // except its kind and version, whose errors are not dropped in updates
        let of_type = found.iter().all(|e| {
            object.is_object() && e.field != "<nil>"
                && ["kind", "apiVersion"].iter().any(|name| e.field.starts_with(name))
        });
        prop_assert!(of_type || found.is_empty(), "{:?}", found);
    }

    #[test]
    fn any_text_can_be_parsed_as_a_pattern_or_a_path(text in r"[\\\[\](){}?*+.^$|:,<>=!P\-a-c0-9'@ ]{0,24}") {
        let _ = check_pattern(&text);
        if let Ok(path) = JsonPath::parse(&text) {
            path.find(&json!({"a": [{"b": 1}, {"c": [0]}], "b": "x"}));
        }
    }
}
