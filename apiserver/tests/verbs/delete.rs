//! DELETE: immediate, with a grace period, or after the last finalizer.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MERGE: &str = "application/merge-patch+json";

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_removed() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m", "finalizers": ["example.com/hold"]}});
    assert_eq!(admin.post(MAPS, &map).await.code, 201);
    let path = format!("{MAPS}/m");
    let deleted = admin.delete(&path).await.json();
    assert_eq!(deleted["kind"], "ConfigMap");
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(admin.get(&path).await.code, 200);
    let free = json!({"metadata": {"finalizers": null}}).to_string();
    let freed = admin
        .clone()
        .header("content-type", MERGE)
        .ask(Method::PATCH, &path, free)
        .await;
    assert_eq!(freed.code, 200);
    assert_eq!(admin.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_precondition_protects_another_object_of_the_same_name() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "m"}}))
            .await
            .code,
        201
    );
    let options = json!({"preconditions": {"uid": "another"}}).to_string();
    let path = format!("{MAPS}/m");
    assert_eq!(admin.ask(Method::DELETE, &path, options).await.code, 409);
    let gone = admin.delete(&path).await.json();
    assert_eq!(
        (&gone["kind"], &gone["status"]),
        (&json!("Status"), &json!("Success"))
    );
    assert_eq!(gone["details"]["name"], "m");
}

