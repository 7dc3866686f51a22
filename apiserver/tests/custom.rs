//! Kinds that clients define.

mod collections;
mod deep;
mod rules;
mod stored;

use http::Method;
use serde_json::{Value, json};

use crate::controllers::{eventually, gone};
use crate::support::client::Client;
use crate::support::server::TestServer;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const DEFINITION: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com";
pub const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";
const WIDGET: &str = "/apis/example.com/v1/namespaces/default/widgets/a";

pub fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["color"], "properties": {
                        "color": {"type": "string"},
                        "size": {"type": "integer", "default": 3, "maximum": 9}}},
                    "status": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
}

pub fn widget(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec,
        "status": {"size": 7}})
}

pub async fn define(client: &Client, definition: &Value) {
    let answer = client.post(DEFINITIONS, definition).await;
    assert_eq!(answer.code, 201, "{}", answer.message());
    let established = |answer: &Value| {
        let conditions = answer["status"]["conditions"].as_array();
        let is = |c: &Value| c["type"] == "Established" && c["status"] == "True";
        conditions.is_some_and(|conditions| conditions.iter().any(is))
    };
    let name = definition["metadata"]["name"].as_str().unwrap();
    let path = format!("{DEFINITIONS}/{name}");
    eventually(client, &path, |answer| established(&answer.json())).await;
}

#[tokio::test]
async fn a_defined_kind_is_served_like_any_other() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(admin.get(WIDGETS).await.code, 404);
    define(&admin, &definition()).await;
    let resources = admin.get("/apis/example.com/v1").await.json();
    let names = resources["resources"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|r| r["name"].clone()).collect();
    assert_eq!(names, ["widgets", "widgets/scale", "widgets/status"]);

    let created = admin
        .post(WIDGETS, &widget(&json!({"color": "red", "odd": 1})))
        .await;
    assert_eq!(created.code, 201, "{}", created.message());
    let created = created.json();
    assert_eq!(created["spec"], json!({"color": "red", "size": 3}));
    assert_eq!(
        (&created["status"], &created["metadata"]["generation"]),
        (&Value::Null, &json!(1))
    );
    let wrong = admin
        .post(WIDGETS, &widget(&json!({"color": 1, "size": 10})))
        .await;
    assert_eq!(wrong.code, 422);
    assert!(
        wrong.message().contains("spec.size: Invalid value: 10"),
        "{}",
        wrong.message()
    );

    let merge = |path: &'static str, patch: Value| {
        let client = server
            .admin()
            .header("content-type", "application/merge-patch+json");
        async move {
            client
                .ask(Method::PATCH, path, patch.to_string())
                .await
                .json()
        }
    };
    const STATUS: &str = "/apis/example.com/v1/namespaces/default/widgets/a/status";
    let status = merge(
        STATUS,
        json!({"status": {"size": 2}, "spec": {"color": "no"}}),
    )
    .await;
    assert_eq!(
        (&status["status"]["size"], &status["spec"]["color"]),
        (&json!(2), &json!("red"))
    );
    const SCALE: &str = "/apis/example.com/v1/namespaces/default/widgets/a/scale";
    let scale = merge(SCALE, json!({"spec": {"replicas": 5}})).await;
    assert_eq!(
        (&scale["spec"]["replicas"], &scale["status"]["replicas"]),
        (&json!(5), &json!(2))
    );
    let widget = admin.get(WIDGET).await.json();
    assert_eq!(
        (&widget["spec"]["size"], &widget["metadata"]["generation"]),
        (&json!(5), &json!(2))
    );

    let table = admin.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let table = table.get(WIDGETS).await.json();
    assert_eq!(table["rows"][0]["cells"], json!(["a", 5]));
}

