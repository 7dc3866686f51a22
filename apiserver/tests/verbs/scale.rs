//! The scale of a deployment, read and changed.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

async fn deployment(admin: &Client) {
    let web = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let path = "/apis/apps/v1/namespaces/default/deployments?fieldManager=maker";
    assert_eq!(admin.post(path, &web).await.code, 201);
}

async fn patch(admin: &Client, kind: &str, query: &str, body: Value) -> Answer {
    let client = admin.clone().header("content-type", kind);
    let path = format!("{WEB}/scale?{query}");
    client.ask(Method::PATCH, &path, body.to_string()).await
}

#[tokio::test]
async fn a_scale_is_read_replaced_and_patched() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    deployment(&admin).await;
    let mut scale = admin.get(&format!("{WEB}/scale")).await.json();
    assert_eq!(
        (&scale["kind"], &scale["apiVersion"], &scale["spec"]),
        (
            &json!("Scale"),
            &json!("autoscaling/v1"),
            &json!({"replicas": 2})
        )
    );
    assert_eq!(
        scale["status"],
        json!({"replicas": 0, "selector": "app=web"})
    );
    scale["spec"]["replicas"] = json!(5);
    let put = |body: &Value| {
        let (admin, body) = (admin.clone(), body.to_string());
        async move { admin.ask(Method::PUT, &format!("{WEB}/scale"), body).await }
    };
    let answer = put(&scale).await;
    assert_eq!(
        (answer.code, answer.json()["spec"].clone()),
        (200, json!({"replicas": 5}))
    );
    let web = admin.get(WEB).await.json();
    assert_eq!(
        (&web["spec"]["replicas"], &web["metadata"]["generation"]),
        (&json!(5), &json!(2))
    );
    // the version that was read first is no longer current
    let stale = put(&scale).await;
    assert_eq!(stale.code, 409);
    assert!(
        stale.message().contains("deployments.apps \"web\""),
        "{stale:?}"
    );
    scale["metadata"]["uid"] = json!("other");
    let other = put(&scale).await;
    assert_eq!(other.code, 409);
    assert!(
        other.message().contains("deployments/scale.apps \"web\""),
        "{other:?}"
    );
    let merged = patch(
        &admin,
        "application/merge-patch+json",
        "",
        json!({"spec": {"replicas": -1}}),
    )
    .await;
    assert_eq!(merged.code, 422);
    assert_eq!(
        merged.message(),
        "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
    let dry = patch(
        &admin,
        "application/merge-patch+json",
        "dryRun=All",
        json!({"spec": {"replicas": 9}}),
    )
    .await;
    assert_eq!(dry.json()["spec"]["replicas"], 9);
    assert_eq!(admin.get(WEB).await.json()["spec"]["replicas"], 5);
    let table = admin.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let row = table.get(&format!("{WEB}/scale")).await.json()["rows"][0]["cells"].clone();
    assert_eq!(
        (&row[0], &row[1], &row[2]),
        (&json!("web"), &json!(5), &json!(0))
    );
}

#[tokio::test]
async fn the_manager_that_scales_owns_the_replicas() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    deployment(&admin).await;
    let owners = || async {
        let web = admin.get(WEB).await.json();
        let entries = web["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of = |e: &Value| {
            let owns = e["fieldsV1"]["f:spec"].get("f:replicas").is_some();
            owns.then(|| format!("{} {} {}", e["manager"], e["operation"], e["subresource"]))
        };
        entries.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(owners().await, ["\"maker\" \"Update\" null"]);
    let body = json!({"spec": {"replicas": 3}});
    let merged = patch(
        &admin,
        "application/merge-patch+json",
        "fieldManager=hpa",
        body,
    )
    .await;
    assert_eq!(merged.code, 200);
    assert_eq!(owners().await, ["\"hpa\" \"Update\" \"scale\""]);
    let config = json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": "web"}, "spec": {"replicas": 4}});
    let applied = patch(
        &admin,
        "application/apply-patch+yaml",
        "fieldManager=gitops",
        config.clone(),
    )
    .await;
    assert_eq!(applied.code, 409);
    assert!(
        applied
            .message()
            .contains("conflict with \"hpa\" with subresource \"scale\""),
        "{applied:?}"
    );
    let forced = patch(
        &admin,
        "application/apply-patch+yaml",
        "fieldManager=gitops&force=true",
        config,
    )
    .await;
    assert_eq!(forced.code, 200);
    assert_eq!(owners().await, ["\"gitops\" \"Apply\" \"scale\""]);
}

#[tokio::test]
async fn missing_objects_and_other_kinds_have_no_scale() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let missing = admin.get(&format!("{WEB}/scale")).await;
    assert_eq!(
        (missing.code, missing.message().as_str()),
        (404, "deployments/scale.apps \"web\" not found")
    );
    let none = admin
        .get("/api/v1/namespaces/default/configmaps/m/scale")
        .await;
    assert_eq!(
        none.message(),
        "the server could not find the requested resource"
    );
    // the right to scale is separate
    let refused = server.alice().get(&format!("{WEB}/scale")).await;
    assert_eq!(refused.code, 403);
    assert!(
        refused.message().contains("resource \"deployments/scale\""),
        "{refused:?}"
    );
}
