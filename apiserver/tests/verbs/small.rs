//! Small behaviors that clients notice.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const NAMESPACE: &str = "/api/v1/namespaces/default";

#[tokio::test]
async fn a_new_object_may_have_an_invalid_version() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for (version, code) in [("0", 201), ("abc", 201), ("-1", 201), ("1", 400)] {
        let meta = json!({"generateName": "m-", "resourceVersion": version});
        let maps = format!("{NAMESPACE}/configmaps");
        let made = admin.post(&maps, &json!({"metadata": meta})).await;
        assert_eq!(made.code, code, "{version}: {made:?}");
    }
}

#[tokio::test]
async fn a_binding_and_an_eviction_name_their_pod() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pod = json!({"metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(
        admin.post(&format!("{NAMESPACE}/pods"), &pod).await.code,
        201
    );
    let nameless = json!({"target": {"name": "n"}});
    let below = admin
        .post(&format!("{NAMESPACE}/pods/p/binding"), &nameless)
        .await;
    let why = "name in URL does not match name in Binding object".to_owned();
    assert_eq!((below.code, below.message()), (400, why));
    let alone = admin
        .post(&format!("{NAMESPACE}/bindings"), &nameless)
        .await;
    let why = "Name parameter required.".to_owned();
    assert_eq!((alone.code, alone.message()), (400, why));
    let evictions = format!("{NAMESPACE}/pods/p/eviction");
    let eviction = admin.post(&evictions, &json!({})).await;
    let why = "name in URL does not match name in Eviction object".to_owned();
    assert_eq!(eviction.message(), why);
}

#[tokio::test]
async fn an_empty_topology_is_reported_twice() {
    let server = TestServer::start(&[]).await;
    let class = json!({"metadata": {"name": "c"}, "provisioner": "example.com/p",
        "allowedTopologies": [{}]});
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    let refused = server.admin().post(classes, &class).await;
    assert_eq!(refused.code, 422);
    assert!(
        refused
            .message()
            .ends_with("allowedTopologies[0].matchLabelExpressions: Duplicate value: \"\"")
    );
}

#[tokio::test]
async fn warnings_are_limited() {
    let server = TestServer::start(&[]).await;
    let mut map = json!({"metadata": {"name": "m"}});
    for at in 0..90 {
        map[format!("f{at}")] = json!(1);
    }
    let made = server
        .admin()
        .post(&format!("{NAMESPACE}/configmaps"), &map)
        .await;
    assert_eq!(made.code, 201);
    assert_eq!(made.headers.get_all("warning").iter().count(), 50);

    let mut map = json!({"metadata": {"name": "long"}});
    for at in 0..40 {
        map[format!("{at:0400}")] = json!(1);
    }
    let made = server
        .admin()
        .post(&format!("{NAMESPACE}/configmaps"), &map)
        .await;
    assert_eq!(made.code, 201);
    assert_eq!(made.headers.get_all("warning").iter().count(), 9);
}

#[tokio::test]
async fn health_checks_can_be_selected_and_excluded() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for path in [
        "/livez/etcd",
        "/readyz/etcd",
        "/healthz/etcd",
        "/livez?exclude=etcd",
    ] {
        let answer = admin.get(path).await;
        assert_eq!((answer.code, &answer.body[..]), (200, &b"ok"[..]), "{path}");
    }
    assert_eq!(admin.get("/livez/none").await.code, 404);
}

#[tokio::test]
async fn a_duplicate_field_in_a_patch_is_reported() {
    let server = TestServer::start(&[]).await;
    let maps = format!("{NAMESPACE}/configmaps");
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(server.admin().post(&maps, &map).await.code, 201);
    let merge = server
        .admin()
        .header("content-type", "application/merge-patch+json");
    let patch = r#"{"data": {"a": "1", "a": "2"}}"#;
    let patched = merge.ask(Method::PATCH, &format!("{maps}/m"), patch).await;
    assert_eq!(patched.code, 200);
    assert_eq!(
        patched.headers["warning"],
        r#"299 - "duplicate field \"data.a\"""#
    );
    let strict = format!("{maps}/m?fieldValidation=Strict");
    assert_eq!(merge.ask(Method::PATCH, &strict, patch).await.code, 422);
}

/// In Go an empty map differs from one that is not set, until it is stored.
#[tokio::test]
async fn an_empty_map_changes_an_immutable_object() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let merge = server
        .admin()
        .header("content-type", "application/merge-patch+json");
    let core = |plural: &str| format!("{NAMESPACE}/{plural}");
    let classes = "/apis/storage.k8s.io/v1/storageclasses".to_owned();
    let frozen = json!({"metadata": {"name": "i"}, "immutable": true});
    let class = json!({"metadata": {"name": "i"}, "provisioner": "example.com/p"});
    for (collection, object, fields) in [
        (
            core("configmaps"),
            frozen.clone(),
            &["data", "binaryData"][..],
        ),
        (core("secrets"), frozen, &["data"]),
        (classes, class, &["parameters"]),
    ] {
        let made = admin.post(&collection, &object).await;
        assert_eq!(made.code, 201, "{made:?}");
        for field in fields {
            let path = format!("{collection}/i");
            let patch = json!({(*field): {}}).to_string();
            let refused = merge.ask(Method::PATCH, &path, patch).await;
            assert_eq!(refused.code, 422, "{refused:?}");
            let cause = refused.json()["details"]["causes"][0]["field"].clone();
            assert_eq!(cause, *field);
            let same = merge.ask(Method::PATCH, &path, "{}").await;
            assert_eq!(same.code, 200, "{same:?}");
        }
    }
}