#[tokio::test]
async fn a_definition_is_deleted_after_its_objects_and_survives_a_restart() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    let mut held = widget(&json!({"color": "red"}));
    held["metadata"]["finalizers"] = json!(["example"]);
    assert_eq!(admin.post(WIDGETS, &held).await.code, 201);
    let server = TestServer::start_in(server.stop().await, &[]).await;
    let admin = server.admin();
    assert_eq!(admin.get(WIDGET).await.json()["spec"]["size"], 3);

    assert_eq!(admin.delete(DEFINITION).await.code, 200);
    eventually(&admin, WIDGET, |answer| {
        answer.json()["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    assert_eq!(admin.get(DEFINITION).await.code, 200);
    let json_patch = admin.header("content-type", "application/json-patch+json");
    let release = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    let released = json_patch
        .ask(Method::PATCH, WIDGET, release.to_string())
        .await;
    assert_eq!(released.code, 200, "{}", released.message());
    let admin = server.admin();
    gone(&admin, DEFINITION).await;
    assert_eq!(admin.get(WIDGETS).await.code, 404);
    define(&admin, &definition()).await;
    assert_eq!(admin.get(WIDGETS).await.json()["items"], json!([]));

    // objects are also deleted if none of their versions is served any more
    let created = admin.post(WIDGETS, &widget(&json!({"color": "red"}))).await;
    assert_eq!(created.code, 201, "{}", created.message());
    let json_patch = server
        .admin()
        .header("content-type", "application/json-patch+json");
    let unserve = json!([{"op": "replace", "path": "/spec/versions/0/served", "value": false}]);
    let unserved = json_patch
        .ask(Method::PATCH, DEFINITION, unserve.to_string())
        .await;
    assert_eq!(unserved.code, 200, "{}", unserved.message());
    assert_eq!(admin.delete(DEFINITION).await.code, 200);
    gone(&admin, DEFINITION).await;
    define(&admin, &definition()).await;
    assert_eq!(admin.get(WIDGETS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_a_version_does_not_offer_is_rejected_in_upstreams_words() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let mut definition = definition();
    let bare = json!({"name": "v2", "served": true, "storage": false, "deprecated": true, "deprecationWarning": "old",
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let versions = definition["spec"]["versions"].as_array_mut().unwrap();
    versions.push(bare);
    define(&admin, &definition).await;
    let created = admin.post(WIDGETS, &widget(&json!({"color": "red"}))).await;
    assert_eq!(created.code, 201, "{}", created.message());
    let missing = r#"widgets.example.com "a" not found"#;
    let other = WIDGET.replace("/v1/", "/v2/");
    for (method, path, code, message) in [
        (Method::GET, format!("{other}/status"), 404, missing),
        (Method::GET, format!("{WIDGET}/nothing"), 404, missing),
        (
            Method::DELETE,
            format!("{WIDGET}/status"),
            405,
            r#"delete is not supported on resources of kind "widgets.example.com""#,
        ),
        (
            Method::PUT,
            WIDGETS.to_owned(),
            400,
            "name must be provided",
        ),
    ] {
        let answer = admin.ask(method, &path, "{}").await;
        assert_eq!((answer.code, &*answer.message()), (code, message), "{path}");
        let warned = answer.headers.contains_key("warning");
        assert_eq!(warned, path.contains("/v2/"), "{path}");
    }
    let strategic = "application/strategic-merge-patch+json";
    let scale = admin.clone().header("content-type", strategic);
    let answer = scale
        .ask(Method::PATCH, &format!("{WIDGET}/scale"), "{}")
        .await;
    assert_eq!(answer.code, 415);
    assert!(!answer.message().contains(strategic), "{answer:?}");
}

#[tokio::test]
async fn the_options_of_a_deletion_have_a_known_media_type() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    let created = admin.post(WIDGETS, &widget(&json!({"color": "red"}))).await;
    assert_eq!(created.code, 201, "{}", created.message());
    let sent = |media_type: &str, body: &'static str| {
        let client = admin.clone().header("content-type", media_type);
        async move { client.ask(Method::DELETE, WIDGET, body).await }
    };
    assert_eq!(sent("text/plain", "{}").await.code, 415);
    let dry = sent("application/yaml", "dryRun: [All]").await;
    assert_eq!(dry.code, 200, "{}", dry.message());
    assert_eq!(admin.get(WIDGET).await.code, 200);
    assert_eq!(sent("application/json", "{}").await.code, 200);
    assert_eq!(admin.get(WIDGET).await.code, 404);
}
