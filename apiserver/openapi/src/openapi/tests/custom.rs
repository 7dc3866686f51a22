//! The effect of definitions on the documents.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::row::row;
use portcullis_kinds::table::RESOURCES;

use super::*;

const TABS: &str = "/apis/stable.example.com/v1/namespaces/{namespace}/crontabs";

fn definition(group: &str, plural: &str, kind: &str) -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural, "kind": kind, "listKind": format!("{kind}Collection")},
            "versions": [
                {"name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}, "scale":
                        {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "description": "What to run.", "properties": {
                            "schedule": {"type": "string", "nullable": true},
                            "replicas": {"type": "integer"}}},
                        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}}}},
                {"name": "v2", "served": true, "storage": false,
                    "schema": {"openAPIV3Schema": {"type": "object",
                        "x-kubernetes-preserve-unknown-fields": true}}}]},
    }))
    .unwrap()
}

fn custom(definition: &CustomResourceDefinition) -> ResourceRef {
    let kind = Arc::new(CustomKind::compile(definition).unwrap());
    ResourceRef::Made(Arc::new(row(definition, kind)))
}

fn crontabs() -> ResourceRef {
    custom(&definition("stable.example.com", "crontabs", "CronTab"))
}

fn documents(custom: impl IntoIterator<Item = ResourceRef>) -> OpenApi {
    OpenApi::new(Catalogue::new(custom).rows(), "v1.24.17")
}

fn read(open_api: &OpenApi, path: &str) -> Value {
    serde_json::from_slice(&get(open_api, path, "", "").body.open()).unwrap()
}

