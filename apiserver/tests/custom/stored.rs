//! Stored custom objects are found again after a crash, and by another server.

use http::Method;
use portcullis_storage::etcd_server::EtcdServer;
use serde_json::json;

use super::{DEFINITION, DEFINITIONS, WIDGET, WIDGETS, define, definition, widget};
use crate::controllers::{eventually, gone};
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

const MERGE: &str = "application/merge-patch+json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_kill() {
    let dir = directory();
    let data = dir.path().join("data");
    for round in 0..3 {
        let process = Process::start(data.clone(), &[]);
        let admin = process.admin();
        let list = admin.get(WIDGETS).await;
        match round {
            0 => define(&admin, &definition()).await,
            _ => assert_eq!(
                list.json()["items"].as_array().unwrap().len(),
                round * 5,
                "served at once, with every object"
            ),
        }
        for number in 0..5 {
            let mut object = widget(&json!({"color": "red"}));
            object["metadata"]["name"] = json!(format!("w{round}-{number}"));
            assert_eq!(admin.post(WIDGETS, &object).await.code, 201);
        }
        process.kill();
    }
    let process = Process::start(data, &[]);
    let list = process.admin().get(WIDGETS).await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 15);
    assert!(items.iter().all(|item| item["spec"]["size"] == 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_etcd_serve_the_same_kinds() {
    let etcd = EtcdServer::start();
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let first = TestServer::start(&[&flag]).await;
    let second = TestServer::start(&[&flag]).await;
    let (here, there) = (first.admin(), second.admin());
    define(&here, &definition()).await;
    eventually(&there, WIDGETS, |answer| answer.code == 200).await;
    let object = widget(&json!({"color": "red"}));
    assert_eq!(there.post(WIDGETS, &object).await.code, 201);
    assert_eq!(here.get(WIDGET).await.json()["spec"]["size"], 3);

    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/shade";
    let shade =
        json!([{"op": "add", "path": schema, "value": {"type": "string", "default": "dark"}}]);
    let json_patch = here
        .clone()
        .header("content-type", "application/json-patch+json");
    let changed = json_patch.ask(Method::PATCH, DEFINITION, shade.to_string());
    assert_eq!(changed.await.code, 200);
    let is_dark =
        |answer: &crate::support::client::Answer| answer.json()["spec"]["shade"] == "dark";
    eventually(&there, WIDGET, is_dark).await;
    let merge = there.clone().header("content-type", MERGE);
    let patch = json!({"spec": {"shade": "light"}}).to_string();
    assert_eq!(merge.ask(Method::PATCH, WIDGET, patch).await.code, 200);
    assert_eq!(here.get(WIDGET).await.json()["spec"]["shade"], "light");

    assert_eq!(there.delete(DEFINITION).await.code, 200);
    gone(&here, DEFINITION).await;
    eventually(&there, WIDGETS, |answer| answer.code == 404).await;
    eventually(&here, WIDGETS, |answer| answer.code == 404).await;
    let left = there.get(DEFINITIONS).await.json();
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn no_object_is_created_of_a_kind_in_deletion() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    let mut held = widget(&json!({"color": "red"}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    assert_eq!(admin.post(WIDGETS, &held).await.code, 201);
    assert_eq!(admin.delete(DEFINITION).await.code, 200);
    let refused = admin.post(WIDGETS, &widget(&json!({"color": "red"}))).await;
    assert_eq!(refused.code, 405);
    assert_eq!(
        refused.message(),
        "create not allowed while custom resource definition is terminating"
    );
    let apply = admin
        .clone()
        .header("content-type", "application/apply-patch+yaml");
    let mut other = widget(&json!({"color": "red"}));
    other["metadata"]["name"] = json!("b");
    let path = format!("{WIDGETS}/b?fieldManager=me");
    let applied = apply.ask(Method::PATCH, &path, other.to_string()).await;
    assert_eq!(applied.code, 405, "{}", applied.message());
    let merge = admin.clone().header("content-type", MERGE);
    let release = json!({"metadata": {"finalizers": null}}).to_string();
    let released = merge.ask(Method::PATCH, WIDGET, release).await;
    assert_eq!(released.code, 200, "{}", released.message());
    gone(&admin, DEFINITION).await;
}

/// Whole numbers are stored without a fraction, with which clients may send them.
#[tokio::test]
async fn an_apply_of_the_same_numbers_changes_nothing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let mut definition = definition();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    definition.pointer_mut(spec).unwrap()["ratios"] =
        json!({"type": "array", "items": {"type": "number"}});
    define(&admin, &definition).await;
    let apply = admin
        .clone()
        .header("content-type", "application/apply-patch+yaml");
    let mut object = widget(&json!({"color": "red", "ratios": [2.0, 2.5]}));
    object["metadata"]["name"] = json!("n");
    let by = |manager: &str| format!("{WIDGETS}/n?fieldManager={manager}");
    let applied = apply.ask(Method::PATCH, &by("a"), object.to_string()).await;
    assert_eq!(applied.code, 201, "{}", applied.message());
    let again = apply.ask(Method::PATCH, &by("a"), object.to_string()).await;
    let version = |object: &serde_json::Value| object["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&again.json()), version(&applied.json()));
    let other = apply.ask(Method::PATCH, &by("b"), object.to_string()).await;
    assert_eq!(other.code, 200, "{}", other.message());

    let everywhere = WIDGETS.replace("/namespaces/default", "");
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let refused = apply.ask(method, &everywhere, object.to_string()).await;
        let text = String::from_utf8_lossy(&refused.body);
        assert_eq!(text.trim(), "404 page not found");
    }
}
