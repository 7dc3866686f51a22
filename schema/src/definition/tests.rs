mod expressions;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionCondition;
use portcullis_api::decode::decode;
use serde_json::{Value, json};

use super::*;

/// A definition before defaulting.
fn plain() -> Value {
    json!({
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
            }],
        },
    })
}

fn of(value: &Value, old: Option<&CustomResourceDefinition>) -> CustomResourceDefinition {
    let mut definition: CustomResourceDefinition = decode(value).unwrap().value;
    default_definition(&mut definition);
    prepare_definition(&mut definition, old);
    definition
}

fn errors(new: &CustomResourceDefinition, old: Option<&CustomResourceDefinition>) -> Vec<String> {
    let found = validate_definition(new, old, &|_, _| Vec::new());
    found.iter().map(ToString::to_string).collect()
}

fn patched(change: &Value) -> Value {
    let mut definition = plain();
    json_patch::merge(&mut definition, change);
    definition
}

fn with_property(property: &Value) -> Value {
    let mut definition = plain();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["x"] =
        property.clone();
    definition
}

#[test]
fn properties_match_their_goldens() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/properties.json")).unwrap();
    for case in cases {
        let found = errors(&of(&with_property(&case["property"]), None), None);
        let at = "spec.validation.openAPIV3Schema.properties[x]";
        let expected = case["errors"].as_array().unwrap().iter();
        let expected: Vec<_> = expected
            .map(|e| e.as_str().unwrap().replacen('@', at, 1))
            .collect();
        assert_eq!(found, expected, "{}", case["property"]);
    }
}

#[test]
fn definitions_match_their_goldens() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/definitions.json")).unwrap();
    for case in cases {
        let found = errors(&of(&patched(&case["patch"]), None), None);
        assert_eq!(json!(found), case["errors"], "{}", case["name"]);
    }
}

#[test]
fn names_and_conversion_are_defaulted() {
    let definition = of(&plain(), None);
    assert_eq!(definition.spec.names.singular.as_deref(), Some("widget"));
    assert_eq!(
        definition.spec.names.list_kind.as_deref(),
        Some("WidgetList")
    );
    assert_eq!(definition.spec.conversion.unwrap().strategy, "None");
    assert_eq!(definition.status.unwrap().stored_versions.unwrap(), ["v1"]);
}

#[test]
fn kind_and_scope_are_immutable_once_established() {
    let mut old = of(&plain(), None);
    let change = json!({"spec": {"scope": "Cluster", "names": {"kind": "Gadget", "listKind": "GadgetList"}}});
    assert!(errors(&of(&patched(&change), Some(&old)), Some(&old)).is_empty());
    let condition = CustomResourceDefinitionCondition {
        type_: "Established".into(),
        status: "True".into(),
        ..Default::default()
    };
    old.status.as_mut().unwrap().conditions = Some(vec![condition]);
    assert_eq!(
        errors(&of(&patched(&change), Some(&old)), Some(&old)),
        [
            "spec.scope: Invalid value: \"Cluster\": field is immutable",
            "spec.names.kind: Invalid value: \"Gadget\": field is immutable",
        ]
    );
}

#[test]
fn stored_versions_must_be_kept_until_they_are_migrated() {
    let old = of(&plain(), None);
    let mut renamed = plain();
    renamed["spec"]["versions"][0]["name"] = json!("v2");
    let found = errors(&of(&renamed, Some(&old)), Some(&old));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(
        "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions"
    ));
}

#[test]
fn errors_of_the_old_definition_may_be_kept() {
    for property in [
        json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}),
        json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
               "items": {"type": "object", "properties": {"k": {"type": "string"}}}}),
        json!({"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "string"}}}),
    ] {
        let definition = with_property(&property);
        assert!(
            !errors(&of(&definition, None), None).is_empty(),
            "{property}"
        );
        let old = of(&definition, None);
        assert!(
            errors(&of(&definition, Some(&old)), Some(&old)).is_empty(),
            "{property}"
        );
    }
}
