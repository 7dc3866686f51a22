use portcullis_api::FieldError;
use serde_json::{Value, json};

use super::*;
use crate::testing::schema;

fn of() -> std::sync::Arc<crate::Schema> {
    schema(json!({"type": "object", "properties": {
        "templates": {"type": "array", "items": {
            "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
        }},
    }}))
}

fn with(template: &Value) -> Value {
    json!({"templates": [template]})
}

fn lowercase(meta: &ObjectMeta, path: &Path) -> ErrorList {
    let name = meta.name.as_deref().unwrap_or_default();
    let upper = name.chars().any(char::is_uppercase);
    upper
        .then(|| FieldError::invalid(&path.child("name"), name, "no"))
        .into_iter()
        .collect()
}

#[test]
fn unknown_and_empty_metadata_is_dropped() {
    let mut object = with(&json!({"kind": "K", "metadata": {
        "name": "n", "odd": 1, "labels": {}, "creationTimestamp": null, "annotations": {"a": "b"},
    }}));
    let dropped = of().coerce(&mut object, Malformed::Reject).unwrap();
    assert_eq!(dropped, ["templates[0].metadata.odd"]);
    assert_eq!(
        object["templates"][0]["metadata"],
        json!({"name": "n", "annotations": {"a": "b"}})
    );
}

#[test]
fn malformed_metadata_is_rejected_or_dropped() {
    let malformed = with(&json!({"kind": 3, "metadata": {"name": 5, "namespace": "ns"}}));
    let error = of()
        .coerce(&mut malformed.clone(), Malformed::Reject)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "templates[0].kind: Invalid value: 3: must be a string"
    );
    let mut named = with(&json!({"metadata": {"name": 5}}));
    let error = of().coerce(&mut named, Malformed::Reject).unwrap_err();
    assert_eq!(error.field, "templates[0].metadata");
    let mut stored = malformed;
    of().coerce(&mut stored, Malformed::Drop).unwrap();
    assert_eq!(stored, with(&json!({"metadata": {"namespace": "ns"}})));
}

#[test]
fn kind_version_and_metadata_are_checked() {
    for (template, errors) in [
        (
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}),
            vec![],
        ),
        (
            json!({}),
            vec![
                "templates[0].apiVersion: Required value: must not be empty",
                "templates[0].kind: Required value: must not be empty",
            ],
        ),
        (
            json!({"apiVersion": "a/b/c", "kind": ""}),
            vec![
                "templates[0].apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c",
                "templates[0].kind: Invalid value: \"\": must not be empty",
            ],
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A"}}),
            vec!["templates[0].metadata.name: Invalid value: \"A\": no"],
        ),
    ] {
        let found = of().validate_embedded(&with(&template), &lowercase);
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            errors
        );
    }
}
