use serde_json::{Value, json};

use super::*;

fn meta(json: &Value) -> ObjectMeta {
    serde_json::from_value(json.clone()).unwrap()
}

fn texts(errors: &ErrorList) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn new_texts(json: &Value, namespaced: bool) -> Vec<String> {
    let path = Path::new("metadata");
    texts(&validate_object_meta(
        &meta(json),
        namespaced,
        true,
        name::dns1123_label,
        &path,
    ))
}

#[test]
fn names_and_namespaces() {
    let label = name::dns1123_label("A").remove(0);
    for (given, namespaced, expected) in [
        (json!({"name": "a", "namespace": "n"}), true, vec![]),
        (json!({"generateName": "a-", "name": "a-x"}), false, vec![]),
        (
            json!({"generateName": "Ab-"}),
            true,
            vec![
                format!("metadata.generateName: Invalid value: \"Ab-\": {label}"),
                "metadata.name: Required value: name or generateName is required".into(),
                "metadata.namespace: Required value".into(),
            ],
        ),
        (
            json!({"name": "a", "namespace": "n"}),
            false,
            vec!["metadata.namespace: Forbidden: not allowed on this type".into()],
        ),
        (
            json!({"name": "A", "namespace": "N", "generation": -1}),
            true,
            vec![
                format!("metadata.name: Invalid value: \"A\": {label}"),
                format!("metadata.namespace: Invalid value: \"N\": {label}"),
                "metadata.generation: Invalid value: -1: must be greater than or equal to 0".into(),
            ],
        ),
    ] {
        assert_eq!(new_texts(&given, namespaced), expected, "{given}");
    }
}

#[test]
fn labels_annotations_and_finalizers() {
    let name_part = name::qualified_name("a b").remove(0);
    for (given, expected) in [
        (
            json!({"labels": {"a b": "c"}, "annotations": {"A/B": "anything goes"}}),
            vec![format!("metadata.labels: Invalid value: \"a b\": {name_part}")],
        ),
        (
            json!({"annotations": {"a": "x".repeat(ANNOTATIONS_MAX)}}),
            vec!["metadata.annotations: Too long: must have at most 262144 bytes".into()],
        ),
        (
            json!({"finalizers": ["kubernetes", "example.com/x", "mine"]}),
            vec![
                "metadata.finalizers[2]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified".into(),
            ],
        ),
        (
            json!({"finalizers": ["orphan", "foregroundDeletion"]}),
            vec![
                "metadata.finalizers: Invalid value: []string{\"orphan\", \"foregroundDeletion\"}: finalizer orphan and foregroundDeletion cannot be both set".into(),
            ],
        ),
        (
            json!({"managedFields": [{"operation": "Write", "fieldsType": "V2", "manager": "m".repeat(129)}]}),
            vec![
                "metadata.managedFields[0].operation: Invalid value: \"Write\": must be `Apply` or `Update`".into(),
                "metadata.managedFields[0].fieldsType: Invalid value: \"V2\": must be `FieldsV1`".into(),
                "metadata.managedFields[0].manager: Too long: must have at most 128 bytes".into(),
            ],
        ),
    ] {
        let mut given = given;
        given["name"] = json!("a");
        assert_eq!(new_texts(&given, false), expected, "{given}");
    }
}

#[test]
fn owners_are_complete_and_at_most_one_controls() {
    let owner = |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": "u", "controller": true});
    let given = json!({"name": "a", "ownerReferences": [owner("x"), owner("y"),
        {"apiVersion": "apps/", "kind": "", "name": "z", "uid": ""}]});
    assert_eq!(
        new_texts(&given, false),
        [
            "metadata.ownerReferences: Invalid value: 3 owner references: Only one reference can have Controller set to true. Found \"true\" in references for x and y",
            "metadata.ownerReferences.apiVersion: Invalid value: \"apps/\": version must not be empty",
            "metadata.ownerReferences.kind: Invalid value: \"\": kind must not be empty",
            "metadata.ownerReferences.uid: Invalid value: \"\": uid must not be empty",
        ]
    );
}

#[test]
fn server_set_fields_are_immutable() {
    let old = json!({
        "name": "a", "uid": "u", "resourceVersion": "5", "generation": 2,
        "creationTimestamp": "2020-01-01T00:00:00Z", "finalizers": ["example.com/x"],
        "deletionTimestamp": "2020-01-02T00:00:00Z", "deletionGracePeriodSeconds": 0,
    });
    let check = |new: &Value| {
        let path = Path::new("metadata");
        texts(&validate_object_meta_update(&meta(new), &meta(&old), &path))
    };
    assert!(check(&old).is_empty());
    let new = json!({
        "name": "b", "uid": "v", "generation": 1, "creationTimestamp": "2021-01-01T00:00:00Z",
        "finalizers": ["example.com/y"],
    });
    assert_eq!(
        check(&new),
        [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"example.com/y\"}",
            "metadata.resourceVersion: Invalid value: \"\": must be specified for an update",
            "metadata.generation: Invalid value: 1: must not be decremented",
            "metadata.name: Invalid value: \"b\": field is immutable",
            "metadata.uid: Invalid value: \"v\": field is immutable",
            "metadata.creationTimestamp: Invalid value: 2021-01-01 00:00:00 +0000 UTC: field is immutable",
            "metadata.deletionTimestamp: Invalid value: \"null\": field is immutable",
            "metadata.deletionGracePeriodSeconds: Invalid value: \"null\": field is immutable",
        ]
    );
}

/// How often each finalizer's error is reported, by the kind's own checks.
#[test]
fn a_changed_object_is_checked_as_often_as_its_kind_does() {
    let given = json!({"name": "a", "resourceVersion": "1", "finalizers": ["bare", "a b/c"]});
    let counts = |checks: MetadataChecks| {
        let meta = meta(&given);
        let found = validate_changed_meta(&meta, &meta, false, checks, &name::path_segment);
        let of = |field: &str| found.iter().filter(|e| e.field == field).count();
        (of("metadata.finalizers[0]"), of("metadata.finalizers"))
    };
    for (checks, expected) in [
        (MetadataChecks::MOST, (2, 2)),
        (MetadataChecks::MOST.changing(2, 1), (3, 3)),
        (MetadataChecks::MOST.changing(0, 1), (1, 1)),
        (MetadataChecks::DOMAINLESS, (0, 2)),
        (MetadataChecks::NONE, (0, 1)),
    ] {
        assert_eq!(counts(checks), expected, "{checks:?}");
    }
}
