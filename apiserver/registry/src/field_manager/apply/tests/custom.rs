//! Objects of custom kinds: the schema of their version says how values merge.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::row::row;

use super::*;

const V1: &str = "example.com/v1";

fn widgets(schema: &Value) -> Story {
    let definition: CustomResourceDefinition = serde_json::from_value(json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema}}]},
    }))
    .unwrap();
    let kind = CustomKind::compile(&definition).unwrap();
    let resource = Box::leak(Box::new(row(&definition, Arc::new(kind))));
    Story::of(resource, V1)
}

fn typed() -> Story {
    let text = json!({"type": "string"});
    let list = json!({"type": "array", "items": text});
    let mut set = list.clone();
    set["x-kubernetes-list-type"] = json!("set");
    let mut parts = json!({"type": "object", "properties": {"a": text, "b": text}});
    let granular = parts.clone();
    parts["x-kubernetes-map-type"] = json!("atomic");
    widgets(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "list": list, "set": set, "parts": granular, "whole": parts,
            "labels": {"type": "object", "additionalProperties": text},
            "ports": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["port", "protocol"],
                "items": {"type": "object", "required": ["port"], "properties": {
                    "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"},
                    "name": text}}}}},
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}}))
}

fn open() -> Story {
    widgets(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}))
}

fn widget(spec: &Value) -> Value {
    json!({"apiVersion": V1, "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

#[test]
fn every_list_and_map_type_is_owned_in_its_own_way() {
    let mut story = typed();
    story.apply(
        "one",
        &widget(
            &json!({"list": ["x"], "set": ["x"], "parts": {"a": "1"}, "whole": {"a": "1"},
            "labels": {"a": "1"}, "ports": [{"port": 1, "name": "p"}]}),
        ),
    );
    let port = r#"k:{"port":1,"protocol":"TCP"}"#;
    let expected = json!({"f:spec": {"f:list": {}, "f:set": {r#"v:"x""#: {}}, "f:parts": {"f:a": {}},
        "f:whole": {}, "f:labels": {"f:a": {}},
        "f:ports": {port: {".": {}, "f:port": {}, "f:name": {}}}}});
    assert_eq!(story.owned_by("one"), expected);
}

#[test]
fn configurations_of_several_managers_merge_by_list_and_map_type() {
    let mut story = typed();
    let both = |n: &str, port: u8| {
        widget(&json!({"set": [n], "parts": {n: n}, "labels": {n: n}, "ports": [{"port": port}]}))
    };
    story.apply("one", &both("a", 1));
    story.apply("two", &both("b", 2));
    let merged = json!({"set": ["a", "b"], "parts": {"a": "a", "b": "b"}, "labels": {"a": "a", "b": "b"},
        "ports": [{"port": 1}, {"port": 2}]});
    assert_eq!(story.live["spec"], merged);
    story.apply("two", &widget(&json!({"labels": {"b": "b"}})));
    let rest = json!({"set": ["a"], "parts": {"a": "a"}, "labels": {"a": "a", "b": "b"}, "ports": [{"port": 1}]});
    assert_eq!(story.live["spec"], rest);
}

#[test]
fn a_null_remains_of_an_emptied_value() {
    let mut story = typed();
    story.apply(
        "one",
        &widget(&json!({"set": ["a"], "list": ["a"], "labels": {"a": "1"}})),
    );
    story.apply("one", &widget(&json!({"set": ["b"]})));
    assert_eq!(story.live["spec"], json!({"set": ["b"], "labels": null}));
}

#[test]
fn what_is_atomic_has_one_owner() {
    let mut story = typed();
    story.apply("one", &widget(&json!({"list": ["a"], "whole": {"a": "1"}})));
    let other = widget(&json!({"list": ["b"], "whole": {"b": "1"}}));
    let refused = story.try_apply("two", &other, false).unwrap_err();
    for field in [".spec.list", ".spec.whole"] {
        assert!(refused.message.contains(field), "{}", refused.message);
    }
    story.try_apply("two", &other, true).unwrap();
    assert_eq!(story.live["spec"], other["spec"]);
    assert_eq!(story.owned_by("one"), Value::Null);
}

#[test]
fn items_that_a_schema_cannot_distinguish_are_mistakes() {
    let mistakes = |spec: &Value| {
        typed().with_writer("one", |writer| {
            let config = &widget(spec);
            let force = false;
            Apply {
                writer,
                config,
                force,
            }
            .list_errors()
        })
    };
    let twice = mistakes(
        &json!({"set": ["x", "x"], "ports": [{"port": 1}, {"port": 1, "protocol": "TCP"}]}),
    );
    assert_eq!(
        twice,
        [
            r#".spec.ports: duplicate entries for key [port=1,protocol="TCP"]"#,
            r#".spec.set: duplicate entries for key [="x"]"#,
        ]
    );
}

#[test]
fn an_update_owns_the_maps_it_adds_but_not_the_status() {
    let mut story = typed();
    let mut new = widget(&json!({"set": ["x"], "whole": {"a": "1"}}));
    new["status"] = json!({"ready": true});
    story.update("one", new);
    assert_eq!(
        story.owned_by("one"),
        json!({"f:spec": {".": {}, "f:set": {".": {}, r#"v:"x""#: {}}, "f:whole": {}}})
    );
}

#[test]
fn what_no_schema_describes_is_deduced() {
    let mut story = open();
    story.apply(
        "one",
        &widget(&json!({"map": {"a": {"x": 1}}, "list": [{"a": 1}], "none": {}})),
    );
    assert_eq!(
        story.owned_by("one"),
        json!({"f:spec": {".": {}, "f:map": {".": {}, "f:a": {".": {}, "f:x": {}}}, "f:list": {}, "f:none": {}}})
    );
}

#[test]
fn metadata_is_that_of_any_object() {
    let mut story = open();
    let with = |name: &str| {
        let mut object = widget(&json!({}));
        object["metadata"]["finalizers"] = json!([name]);
        object["metadata"]["labels"] = json!({name: ""});
        object
    };
    story.apply("one", &with("x.y/a"));
    story.apply("two", &with("x.y/b"));
    let metadata = &story.live["metadata"];
    assert_eq!(metadata["finalizers"], json!(["x.y/a", "x.y/b"]));
    assert_eq!(metadata["labels"], json!({"x.y/a": "", "x.y/b": ""}));
}
