//! The requests of upstream's components at their start with `--kube-api-content-type application/json`,
//! under their own identities.

use http::Method;
use serde_json::{Value, json};

use super::eventually;
use crate::support::client::Client;
use crate::support::server::TestServer;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const ACCOUNTS: &str = "/api/v1/namespaces/kube-system/serviceaccounts";
const AUTHENTICATION: &str =
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
/// The `Accept` header of metadata informers: protobuf if available, else JSON.
const METADATA_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
    application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

fn component(server: &TestServer, name: &str) -> Client {
    let identity = server.authority().client(name, None).unwrap();
    server
        .certified(&identity)
        .header("accept", "application/json")
}

/// Health, discovery, and a lease that is taken and renewed.
async fn starts(client: &Client, lease: &str) {
    for path in ["/healthz", "/version", "/api", "/apis", "/api/v1"] {
        assert_eq!(client.get(path).await.code, 200, "{path}");
    }
    let body = json!({"metadata": {"name": lease}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}});
    assert_eq!(client.get(&format!("{LEASES}/{lease}")).await.code, 404);
    let made = client.post(LEASES, &body).await;
    assert_eq!(made.code, 201, "{made:?}");
    let mut renewed = made.json();
    renewed["spec"]["renewTime"] = "2024-01-01T00:00:00.000001Z".into();
    let path = format!("{LEASES}/{lease}");
    let answer = client.ask(Method::PUT, &path, renewed.to_string()).await;
    assert_eq!(answer.code, 200, "{answer:?}");
}

/// It reads the configuration for authenticating its own clients from the server.
async fn delegates(client: &Client) {
    eventually(client, AUTHENTICATION, |answer| answer.code == 200).await;
    let list = "/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dextension-apiserver-authentication&limit=500&resourceVersion=0";
    let list = client.get(list).await.json();
    let authorities = list["items"][0]["data"]["client-ca-file"].as_str().unwrap();
    assert!(
        authorities.starts_with("-----BEGIN CERTIFICATE-----"),
        "{list}"
    );
    let review = json!({"spec": {"token": "nobody's"}});
    let answer = client
        .post("/apis/authentication.k8s.io/v1/tokenreviews", &review)
        .await;
    assert_eq!(answer.code, 201, "{answer:?}");
    let review = json!({"spec": {"user": "alice", "nonResourceAttributes": {"path": "/metrics", "verb": "get"}}});
    let answer = client
        .post(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            &review,
        )
        .await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// Every resource that can be listed and watched according to discovery.
async fn listable(client: &Client) -> Vec<String> {
    let mut versions = vec!["/api/v1".to_owned()];
    let groups = client.get("/apis").await.json();
    for group in groups["groups"].as_array().unwrap() {
        let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
        versions.push(format!("/apis/{version}"));
    }
    let mut paths = Vec::new();
    for version in versions {
        let list = client.get(&version).await.json();
        for resource in list["resources"].as_array().unwrap() {
            let verbs: Vec<String> = serde_json::from_value(resource["verbs"].clone()).unwrap();
            if ["list", "watch"]
                .iter()
                .all(|verb| verbs.iter().any(|v| v == verb))
            {
                paths.push(format!("{version}/{}", resource["name"].as_str().unwrap()));
            }
        }
    }
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

#[tokio::test]
async fn kube_controller_manager_starts() {
    let server = TestServer::start(&[]).await;
    let manager = component(&server, "system:kube-controller-manager");
    starts(&manager, "kube-controller-manager").await;
    delegates(&manager).await;
    // `--use-service-account-credentials`: an account and a token for each controller.
    let account = "generic-garbage-collector";
    assert_eq!(
        manager.get(&format!("{ACCOUNTS}/{account}")).await.code,
        404
    );
    let made = manager
        .post(ACCOUNTS, &json!({"metadata": {"name": account}}))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let request = json!({"spec": {"expirationSeconds": 3600, "audiences": []}});
    let token = manager
        .post(&format!("{ACCOUNTS}/{account}/token"), &request)
        .await;
    assert_eq!(token.code, 201, "{token:?}");
    let token: String = serde_json::from_value(token.json()["status"]["token"].clone()).unwrap();
    let collector = server.bearer(&token).header("accept", METADATA_LIST);
    let maps = json!({"metadata": {"name": "m"}});
    let made = server
        .admin()
        .post("/api/v1/namespaces/default/configmaps", &maps)
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    for path in listable(&manager).await {
        let list = collector
            .get(&format!("{path}?limit=500&resourceVersion=0"))
            .await;
        assert_eq!(list.code, 200, "{path}: {list:?}");
        let list = list.json();
        assert_eq!(list["kind"], "PartialObjectMetadataList", "{path}");
        let from: &Value = &list["metadata"]["resourceVersion"];
        let from = from.as_str().unwrap();
        let watch = format!(
            "{path}?allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds=1&watch=true"
        );
        let watch = manager.get(&watch).await;
        assert_eq!(watch.code, 200, "{path}: {watch:?}");
    }
    let delete = json!({"preconditions": {"uid": made.json()["metadata"]["uid"]}, "propagationPolicy": "Background"});
    let path = "/api/v1/namespaces/default/configmaps/m";
    let deleted = collector
        .ask(Method::DELETE, path, delete.to_string())
        .await;
    assert_eq!(deleted.code, 200, "{deleted:?}");
}

#[tokio::test]
async fn kube_scheduler_starts_and_binds() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let scheduler = component(&server, "system:kube-scheduler");
    starts(&scheduler, "kube-scheduler").await;
    delegates(&scheduler).await;
    let pods = "/api/v1/namespaces/default/pods";
    eventually(
        &admin,
        "/api/v1/namespaces/default/serviceaccounts/default",
        |a| a.code == 200,
    )
    .await;
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(admin.post(pods, &pod).await.code, 201);
    let pending = "/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500&resourceVersion=0";
    let list = scheduler.get(pending).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p", "namespace": "default"},
        "target": {"kind": "Node", "name": "n"},
    });
    let bound = scheduler.post(&format!("{pods}/p/binding"), &binding).await;
    assert_eq!(bound.code, 201, "{bound:?}");
    let pod = scheduler.get(&format!("{pods}/p")).await.json();
    assert_eq!(pod["spec"]["nodeName"], "n");
    let event = json!({
        "metadata": {"name": "p.1"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
        "reason": "Scheduled", "type": "Normal",
    });
    let told = scheduler
        .post("/api/v1/namespaces/default/events", &event)
        .await;
    assert_eq!(told.code, 201, "{told:?}");
}