#[tokio::test]
async fn a_bound_pod_gets_its_grace_period_and_an_unbound_one_is_deleted_immediately() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    for (name, node) in [("bound", json!("node-1")), ("unbound", json!(null))] {
        let pod = json!({"metadata": {"name": name},
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}});
        assert_eq!(admin.post(pods, &pod).await.code, 201);
    }
    let bound = admin.delete(&format!("{pods}/bound")).await.json();
    assert_eq!(bound["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(admin.get(&format!("{pods}/bound")).await.code, 200);
    assert_eq!(admin.delete(&format!("{pods}/unbound")).await.code, 200);
    assert_eq!(admin.get(&format!("{pods}/unbound")).await.code, 404);
}

#[tokio::test]
async fn a_namespace_is_deleted_with_its_content() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(
        admin
            .post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}}))
            .await
            .code,
        201
    );
    let maps = "/api/v1/namespaces/n/configmaps";
    assert_eq!(
        admin
            .post(maps, &json!({"metadata": {"name": "m"}}))
            .await
            .code,
        201
    );
    let deleted = admin.delete("/api/v1/namespaces/n").await.json();
    assert_eq!(deleted["status"]["phase"], "Terminating");
    for _ in 0..100 {
        if admin.get("/api/v1/namespaces/n").await.code == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(admin.get("/api/v1/namespaces/n").await.code, 404);
    assert_eq!(admin.get(&format!("{maps}/m")).await.code, 404);
    let kept = admin.delete("/api/v1/namespaces/kube-system").await;
    assert_eq!(kept.code, 403);
    assert_eq!(
        kept.message(),
        "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test]
async fn some_kinds_return_the_deleted_object_and_others_a_status() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let core = "/api/v1/namespaces/default";
    let storage = "/apis/storage.k8s.io/v1";
    for (collection, object) in [
        (format!("{core}/serviceaccounts"), json!({})),
        (format!("{core}/resourcequotas"), json!({"spec": {}})),
        (
            format!("{core}/services"),
            json!({"spec": {"ports": [{"port": 80}]}}),
        ),
        (
            format!("{core}/podtemplates"),
            json!({"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
        ),
        (
            format!("{storage}/storageclasses"),
            json!({"provisioner": "example.com/p"}),
        ),
        (format!("{storage}/csidrivers"), json!({"spec": {}})),
        (
            format!("{storage}/csinodes"),
            json!({"spec": {"drivers": []}}),
        ),
    ] {
        let mut object = object;
        object["metadata"] = json!({"name": "a"});
        let made = admin.post(&collection, &object).await;
        assert_eq!(made.code, 201, "{made:?}");
        let gone = admin.delete(&format!("{collection}/a")).await.json();
        let (gone, made) = (&gone["metadata"]["uid"], &made.json()["metadata"]["uid"]);
        assert_eq!(gone, made, "{collection}");
    }
    let maps = json!({"metadata": {"name": "m"}});
    assert_eq!(admin.post(MAPS, &maps).await.code, 201);
    let gone = admin.delete(&format!("{MAPS}/m")).await.json();
    assert_eq!(gone["kind"], "Status");
    // a collection always returns its deleted objects
    assert_eq!(admin.post(MAPS, &maps).await.code, 201);
    let one = format!("{MAPS}?fieldSelector=metadata.name=m");
    let gone = admin.delete(&one).await.json();
    assert_eq!(gone["kind"], "ConfigMapList");
    assert_eq!(gone["items"][0]["metadata"]["name"], "m");
}

#[tokio::test]
async fn unsupported_cascades_are_accepted() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m", "finalizers": ["example.com/hold"]}});
    assert_eq!(admin.post(MAPS, &map).await.code, 201);
    let path = format!("{MAPS}/m");
    let cascading = format!("{path}?orphanDependents=false");
    assert_eq!(admin.delete(&cascading).await.code, 202);
    assert_eq!(admin.delete(&path).await.code, 200);
}

#[tokio::test]
async fn the_systems_priority_classes_exist_and_are_protected() {
    let server = TestServer::start(&[]).await;
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    for (name, value) in [
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    ] {
        let path = format!("{classes}/{name}");
        let class = server.admin().get(&path).await.json();
        assert_eq!(class["value"], value);
        assert_eq!(class["metadata"]["generation"], 1);
        let refused = server.admin().delete(&path).await;
        assert_eq!(refused.code, 403);
        assert_eq!(
            refused.message(),
            format!(
                "priorityclasses.scheduling.k8s.io {name:?} is forbidden: this is a system priority class and cannot be deleted"
            )
        );
        let merge = server.admin().header("content-type", MERGE);
        let changed = merge.ask(Method::PATCH, &path, r#"{"value": 1}"#).await;
        assert_eq!(changed.code, 422, "{changed:?}");
    }
    let own = json!({"metadata": {"name": "own"}, "value": 1});
    assert_eq!(server.admin().post(classes, &own).await.code, 201);
    let gone = server.admin().delete(&format!("{classes}/own")).await;
    assert_eq!(gone.code, 200);
}

/// Immediate deletion marks a pod first. If another write then completes the deletion, it has succeeded
/// nevertheless.
#[tokio::test]
async fn a_deletion_that_another_write_completes_succeeds() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let (path, status) = (format!("{pods}/p"), format!("{pods}/p/status"));
    let mut deleting = admin.connect().await.unwrap();
    let merging = admin.clone().header("content-type", MERGE);
    let mut changing = merging.connect().await.unwrap();
    for n in 0..200 {
        assert_eq!(admin.post(pods, &pod).await.code, 201);
        let reason = json!({"status": {"reason": n.to_string()}}).to_string();
        let (deleted, _) = tokio::join!(
            deleting.ask(Method::DELETE, &path, "{}"),
            changing.ask(Method::PATCH, &status, reason),
        );
        let deleted = deleted.unwrap();
        assert_eq!(deleted.code, 200, "{n}: {deleted:?}");
        assert_eq!(admin.get(&path).await.code, 404);
    }
}

#[tokio::test]
async fn a_negative_grace_period_is_one_second() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n",
        "containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(admin.post(pods, &pod).await.code, 201);
    let path = format!("{pods}/p?dryRun=All&gracePeriodSeconds=-1");
    let deleted = admin.ask(Method::DELETE, &path, "").await.json();
    assert_eq!(deleted["metadata"]["deletionGracePeriodSeconds"], 1);
    let options = json!({"dryRun": ["All", "x"]}).to_string();
    let wrong = admin
        .ask(Method::DELETE, &format!("{pods}/p"), options)
        .await;
    let why = "Unsupported value: []string{\"All\", \"x\"}: supported values: \"All\"";
    assert_eq!(wrong.json()["details"]["causes"][0]["message"], why);
}
