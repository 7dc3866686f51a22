mod api_resources;

use serde_json::{Value, json};

use super::*;
use portcullis_kinds::catalogue::Catalogue;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

fn discovery() -> Discovery {
    Discovery::new(Catalogue::default().rows(), &[], "127.0.0.1:6443")
}

fn get(path: &str, accept: &str) -> Value {
    let document = discovery().document(path, accept).expect(path);
    serde_json::from_slice(&document.body.open()).unwrap()
}

fn named<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    let found = list.as_array().unwrap().iter().find(|v| v[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn legacy_documents_read_as_upstreams() {
    assert_eq!(
        get("/api", "application/json, */*"),
        json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]})
    );
    let core = get("/api/v1", "");
    assert_eq!(
        (&core["kind"], &core["groupVersion"], &core["apiVersion"]),
        (&json!("APIResourceList"), &json!("v1"), &Value::Null)
    );
    assert_eq!(
        named(&core["resources"], "name", "namespaces"),
        &json!({"name": "namespaces", "singularName": "namespace", "namespaced": false,
            "kind": "Namespace", "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            "shortNames": ["ns"], "storageVersionHash": "Q3oi5N2YM8M="})
    );
    assert_eq!(
        named(&core["resources"], "name", "namespaces/status"),
        &json!({"name": "namespaces/status", "singularName": "", "namespaced": false,
            "kind": "Namespace", "verbs": ["get", "patch", "update"]})
    );
    let names = core["resources"].as_array().unwrap();
    assert!(names.is_sorted_by_key(|r| r["name"].as_str()));
}

#[test]
fn every_group_version_has_its_document() {
    let discovery = discovery();
    for group in groups(Catalogue::default().rows()) {
        for version in &group.versions {
            let group_version = group.group_version(version);
            let root = if group.name.is_empty() { "api" } else { "apis" };
            let path = format!("/{root}/{group_version}");
            let list = discovery.document(&path, "").unwrap();
            let list: Value = serde_json::from_slice(&list.body.open()).unwrap();
            assert_eq!(list["groupVersion"], group_version);
            assert_eq!(
                list["apiVersion"].is_null(),
                group.name.is_empty(),
                "{group_version}"
            );
        }
    }
    for path in discovery.paths() {
        assert!(discovery.document(&path, "").is_some(), "{path}");
    }
    assert!(discovery.document("/apis/nope.example.com", "").is_none());
    assert!(discovery.document("/api/v9", "").is_none());
}

#[test]
fn aggregated_documents_are_tagged_and_negotiated() {
    let discovery = discovery();
    let document = discovery.document("/api", AGGREGATED).unwrap();
    assert_eq!(
        document.content_type,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    assert!(document.etag.is_some());
    let list: Value = serde_json::from_slice(&document.body.open()).unwrap();
    assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2");
    let namespaces = named(
        &list["items"][0]["versions"][0]["resources"],
        "resource",
        "namespaces",
    );
    assert_eq!(
        namespaces["responseKind"],
        json!({"group": "", "version": "v1", "kind": "Namespace"})
    );
    assert_eq!(
        (&namespaces["scope"], &namespaces["singularResource"]),
        (&json!("Cluster"), &json!("namespace"))
    );
    assert_eq!(namespaces["subresources"][0]["subresource"], "finalize");

    // Only the roots have one, and a clause with an unknown edition is ignored.
    let list = discovery.document("/api/v1", AGGREGATED).unwrap();
    assert_eq!(list.content_type, JSON);
    let unknown = "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,*/*;q=0.1";
    let list = discovery.document("/apis", unknown).unwrap();
    assert_eq!((list.content_type, list.etag), (JSON, None));
}
