//! An unreadable object does not affect the others.

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{ReadAt, Storage};
use serde_json::json;

use super::{eventually, gone};
use crate::support::process::Process;
use crate::support::server::directory;

/// A truncated protobuf object of a kube-apiserver.
const UNREADABLE: &[u8] = b"k8s\0\x0a\x0c";

/// Makes a key unreadable.
async fn spoil(store: &EmbeddedStorage, key: &str) {
    let found = store.get(key, ReadAt::Latest).await.unwrap().entry;
    let value = Bytes::from_static(UNREADABLE);
    let spoiled = match found {
        Some(entry) => store.compare_and_swap(key, entry.revision, value).await,
        None => store.create(key, value).await,
    };
    spoiled.unwrap();
}

#[tokio::test]
async fn unreadable_objects_stop_no_controller() {
    let dir = directory();
    let ttl = ["--event-ttl=3s"];
    let server = Process::start(dir.path().join("data"), &ttl);
    let admin = server.admin();
    let namespace = |name: &str| json!({"metadata": {"name": name}});
    for name in ["bad", "going"] {
        let made = admin.post("/api/v1/namespaces", &namespace(name)).await;
        assert_eq!(made.code, 201, "{made:?}");
        let map = format!("/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt");
        eventually(&admin, &map, |answer| answer.code == 200).await;
    }
    let data = server.kill();
    let store = EmbeddedStorage::open(&data.join("store")).unwrap();
    for key in [
        "configmaps/bad/kube-root-ca.crt",
        "serviceaccounts/bad/default",
        "events/bad/e",
        "clusterroles/bad",
        "secrets/bad/s",
        "configmaps/going/m",
    ] {
        spoil(&store, &format!("/registry/{key}")).await;
    }
    store.close().await;

    let server = Process::start(data, &ttl);
    let admin = server.admin();
    let made = admin.post("/api/v1/namespaces", &namespace("good")).await;
    assert_eq!(made.code, 201, "{made:?}");
    for path in ["configmaps/kube-root-ca.crt", "serviceaccounts/default"] {
        let path = format!("/api/v1/namespaces/good/{path}");
        eventually(&admin, &path, |answer| answer.code == 200).await;
    }

    let event = json!({
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "good", "name": "p"},
    });
    let events = "/api/v1/namespaces/good/events";
    assert_eq!(admin.post(events, &event).await.code, 201);
    gone(&admin, &format!("{events}/e")).await;

    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let labels = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let rule = json!({"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]});
    let role = json!({"metadata": {"name": "more", "labels": labels}, "rules": [rule]});
    assert_eq!(admin.post(roles, &role).await.code, 201);
    let filled = |rules: &serde_json::Value| rules.to_string().contains("example.com");
    eventually(&admin, &format!("{roles}/view"), |answer| {
        answer.code == 200 && filled(&answer.json()["rules"])
    })
    .await;

    let quotas = "/api/v1/namespaces/bad/resourcequotas";
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"secrets": "5"}}});
    assert_eq!(admin.post(quotas, &quota).await.code, 201);
    eventually(&admin, &format!("{quotas}/q"), |answer| {
        answer.json()["status"]["used"]["secrets"] == "0"
    })
    .await;

    // The other objects of a namespace are deleted, and other namespaces are not delayed.
    for name in ["going", "good"] {
        let deleted = admin.delete(&format!("/api/v1/namespaces/{name}")).await;
        assert_eq!(deleted.code, 200, "{deleted:?}");
    }
    gone(&admin, "/api/v1/namespaces/going/serviceaccounts/default").await;
    gone(&admin, "/api/v1/namespaces/good").await;
}
