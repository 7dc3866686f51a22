//! The dependents of a Deployment, deleted in each of the three modes as by kubectl.

use http::Method;
use serde_json::{Value, json};

use super::{eventually, gone};
use crate::support::client::Client;
use crate::support::server::TestServer;

const APPS: &str = "/apis/apps/v1/namespaces/default";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// The objects that kube-controller-manager creates for a Deployment: a `ReplicaSet` and two pods.
async fn tree(client: &Client) {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let deployment = json!({"metadata": {"name": "web"}, "spec": spec});
    let deployment = client
        .post(&format!("{APPS}/deployments"), &deployment)
        .await;
    let owner = owned_by(&deployment.json(), "apps/v1", "Deployment");
    let set = json!({"metadata": {"name": "web-1", "ownerReferences": [owner]}, "spec": spec});
    let set = client.post(&format!("{APPS}/replicasets"), &set).await;
    assert_eq!(set.code, 201, "{set:?}");
    let owner = owned_by(&set.json(), "apps/v1", "ReplicaSet");
    for name in ["web-1-a", "web-1-b"] {
        let pod = json!({
            "metadata": {"name": name, "ownerReferences": [owner]},
            "spec": template["spec"],
        });
        let made = client.post(PODS, &pod).await;
        assert_eq!(made.code, 201, "{made:?}");
    }
}

fn owned_by(owner: &Value, api_version: &str, kind: &str) -> Value {
    let meta = &owner["metadata"];
    json!({
        "apiVersion": api_version, "kind": kind, "name": meta["name"], "uid": meta["uid"],
        "controller": true, "blockOwnerDeletion": true,
    })
}

async fn delete(client: &Client, path: &str, policy: &str) {
    let options = json!({"propagationPolicy": policy}).to_string();
    let answer = client.ask(Method::DELETE, path, options).await;
    assert_eq!(answer.code, 200, "{answer:?}");
}

#[tokio::test]
async fn in_the_background_the_dependents_follow() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    tree(&admin).await;
    delete(&admin, &format!("{APPS}/deployments/web"), "Background").await;
    assert_eq!(
        admin.get(&format!("{APPS}/deployments/web")).await.code,
        404
    );
    gone(&admin, &format!("{PODS}/web-1-a")).await;
    gone(&admin, &format!("{PODS}/web-1-b")).await;
    gone(&admin, &format!("{APPS}/replicasets/web-1")).await;
}

#[tokio::test]
async fn in_the_foreground_the_root_goes_last() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    tree(&admin).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}}).to_string();
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let held = merge
        .ask(Method::PATCH, &format!("{PODS}/web-1-a"), hold)
        .await;
    assert_eq!(held.code, 200, "{held:?}");
    delete(&admin, &format!("{APPS}/deployments/web"), "Foreground").await;
    gone(&admin, &format!("{PODS}/web-1-b")).await;
    let waiting = |answer: &crate::support::client::Answer| {
        let meta = answer.json()["metadata"].clone();
        meta["finalizers"] == json!(["foregroundDeletion"]) && meta["deletionTimestamp"].is_string()
    };
    eventually(&admin, &format!("{APPS}/deployments/web"), waiting).await;
    eventually(&admin, &format!("{APPS}/replicasets/web-1"), waiting).await;
    let let_go = json!({"metadata": {"finalizers": null}}).to_string();
    merge
        .ask(Method::PATCH, &format!("{PODS}/web-1-a"), let_go)
        .await;
    gone(&admin, &format!("{APPS}/deployments/web")).await;
    assert_eq!(
        admin.get(&format!("{APPS}/replicasets/web-1")).await.code,
        404
    );
    assert_eq!(admin.get(&format!("{PODS}/web-1-a")).await.code, 404);
}

#[tokio::test]
async fn orphans_keep_their_own_dependents() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    tree(&admin).await;
    delete(&admin, &format!("{APPS}/deployments/web"), "Orphan").await;
    gone(&admin, &format!("{APPS}/deployments/web")).await;
    let set = admin.get(&format!("{APPS}/replicasets/web-1")).await.json();
    assert!(set["metadata"].get("ownerReferences").is_none(), "{set}");
    let pod = admin.get(&format!("{PODS}/web-1-a")).await.json();
    assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "ReplicaSet");
}

#[tokio::test]
async fn nothing_is_collected_without_the_controller() {
    let server = TestServer::start(&["--controllers=*,-garbagecollector"]).await;
    let admin = server.admin();
    tree(&admin).await;
    delete(&admin, &format!("{APPS}/deployments/web"), "Background").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(admin.get(&format!("{PODS}/web-1-a")).await.code, 200);
}

#[tokio::test]
async fn a_job_orphans_its_pods_by_default() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let spec = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]});
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": spec}}});
    let job = admin.post(jobs, &job).await;
    assert_eq!(job.code, 201, "{job:?}");
    let owner = owned_by(&job.json(), "batch/v1", "Job");
    let pod = json!({"metadata": {"name": "j-1", "ownerReferences": [owner]}, "spec": spec});
    assert_eq!(admin.post(PODS, &pod).await.code, 201);
    let deleted = admin.delete(&format!("{jobs}/j")).await.json();
    assert_eq!(deleted["metadata"]["finalizers"], json!(["orphan"]));
    gone(&admin, &format!("{jobs}/j")).await;
    let pod = admin.get(&format!("{PODS}/j-1")).await;
    assert_eq!(pod.json()["metadata"].get("ownerReferences"), None);
}
