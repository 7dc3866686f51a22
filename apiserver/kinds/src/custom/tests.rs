use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use super::*;
use crate::strategy::{Cell, DynStrategy, Strategy};

fn definition() -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
                "shortNames": ["wd"], "categories": ["all"]},
            "versions": [
                {"name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".spec.color"}],
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "required": ["color"], "properties": {
                            "color": {"type": "string"},
                            "size": {"type": "integer", "default": 3, "maximum": 9}}},
                        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}}}},
                {"name": "v2", "served": true, "storage": false,
                    "schema": {"openAPIV3Schema": {"type": "object",
                        "x-kubernetes-preserve-unknown-fields": true}}}]},
    }))
    .unwrap()
}

fn kind() -> CustomKind {
    CustomKind::compile(&definition()).unwrap()
}

fn widget(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec,
        "status": {"ready": true}})
}

fn read(spec: &Value) -> CustomObject {
    kind()
        .decode("example.com/v1", &widget(spec))
        .unwrap()
        .value
}

#[test]
fn objects_of_clients_are_defaulted_and_pruned() {
    let sent = widget(&json!({"color": "red", "shade": 1}));
    let decoded = kind().decode("example.com/v1", &sent).unwrap();
    assert_eq!(decoded.unknown_fields, ["spec.shade"]);
    assert_eq!(
        decoded.value.fields["spec"],
        json!({"color": "red", "size": 3})
    );
}

#[test]
fn nulls_are_dropped_unless_an_apply_made_them() {
    let object = widget(&json!({"color": null, "size": null}));
    let sent = kind().decode("example.com/v1", &object).unwrap().value;
    assert_eq!(sent.fields["spec"], json!({"size": 3}));
    let applied = kind().decode_applied("example.com/v1", &object);
    let applied = applied.unwrap().value;
    assert_eq!(applied.fields["spec"], json!({"color": null, "size": 3}));
    let errors = Strategy::validate(&kind(), &applied);
    let is_about_null =
        |e: &String| e.contains("spec.color") && e.contains("must be of type string");
    assert!(
        errors
            .iter()
            .map(ToString::to_string)
            .any(|e| is_about_null(&e))
    );
}

#[test]
fn stored_objects_are_read_by_the_current_schema() {
    let stored = widget(&json!({"color": "red", "gone": 1}));
    let settle = |version: &str| {
        let mut document = stored.clone();
        kind().default_stored(&mut document);
        kind().adopt(version, document).unwrap()
    };
    let object = settle("example.com/v1");
    assert_eq!(object.fields["spec"], json!({"color": "red", "size": 3}));
    let mut other = settle("example.com/v2");
    let defaulted = json!({"color": "red", "gone": 1, "size": 3});
    assert_eq!(
        other.fields["spec"], defaulted,
        "as it is stored, and read by all"
    );
    kind().relabel(&mut other, "example.com/v1");
    assert_eq!(other.api_version, object.api_version);
    assert_eq!(other.fields["spec"], json!({"color": "red", "size": 3}));
}

#[test]
fn the_schema_finds_errors() {
    let texts = |spec: &Value| {
        let errors = Strategy::validate(&kind(), &read(spec));
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(texts(&json!({"color": "red"})), Vec::<String>::new());
    let wrong = texts(&json!({"size": 12}));
    assert!(
        wrong.contains(&"spec.color: Required value".to_owned()),
        "{wrong:?}"
    );
    assert!(
        wrong.iter().any(|e| e.contains("less than or equal to 9")),
        "{wrong:?}"
    );
}

#[test]
fn a_status_is_written_through_its_subresource_only() {
    let (old, mut new) = (
        read(&json!({"color": "red"})),
        read(&json!({"color": "blue"})),
    );
    let mut created = old.clone();
    Strategy::prepare_for_create(&kind(), &mut created);
    assert_eq!(created.fields.get("status"), None);
    new.fields["status"] = json!({"ready": false});
    let mut changed = new.clone();
    Strategy::prepare_for_update(&kind(), &mut changed, &old);
    assert_eq!(changed.fields["status"], json!({"ready": true}));
    assert_eq!(Strategy::spec_changed(&kind(), &changed, &old), Some(true));
    let mut status = new;
    status.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    Strategy::prepare_status_update(&kind(), &mut status, &old);
    assert_eq!(status.fields["status"], json!({"ready": false}));
    assert_eq!(
        (&status.fields["spec"], &status.metadata.labels),
        (&old.fields["spec"], &None)
    );
    assert_eq!(Strategy::spec_changed(&kind(), &status, &old), Some(false));
}

#[test]
fn columns_and_selectors_are_the_definitions() {
    let (kind, object) = (kind(), read(&json!({"color": "red"})));
    let titles = |version: &str| {
        let columns = DynStrategy::table_columns(&kind, version).into_iter();
        columns
            .map(|column| column.name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("example.com/v1"), ["Name", "Size"]);
    assert_eq!(titles("example.com/v2"), ["Name", "Age"]);
    assert_eq!(
        Strategy::cells(&kind, &object),
        [Cell::text("a"), Cell::integer(3)]
    );
    assert_eq!(Strategy::selectable_fields(&kind), ["spec.color"]);
    assert_eq!(Strategy::field_values(&kind, &object), ["red"]);
}

#[test]
fn a_deprecated_version_names_the_one_to_use() {
    let mut definition = definition();
    definition.spec.versions[0].deprecated = Some(true);
    let warning = |definition: &CustomResourceDefinition| {
        let kind = CustomKind::compile(definition).unwrap();
        kind.deprecation("example.com/v1").unwrap().to_owned()
    };
    let said = "example.com/v1 Widget is deprecated; use example.com/v2 Widget";
    assert_eq!(warning(&definition), said);
    // only what is served and preferred is named
    definition.spec.versions[1].name = "v1beta1".into();
    assert_eq!(warning(&definition), "example.com/v1 Widget is deprecated");
    definition.spec.versions[1].name = "v2".into();
    definition.spec.versions[1].served = false;
    assert_eq!(warning(&definition), "example.com/v1 Widget is deprecated");
    definition.spec.versions[0].deprecation_warning = Some("gone soon".into());
    assert_eq!(warning(&definition), "gone soon");
}
