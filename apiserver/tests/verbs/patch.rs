//! PATCH in its three older forms.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const POD: &str = "/api/v1/namespaces/default/pods/p";

async fn patch(client: &Client, kind: &str, body: Value) -> Answer {
    let content_type = format!("application/{kind}+json");
    client
        .clone()
        .header("content-type", &content_type)
        .ask(Method::PATCH, POD, body.to_string())
        .await
}

async fn pod(admin: &Client) {
    let pod = json!({"metadata": {"name": "p", "labels": {"a": "1"}},
        "spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}});
    assert_eq!(
        admin
            .post("/api/v1/namespaces/default/pods", &pod)
            .await
            .code,
        201
    );
}

#[tokio::test]
async fn each_form_is_applied() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    pod(&admin).await;
    let merged = patch(
        &admin,
        "merge-patch",
        json!({"metadata": {"labels": {"a": null, "b": "2"}}}),
    )
    .await;
    assert_eq!(merged.json()["metadata"]["labels"], json!({"b": "2"}));
    let operation = json!([{"op": "add", "path": "/metadata/labels/c", "value": "3"}]);
    let patched = patch(&admin, "json-patch", operation).await;
    assert_eq!(
        patched.json()["metadata"]["labels"],
        json!({"b": "2", "c": "3"})
    );
    let strategic = json!({"spec": {"containers": [{"name": "d", "image": "other"}]}});
    let patched = patch(&admin, "strategic-merge-patch", strategic)
        .await
        .json();
    let image = |at: usize| patched["spec"]["containers"][at]["image"].clone();
    assert_eq!((image(0), image(1)), (json!("i"), json!("other")));
}

#[tokio::test]
async fn a_patch_that_cannot_be_applied_changes_nothing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    pod(&admin).await;
    let before = admin.get(POD).await.json();
    let absent = json!([{"op": "replace", "path": "/metadata/labels/a", "value": "9"},
        {"op": "test", "path": "/metadata/labels/a", "value": "1"}]);
    assert_eq!(patch(&admin, "json-patch", absent).await.code, 422);
    assert_eq!(
        patch(
            &admin,
            "merge-patch",
            json!({"spec": {"hostNetwork": true}})
        )
        .await
        .code,
        422
    );
    assert_eq!(patch(&admin, "unknown-patch", json!({})).await.code, 415);
    assert_eq!(admin.get(POD).await.json(), before);
}

#[tokio::test]
async fn a_strategic_patch_keeps_the_types_of_fields() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    pod(&admin).await;
    let other = json!({"kind": "Other", "apiVersion": "o/v1", "metadata": {"labels": {"b": "2"}}});
    let patched = patch(&admin, "strategic-merge-patch", other.clone()).await;
    assert_eq!(patched.code, 200, "{patched:?}");
    assert_eq!(patched.json()["kind"], "Pod");
    assert_eq!(patched.json()["metadata"]["labels"]["b"], "2");
    assert_eq!(patch(&admin, "merge-patch", other).await.code, 422);
}

#[tokio::test]
async fn a_patch_of_the_wrong_type_fails_with_gos_text() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    pod(&admin).await;
    for (kind, change, why) in [
        (
            "strategic-merge-patch",
            json!({"spec": {"hostNetwork": "yes"}}),
            "unrecognized type: bool",
        ),
        (
            "strategic-merge-patch",
            json!({"metadata": {"labels": {"a": 1}}}),
            "cannot convert int64 to string",
        ),
        (
            "strategic-merge-patch",
            json!({"spec": {"dnsConfig": "x"}}),
            "cannot restore struct from: string",
        ),
        (
            "merge-patch",
            json!({"spec": {"hostNetwork": "yes"}}),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
    ] {
        let refused = patch(&admin, kind, change).await;
        assert_eq!(refused.code, 422);
        let cause = refused.json()["details"]["causes"][0].clone();
        assert_eq!(cause["field"], "patch");
        let message = cause["message"].as_str().unwrap();
        assert!(message.ends_with(&format!(": {why}")), "{message}");
    }
}

#[tokio::test]
async fn an_apply_with_a_uid_creates_no_object() {
    let server = TestServer::start(&[]).await;
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "uid": "abc"}});
    let path = "/api/v1/namespaces/default/configmaps/m?fieldManager=me";
    let apply = server
        .admin()
        .header("content-type", "application/apply-patch+yaml");
    let answer = apply.ask(Method::PATCH, path, map.to_string()).await;
    assert_eq!(answer.code, 409, "{answer:?}");
    assert!(
        answer.message().ends_with(
            "uid mismatch: the provided object specified uid abc, and no existing object was found"
        ),
        "{answer:?}"
    );
}
