//! The requests of a kubelet of 1.20, from its token to the end of its pod.

use http::Method;
use serde_json::{Value, json};

use super::{certified, join, make_token, request, server};
use crate::support::client::{Answer, Client};

const CORE: &str = "/api/v1";
const NAMESPACED: &str = "/api/v1/namespaces/default";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

async fn made(client: &Client, path: &str, body: Value) -> Value {
    let answer = client.post(path, &body).await;
    assert_eq!(answer.code, 201, "{path}: {answer:?}");
    answer.json()
}

async fn patched(client: &Client, path: &str, patch: Value) -> Value {
    let client = client.clone().header("content-type", STRATEGIC);
    let answer = client.ask(Method::PATCH, path, patch.to_string()).await;
    assert_eq!(answer.code, 200, "{path}: {answer:?}");
    answer.json()
}

fn read(answer: &Answer, path: &str) -> Value {
    assert_eq!(answer.code, 200, "{path}: {answer:?}");
    answer.json()
}

/// A reflector's list, and the head of the watch that follows.
async fn reflects(client: &Client, path: &str) {
    let list = format!("{path}limit=500&resourceVersion=0");
    let list = read(&client.get(&list).await, path);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = format!(
        "{path}allowWatchBookmarks=true&resourceVersion={revision}&timeoutSeconds=300&watch=true"
    );
    let mut connection = client.connect().await.unwrap();
    let head = connection.send(Method::GET, &watch, "").await.unwrap();
    assert_eq!(head.status(), 200, "{watch}");
}

/// It registers its node, with a lease and its drivers.
async fn registers(kubelet: &Client) {
    assert_eq!(kubelet.get(&format!("{CORE}/nodes/n")).await.code, 404);
    let node = json!({"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "n"}}});
    let node = made(kubelet, &format!("{CORE}/nodes"), node).await;
    let owner =
        json!({"apiVersion": "v1", "kind": "Node", "name": "n", "uid": node["metadata"]["uid"]});
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    patched(
        kubelet,
        &format!("{CORE}/nodes/n/status?timeout=10s"),
        ready,
    )
    .await;
    for path in ["nodes/n", "nodes/n?resourceVersion=0&timeout=10s"] {
        read(&kubelet.get(&format!("{CORE}/{path}")).await, path);
    }
    let path = format!("{LEASES}/n?timeout=10s");
    assert_eq!(kubelet.get(&path).await.code, 404);
    let lease = json!({"metadata": {"name": "n", "ownerReferences": [owner]},
        "spec": {"holderIdentity": "n", "leaseDurationSeconds": 40}});
    let mut lease = made(kubelet, LEASES, lease).await;
    lease["spec"]["renewTime"] = "2024-01-01T00:00:00.000000Z".into();
    let renewed = kubelet.ask(Method::PUT, &path, lease.to_string()).await;
    read(&renewed, &path);
    let drivers = "/apis/storage.k8s.io/v1/csinodes";
    assert_eq!(kubelet.get(&format!("{drivers}/n")).await.code, 404);
    let csi_node =
        json!({"metadata": {"name": "n", "ownerReferences": [owner]}, "spec": {"drivers": []}});
    made(kubelet, drivers, csi_node).await;
    read(&kubelet.get(&format!("{drivers}/n")).await, drivers);
}

/// The objects that it watches as long as it runs.
async fn follows(kubelet: &Client) {
    for path in [
        "/api/v1/nodes?fieldSelector=metadata.name%3Dn&",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dn&",
        "/api/v1/services?",
        "/apis/node.k8s.io/v1/runtimeclasses?",
        "/apis/storage.k8s.io/v1/csidrivers?",
    ] {
        reflects(kubelet, path).await;
    }
}

/// A pod is bound to its node, which refers to a secret and a config map.
async fn has_a_pod(admin: &Client) -> Value {
    for (kind, name) in [
        ("secrets", "s1"),
        ("secrets", "other"),
        ("configmaps", "cm1"),
    ] {
        let object = json!({"metadata": {"name": name}});
        made(admin, &format!("{NAMESPACED}/{kind}"), object).await;
    }
    let pod = json!({"metadata": {"name": "p1"}, "spec": {
        "containers": [{"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": "cm1"}}]}],
        "volumes": [{"name": "v", "secret": {"secretName": "s1"}}]}});
    made(admin, &format!("{NAMESPACED}/pods"), pod).await;
    let binding = json!({"metadata": {"name": "p1"}, "target": {"kind": "Node", "name": "n"}});
    made(admin, &format!("{NAMESPACED}/pods/p1/binding"), binding).await;
    read(&admin.get(&format!("{NAMESPACED}/pods/p1")).await, "p1")
}