#[tokio::test]
async fn a_kubelet_registers_and_runs_a_pod() {
    let server = TestServer::start(&["--authorization-mode=Node,RBAC"]).await;
    let admin = server.admin();
    let identity = server
        .authority()
        .client("system:node:n", Some("system:nodes"));
    let kubelet = server
        .certified(&identity.unwrap())
        .header("accept", "application/json");
    let node = json!({"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "n"}}});
    let made = kubelet.post("/api/v1/nodes", &node).await;
    assert_eq!(made.code, 201, "{made:?}");
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": "n", "uid": made.json()["metadata"]["uid"]});
    let lease = json!({"metadata": {"name": "n", "ownerReferences": [owner]}, "spec": {"holderIdentity": "n"}});
    assert_eq!(kubelet.post(leases, &lease).await.code, 201);
    let strategic = kubelet
        .clone()
        .header("content-type", "application/strategic-merge-patch+json");
    let ready =
        json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}).to_string();
    let told = strategic
        .ask(Method::PATCH, "/api/v1/nodes/n/status", ready)
        .await;
    assert_eq!(told.code, 200, "{told:?}");
    for list in [
        "nodes?fieldSelector=metadata.name%3Dn",
        "services?limit=500",
        "pods?fieldSelector=spec.nodeName%3Dn",
    ] {
        let answer = kubelet
            .get(&format!("/api/v1/{list}&resourceVersion=0"))
            .await;
        assert_eq!(answer.code, 200, "{list}: {answer:?}");
    }
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(admin.post(pods, &pod).await.code, 201);
    let running = json!({"status": {"phase": "Running"}}).to_string();
    let told = strategic
        .ask(Method::PATCH, &format!("{pods}/p/status"), running)
        .await;
    assert_eq!(told.code, 200, "{told:?}");
    assert_eq!(admin.delete(&format!("{pods}/p")).await.code, 200);
    assert_eq!(
        kubelet.get(&format!("{pods}/p")).await.code,
        200,
        "the kubelet ends it"
    );
    let ended = kubelet
        .ask(
            Method::DELETE,
            &format!("{pods}/p"),
            r#"{"gracePeriodSeconds":0}"#,
        )
        .await;
    assert_eq!(ended.code, 200, "{ended:?}");
    // The lease has its node as an owner, so the garbage collector deletes it.
    assert_eq!(admin.delete("/api/v1/nodes/n").await.code, 200);
    super::gone(&admin, &format!("{leases}/n")).await;
}
