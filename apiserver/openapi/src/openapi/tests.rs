mod custom;

use portcullis_api::Verb;
use serde_json::Value;

use super::*;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::table::RESOURCES;

const PROTOBUF_ACCEPT: &str =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf, */*;q=0.1";

fn get(open_api: &OpenApi, path: &str, accept: &str, query: &str) -> Document {
    match open_api.document(path, accept, query) {
        Some(Answer::Document(document)) => document,
        other => panic!("{path}: {other:?}"),
    }
}

fn v2() -> Value {
    let open_api = OpenApi::new(Catalogue::default().rows(), "v1.24.17");
    serde_json::from_slice(&get(&open_api, "/openapi/v2", "", "").body.open()).unwrap()
}

/// Every reference in a document.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|v| references(v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, found)),
        _ => {}
    }
}

#[test]
fn v2_references_are_defined_and_types_are_readable_by_kubectl() {
    let mut document = v2();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let name = reference.strip_prefix(definitions::REF_PREFIX).unwrap();
        assert!(document["definitions"].get(name).is_some(), "{reference}");
    }
    // properties of that name, which are no schema's default
    for item in [
        "core.v1.LimitRangeItem",
        "resource.v1.CapacityRequestPolicy",
    ] {
        let name = format!("io.k8s.api.{item}");
        let properties = &mut document["definitions"][name]["properties"];
        assert!(
            properties
                .as_object_mut()
                .unwrap()
                .remove("default")
                .is_some()
        );
    }
    let of_schemas = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
    document["definitions"][of_schemas].take();
    let text = document.to_string();
    for word in [
        "\"anyOf\"",
        "\"null\"",
        "\"default\":",
        "int-or-string\":true",
    ] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn kinds_are_labelled_and_type_metadata_merged() {
    let document = v2();
    let namespace = &document["definitions"]["io.k8s.api.core.v1.Namespace"];
    assert_eq!(
        namespace[normalize::GVK],
        json!([{"group": "", "kind": "Namespace", "version": "v1"}])
    );
    assert_eq!(namespace.get("required"), None);
    let list = &document["definitions"]["io.k8s.api.core.v1.NamespaceList"];
    assert_eq!(
        list[normalize::GVK],
        json!([{"group": "", "kind": "NamespaceList", "version": "v1"}])
    );
    let meta =
        &document["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"];
    let owners = &meta["ownerReferences"];
    assert_eq!(owners["x-kubernetes-list-type"], "map");
    assert_eq!(owners["x-kubernetes-list-map-keys"], json!(["uid"]));
    assert_eq!(owners["x-kubernetes-patch-merge-key"], "uid");
    assert_eq!(owners["x-kubernetes-patch-strategy"], "merge");
}

#[test]
fn a_patch_lists_the_parameters_that_kubectl_looks_for() {
    let document = v2();
    let patch = &document["paths"]["/api/v1/namespaces/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(patch[normalize::GVK]["kind"], "Namespace");
    assert_eq!(patch["operationId"], "patchCoreV1Namespace");
    let parameters = patch["parameters"].as_array().unwrap();
    for name in ["dryRun", "fieldManager", "fieldValidation", "force"] {
        assert!(parameters.iter().any(|p| p["name"] == name), "{name}");
    }
    let consumes = patch["consumes"].as_array().unwrap();
    assert!(consumes.contains(&"application/strategic-merge-patch+json".into()));
}

#[test]
fn v2_is_negotiated_as_upstream() {
    let open_api = OpenApi::new(Catalogue::default().rows(), "v1.24.17");
    let json = get(&open_api, "/openapi/v2", "application/json, */*", "");
    let protobuf = get(&open_api, "/openapi/v2", PROTOBUF_ACCEPT, "");
    assert_eq!(json.content_type, JSON);
    assert_eq!(protobuf.content_type, PROTOBUF);
    assert_eq!(protobuf.etag, json.etag);
    // Field 1 of the message, `swagger`.
    assert!(protobuf.body.open().starts_with(b"\x0a\x032.0"));
    assert!(matches!(
        open_api.document("/openapi/v2", "text/html", ""),
        Some(Answer::NotAcceptable)
    ));
    assert!(open_api.document("/openapi/v4", "", "").is_none());
}