/// It runs the pod until that is deleted.
async fn runs(kubelet: &Client, admin: &Client, pod: &Value) {
    for (kind, name) in [
        ("secrets", "s1"),
        ("configmaps", "cm1"),
        ("configmaps", "kube-root-ca.crt"),
    ] {
        let path = format!("{NAMESPACED}/{kind}?fieldSelector=metadata.name%3D{name}&");
        reflects(kubelet, &path).await;
    }
    let reference =
        json!({"apiVersion": "v1", "kind": "Pod", "name": "p1", "uid": pod["metadata"]["uid"]});
    let token =
        json!({"spec": {"audiences": [], "expirationSeconds": 3607, "boundObjectRef": reference}});
    let account = pod["spec"]["serviceAccountName"].as_str().unwrap();
    let path = format!("{NAMESPACED}/serviceaccounts/{account}/token");
    let token = made(kubelet, &path, token).await;
    assert!(token["status"]["token"].is_string());
    let path = format!("{NAMESPACED}/pods/p1");
    read(&kubelet.get(&path).await, &path);
    let running =
        json!({"metadata": {"uid": pod["metadata"]["uid"]}, "status": {"phase": "Running"}});
    patched(kubelet, &format!("{path}/status"), running).await;
    let event = json!({"metadata": {"name": "p1.1"}, "reason": "Started", "type": "Normal", "count": 1,
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p1"}});
    made(kubelet, &format!("{NAMESPACED}/events"), event).await;
    patched(
        kubelet,
        &format!("{NAMESPACED}/events/p1.1"),
        json!({"count": 2}),
    )
    .await;
    assert_eq!(admin.delete(&path).await.code, 200);
    let now = r#"{"gracePeriodSeconds":0}"#;
    let ended = kubelet.ask(Method::DELETE, &path, now).await;
    assert_eq!(ended.code, 200, "{ended:?}");
    assert_eq!(admin.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_kubelet_joins_with_only_a_token_and_runs_a_pod() {
    let server = server().await;
    let admin = server.admin();
    make_token(&admin, &[]).await;
    let kubelet = join(&server, "n").await;
    // it requests its next certificate with its first, and a serving certificate
    let (again, key) = request("n", "kube-apiserver-client-kubelet", "client auth", &[]);
    certified(&kubelet, &again, &key).await;
    registers(&kubelet).await;
    follows(&kubelet).await;
    let secret = format!("{NAMESPACED}/secrets/s1");
    assert_eq!(kubelet.get(&secret).await.code, 403);
    let pod = has_a_pod(&admin).await;
    runs(&kubelet, &admin, &pod).await;
}

#[tokio::test]
async fn a_node_may_access_only_its_own_objects() {
    let server = server().await;
    let admin = server.admin();
    make_token(&admin, &[]).await;
    let (kubelet, other) = (join(&server, "n").await, join(&server, "m").await);
    registers(&kubelet).await;
    has_a_pod(&admin).await;
    let unrelated =
        |node: &str| format!("no relationship found between node '{node}' and this object");
    let own = format!("{NAMESPACED}/secrets/s1");
    assert_eq!(kubelet.get(&own).await.code, 200);
    for (client, node, secret) in [(&kubelet, "n", "other"), (&other, "m", "s1")] {
        let refused = client.get(&format!("{NAMESPACED}/secrets/{secret}")).await;
        assert_eq!(refused.code, 403, "{refused:?}");
        assert!(refused.message().ends_with(&unrelated(node)), "{refused:?}");
    }
    let lease = other.get(&format!("{LEASES}/n")).await;
    assert_eq!(lease.code, 403, "{lease:?}");
    let patch = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    let other = other.header("content-type", STRATEGIC);
    let refused = other
        .ask(Method::PATCH, &format!("{CORE}/nodes/n"), patch)
        .await;
    let why = "nodes \"n\" is forbidden: node \"m\" is not allowed to modify node \"n\"";
    assert_eq!((refused.code, refused.message().as_str()), (403, why));
}