fn operation_ids(document: &Value, path: &str) -> Vec<(String, String)> {
    let item = document["paths"][path].as_object().unwrap();
    let operations = item.iter().filter(|(method, _)| *method != "parameters");
    operations
        .map(|(method, o)| {
            (
                method.clone(),
                o["operationId"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[test]
fn v2_defines_a_custom_kind_and_its_list() {
    let document = read(&documents([crontabs()]), "/openapi/v2");
    let definitions = &document["definitions"];
    let tab = &definitions["com.example.stable.v1.CronTab"];
    assert_eq!(
        tab[normalize::GVK],
        json!([{"group": "stable.example.com", "kind": "CronTab", "version": "v1"}])
    );
    assert_eq!(
        tab["properties"]["spec"]["properties"]["replicas"]["type"],
        "integer"
    );
    let schedule = &tab["properties"]["spec"]["properties"]["schedule"];
    assert_eq!(schedule.get("nullable"), None);
    let list = &definitions["com.example.stable.v1.CronTabCollection"];
    assert_eq!(
        list["properties"]["items"]["items"]["$ref"],
        "#/definitions/com.example.stable.v1.CronTab"
    );
    let any = &definitions["com.example.stable.v2.CronTab"];
    assert_eq!(any.get("properties"), None);
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        let name = reference.strip_prefix(definitions::REF_PREFIX).unwrap();
        assert!(definitions.get(name).is_some(), "{reference}");
    }
}

#[test]
fn operations_are_those_of_upstreams_builder() {
    let document = read(&documents([crontabs()]), "/openapi/v2");
    let named = |method: &str, id: &str| (method.to_owned(), id.to_owned());
    assert_eq!(
        operation_ids(&document, TABS),
        [
            named(
                "delete",
                "deletecollectionStableExampleComV1NamespacedCronTab"
            ),
            named("get", "listStableExampleComV1NamespacedCronTab"),
            named("post", "createStableExampleComV1NamespacedCronTab"),
        ]
    );
    let everywhere = operation_ids(&document, "/apis/stable.example.com/v1/crontabs");
    let id = "listStableExampleComV1CronTabForAllNamespaces";
    assert_eq!(everywhere, [named("get", id)]);
    let patch = &document["paths"][format!("{TABS}/{{name}}")]["patch"];
    assert_eq!(
        patch["consumes"],
        json!([
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml"
        ])
    );
    assert_eq!(patch["x-kubernetes-action"], "patch");
    let list = &document["paths"][TABS]["get"]["responses"]["200"]["schema"]["$ref"];
    assert_eq!(
        list,
        "#/definitions/com.example.stable.v1.CronTabCollection"
    );
}

#[test]
fn subresources_are_those_of_the_version() {
    let document = read(&documents([crontabs()]), "/openapi/v2");
    let below = |name: &str| &document["paths"][format!("{TABS}/{{name}}/{name}")];
    let answer = |name: &str| &below(name)["put"]["responses"]["200"]["schema"]["$ref"];
    assert_eq!(
        answer("status"),
        "#/definitions/com.example.stable.v1.CronTab"
    );
    assert_eq!(
        answer("scale"),
        "#/definitions/io.k8s.api.autoscaling.v1.Scale"
    );
    assert_eq!(below("scale")["get"][normalize::GVK]["kind"], "CronTab");
    let other = TABS.replace("v1", "v2");
    assert!(document["paths"].get(&other).is_some());
    let status = format!("{other}/{{name}}/status");
    assert_eq!(document["paths"].get(&status), None);
}

#[test]
fn v3_has_a_document_for_each_version_of_a_custom_group() {
    let open_api = documents([crontabs()]);
    let index = read(&open_api, "/openapi/v3");
    for version in ["v1", "v2"] {
        let name = format!("apis/stable.example.com/{version}");
        let url = index["paths"][&name]["serverRelativeURL"].as_str().unwrap();
        let (path, query) = url.split_once('?').unwrap();
        let document = get(&open_api, path, "application/json", query);
        assert_eq!(document.cache_control, "public, immutable");
        let document: Value = serde_json::from_slice(&document.body.open()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
    let document = read(&open_api, "/openapi/v3/apis/stable.example.com/v1");
    let tab = &document["components"]["schemas"]["com.example.stable.v1.CronTab"];
    let spec = &tab["properties"]["spec"];
    assert_eq!(spec["description"], "What to run.");
    assert_eq!(spec["properties"]["schedule"]["nullable"], true);
    assert_eq!(operation_ids(&document, TABS).len(), 3);
}

#[test]
fn the_documents_of_built_in_kinds_are_the_same_bytes() {
    let alone = documents([]);
    let plain = alone.v2_json().body.clone();
    let first = alone.with(Catalogue::new([crontabs()]).rows(), Arc::default());
    let second = first.with(Catalogue::default().rows(), Arc::default());
    assert_eq!(second.v2_json().body.kept().as_ptr(), plain.kept().as_ptr());
    for resource in RESOURCES {
        let root = if resource.group.is_empty() {
            "api"
        } else {
            "apis"
        };
        let path = format!("/openapi/v3/{root}/{}", resource.api_version());
        let bodies = [&alone, &first, &second].map(|o| get(o, &path, "", "").body.kept().as_ptr());
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{path}");
    }
    let (mut plain, mut both) = (read(&alone, "/openapi/v2"), read(&first, "/openapi/v2"));
    for part in ["paths", "definitions"] {
        let all = both[part].as_object_mut().unwrap();
        all.retain(|name, _| !name.contains(".example."));
        let fewer = plain[part].take();
        assert_eq!(both[part].take(), fewer);
    }
    assert_eq!(both, plain);
}

#[test]
fn a_change_makes_new_documents_only_of_changed_kinds() {
    let other = custom(&definition("example.org", "widgets", "Widget"));
    let before = documents([crontabs(), other.clone()]);
    let mut changed = definition("stable.example.com", "crontabs", "CronTab");
    changed.spec.versions.remove(1);
    changed.spec.versions[0].subresources = None;
    let after = before.with(
        Catalogue::new([custom(&changed), other]).rows(),
        Arc::default(),
    );
    let etags = |open_api: &OpenApi, path: &str| get(open_api, path, "", "").etag;
    for path in [
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/apis/stable.example.com/v1",
    ] {
        assert_ne!(etags(&before, path), etags(&after, path), "{path}");
    }
    let widgets = "/openapi/v3/apis/example.org/v1";
    let bodies = [&before, &after].map(|o| get(o, widgets, "", "").body.kept().as_ptr());
    assert_eq!(bodies[0], bodies[1]);
    let gone = "/openapi/v3/apis/stable.example.com/v2";
    assert!(before.document(gone, "", "").is_some());
    assert!(after.document(gone, "", "").is_none());
    assert!(
        read(&after, "/openapi/v3")["paths"]
            .get(&gone[12..])
            .is_none()
    );
}

#[test]
fn the_index_makes_no_documents() {
    let open_api = documents([crontabs()]);
    let path = "apis/stable.example.com/v1";
    let url = |open_api: &OpenApi| read(open_api, "/openapi/v3")["paths"][path].to_string();
    let listed = url(&open_api);
    assert!(open_api.custom[path].made().is_none());
    let etag = get(&open_api, &format!("/openapi/v3/{path}"), "", "").etag;
    assert!(open_api.custom[path].made().is_some());
    assert!(listed.contains(etag.unwrap().trim_matches('"')), "{listed}");
    // of another server with the same definition, too
    assert_eq!(listed, url(&documents([crontabs()])));
}

#[test]
fn a_change_compresses_only_changed_parts_of_the_large_document() {
    let other = custom(&definition("example.org", "widgets", "Widget"));
    let before = documents([crontabs(), other.clone()]);
    let after = before.with(Catalogue::new([other]).rows(), Arc::default());
    let (_, _) = (read(&before, "/openapi/v2"), read(&after, "/openapi/v2"));
    let widgets = [&before, &after].map(|o| o.custom["apis/example.org/v1"].v2().as_ptr());
    assert_eq!(widgets[0], widgets[1]);
    let kinds = |open_api| read(open_api, "/openapi/v2")["definitions"].to_string();
    assert!(kinds(&before).contains("stable.v1.CronTab"));
    assert!(!kinds(&after).contains("stable.v1.CronTab") && kinds(&after).contains("Widget"));
}

#[test]
fn protobuf_and_json_have_the_same_contents() {
    let (alone, with) = (documents([]), documents([crontabs()]));
    let json = get(&with, "/openapi/v2", "", "");
    let protobuf = get(&with, "/openapi/v2", PROTOBUF_ACCEPT, "");
    assert_eq!(protobuf.etag, json.etag);
    let plain = get(&alone, "/openapi/v2", PROTOBUF_ACCEPT, "");
    assert_ne!(plain.etag, json.etag);
    assert!(protobuf.body.open().starts_with(&plain.body.open()));
    let name = b"com.example.stable.v1.CronTab";
    let body = protobuf.body.open();
    let mut names = body.windows(name.len());
    assert!(names.any(|bytes| bytes == name));
}

#[test]
fn a_built_in_version_is_not_changed() {
    let guest = custom(&definition("apps", "crontabs", "CronTab"));
    let open_api = documents([guest]);
    let apps = get(&open_api, "/openapi/v3/apis/apps/v1", "", "");
    let plain = get(&documents([]), "/openapi/v3/apis/apps/v1", "", "");
    assert_eq!(apps.body, plain.body);
    assert!(
        open_api
            .document("/openapi/v3/apis/apps/v2", "", "")
            .is_some()
    );
}

#[test]
fn discovery_lists_the_subresources_of_each_version() {
    let catalogue = Catalogue::new([crontabs()]);
    let discovery = crate::discovery::Discovery::new(catalogue.rows(), &[], "127.0.0.1:6443");
    let resources = |version: &str| {
        let path = format!("/apis/stable.example.com/{version}");
        let list = discovery.document(&path, "").unwrap().body.open();
        let list: Value = serde_json::from_slice(&list).unwrap();
        list["resources"].clone()
    };
    let names = |version: &str| {
        let resources = resources(version);
        let names = resources.as_array().unwrap().iter();
        names
            .map(|r| r["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("v1"),
        ["crontabs", "crontabs/scale", "crontabs/status"]
    );
    assert_eq!(names("v2"), ["crontabs"]);
    // as upstream lists them
    assert_eq!(
        resources("v2")[0]["verbs"],
        json!([
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch"
        ])
    );
}
