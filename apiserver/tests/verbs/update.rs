//! PUT: conflicts of versions, immutable fields, dry runs.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_a_missing_one_is_not() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let first = admin
        .post(MAPS, &json!({"metadata": {"name": "m"}}))
        .await
        .json();
    let path = format!("{MAPS}/m");
    let put = |body: serde_json::Value| admin.ask(Method::PUT, &path, body.to_string());
    assert_eq!(
        put(json!({"metadata": {"name": "m"}, "data": {"a": "1"}}))
            .await
            .code,
        200
    );
    let version = &first["metadata"]["resourceVersion"];
    let stale = put(json!({"metadata": {"name": "m", "resourceVersion": version}})).await;
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.message(),
        "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let made = admin
        .post(MAPS, &json!({"metadata": {"name": "m"}}))
        .await
        .json();
    let same = admin
        .ask(Method::PUT, &format!("{MAPS}/m"), made.to_string())
        .await;
    assert_eq!(same.code, 200);
    assert_eq!(
        same.json()["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn a_dry_run_takes_every_step_except_storing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=All"), &map).await.code,
        201
    );
    assert_eq!(admin.get(&format!("{MAPS}/m")).await.code, 404);
    let bad = json!({"metadata": {"name": "NOT A NAME"}});
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=All"), &bad).await.code,
        422
    );
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=Some"), &map).await.code,
        422
    );
}

#[tokio::test]
async fn unknown_fields_are_refused_or_warned_about_as_requested() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m"}, "datum": {}});
    let strict = admin
        .post(&format!("{MAPS}?fieldValidation=Strict"), &map)
        .await;
    assert_eq!(strict.code, 400);
    assert_eq!(
        strict.message(),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"datum\""
    );
    let warned = admin
        .post(&format!("{MAPS}?fieldValidation=Warn&dryRun=All"), &map)
        .await;
    assert_eq!(warned.code, 201);
    assert_eq!(
        warned.headers["warning"],
        "299 - \"unknown field \\\"datum\\\"\""
    );
}

/// The right to add ephemeral containers to a pod permits no other change.
#[tokio::test]
async fn only_ephemeral_containers_change_through_their_subresource() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p", "labels": {"a": "1"}, "annotations": {"b": "1"},
            "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    let made = admin.post(pods, &pod).await.json();
    let path = format!("{pods}/p/ephemeralcontainers");
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]);
    let changed = |container: &str| {
        let mut pod = made.clone();
        pod["metadata"]["labels"] = json!({"a": "2", "c": "2"});
        pod["metadata"]["annotations"] = json!({});
        pod["metadata"]["finalizers"] = json!([]);
        pod["metadata"]["ownerReferences"] = owner.clone();
        pod["spec"]["containers"][0]["image"] = json!("j");
        pod["spec"]["ephemeralContainers"] = json!([{"name": container, "image": "i"}]);
        pod["status"]["phase"] = json!("Failed");
        pod
    };
    let mut unversioned = changed("d");
    unversioned["metadata"]["resourceVersion"] = json!("");
    let merged = json!({
        "metadata": {"labels": {"a": "2"}, "annotations": null, "finalizers": null},
        "spec": {"ephemeralContainers": [
            {"name": "d", "image": "i"}, {"name": "e", "image": "i"}]},
    });
    let merging = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let put = (admin.clone(), Method::PUT, unversioned, 1);
    let patched = (merging, Method::PATCH, merged, 2);
    for (client, method, body, count) in [put, patched] {
        let answer = client.ask(method, &path, body.to_string()).await;
        assert_eq!(answer.code, 200, "{answer:?}");
        let pod = answer.json();
        let (mut new, mut old) = (pod["metadata"].clone(), made["metadata"].clone());
        new["resourceVersion"] = json!(null);
        old["resourceVersion"] = json!(null);
        assert_eq!(new, old);
        let added = pod["spec"]["ephemeralContainers"].as_array().unwrap();
        assert_eq!(added.len(), count);
        assert_eq!(pod["spec"]["containers"], made["spec"]["containers"]);
        assert_eq!(pod["status"], made["status"]);
    }
    let stale = admin
        .ask(Method::PUT, &path, changed("f").to_string())
        .await;
    assert_eq!(stale.code, 409, "{stale:?}");
}