#[test]
fn v3_documents_are_listed_in_the_index_and_complete() {
    let open_api = OpenApi::new(Catalogue::default().rows(), "v1.24.17");
    let index = get(&open_api, "/openapi/v3", "", "");
    let index: Value = serde_json::from_slice(&index.body.open()).unwrap();
    for (name, entry) in index["paths"].as_object().unwrap() {
        let url = entry["serverRelativeURL"].as_str().unwrap();
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(path, format!("/openapi/v3/{name}"));
        let document = get(&open_api, path, "application/json", query);
        assert_eq!(document.cache_control, "public, immutable");
        assert_eq!(get(&open_api, path, "", "").cache_control, "");
        match open_api.document(path, "", "hash=stale") {
            Some(Answer::Moved(to)) => assert_eq!(to, url),
            other => panic!("{other:?}"),
        }
        let document: Value = serde_json::from_slice(&document.body.open()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
    assert!(
        open_api
            .document("/openapi/v3/apis/nope/v1", "", "")
            .is_none()
    );
    assert!(matches!(
        open_api.document("/openapi/v3/api/v1", "application/x-protobuf", ""),
        Some(Answer::NotAcceptable)
    ));
}

#[test]
fn v3_references_have_no_siblings() {
    let open_api = OpenApi::new(Catalogue::default().rows(), "v1.24.17");
    let core = get(&open_api, "/openapi/v3/api/v1", "", "");
    let core: Value = serde_json::from_slice(&core.body.open()).unwrap();
    let namespace = &core["components"]["schemas"]["io.k8s.api.core.v1.Namespace"];
    let metadata = &namespace["properties"]["metadata"];
    assert_eq!(
        metadata["allOf"],
        json!([{"$ref":
            "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}])
    );
    assert_eq!(metadata.get("$ref"), None);
    let patch = &core["paths"]["/api/v1/namespaces/{name}"]["patch"];
    assert!(
        patch["requestBody"]["content"]
            .get("application/strategic-merge-patch+json")
            .is_some()
    );
}

/// The documented response of a deletion is the actual one.
#[test]
fn deletions_return_what_their_kind_says() {
    let document = v2();
    let open_api = OpenApi::new(Catalogue::default().rows(), "v1.24.17");
    for resource in RESOURCES.iter().filter(|r| r.supports(Verb::Delete)) {
        let api_version = resource.api_version();
        let root = if resource.group.is_empty() {
            "api"
        } else {
            "apis"
        };
        let namespace = if resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let collection = format!("/{root}/{api_version}{namespace}/{}", resource.plural);
        let item = format!("{collection}/{{name}}");
        let v3 = get(
            &open_api,
            &format!("/openapi/v3/{root}/{api_version}"),
            "",
            "",
        );
        let v3: Value = serde_json::from_slice(&v3.body.open()).unwrap();
        for (path, whole) in [
            (&item, resource.strategy.returns_deleted()),
            (&collection, false),
        ] {
            let kind = if whole { resource.kind } else { "Status" };
            let answers = [&document, &v3].map(|d| &d["paths"][path]["delete"]["responses"]["200"]);
            let two = &answers[0]["schema"]["$ref"];
            let three = &answers[1]["content"]["application/json"]["schema"]["$ref"];
            for reference in [two, three] {
                // a collection that cannot be deleted has no such operation
                let Some(reference) = reference.as_str() else {
                    assert_eq!(resource.plural, "namespaces");
                    continue;
                };
                assert!(
                    reference.ends_with(&format!(".{kind}")),
                    "{path}: {reference}"
                );
            }
        }
    }
}
