//! Events, root certificates, quotas, claims.

use http::Method;
use serde_json::{Value, json};

use super::{eventually, gone};
use crate::support::client::Answer;
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

const DEFAULT: &str = "/api/v1/namespaces/default";

fn event(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
        "reason": "Happened", "message": "it happened", "type": "Normal",
    })
}

#[tokio::test]
async fn events_expire_also_after_a_kill() {
    let dir = directory();
    let ttl = ["--event-ttl=3s"];
    let server = Process::start(dir.path().join("data"), &ttl);
    let admin = server.admin();
    for name in ["a", "b"] {
        let made = admin.post(&format!("{DEFAULT}/events"), &event(name)).await;
        assert_eq!(made.code, 201, "{made:?}");
    }
    let server = Process::start(server.kill(), &ttl);
    let admin = server.admin();
    let list = admin.get(&format!("{DEFAULT}/events")).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    gone(&admin, &format!("{DEFAULT}/events/a")).await;
    gone(&admin, &format!("{DEFAULT}/events/b")).await;
}

#[tokio::test]
async fn the_root_certificate_is_in_every_namespace() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let made = admin
        .post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}}))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let path = "/api/v1/namespaces/n/configmaps/kube-root-ca.crt";
    let right = |answer: &Answer| {
        answer.code == 200 && answer.json()["data"]["ca.crt"] == server.authority().certificate()
    };
    eventually(&admin, path, right).await;
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let wrong = json!({"data": {"ca.crt": "mine"}}).to_string();
    assert_eq!(merge.ask(Method::PATCH, path, wrong).await.code, 200);
    eventually(&admin, path, right).await;
    assert_eq!(admin.delete(path).await.code, 200);
    eventually(&admin, path, right).await;
    assert_eq!(admin.delete("/api/v1/namespaces/n").await.code, 200);
    gone(&admin, "/api/v1/namespaces/n").await;
}

#[tokio::test]
async fn the_root_certificate_is_not_published_if_unused() {
    let server = TestServer::start(&["--disable-admission-plugins=ServiceAccount"]).await;
    let admin = server.admin();
    eventually(&admin, &format!("{DEFAULT}/serviceaccounts/default"), |a| {
        a.code == 200
    })
    .await;
    let path = format!("{DEFAULT}/configmaps/kube-root-ca.crt");
    assert_eq!(admin.get(&path).await.code, 404);
    let asked = [
        "--disable-admission-plugins=ServiceAccount",
        "--controllers=*,root-ca-cert-publisher",
    ];
    let server = TestServer::start(&asked).await;
    eventually(&server.admin(), &path, |answer| answer.code == 200).await;
}

#[tokio::test]
async fn a_quota_releases_unused_resources_also_after_a_kill() {
    let dir = directory();
    let server = Process::start(dir.path().join("data"), &[]);
    let admin = server.admin();
    let maps = format!("{DEFAULT}/configmaps");
    let map = |name: &str| json!({"metadata": {"name": name}});
    let before = admin.get(&maps).await.json()["items"]
        .as_array()
        .unwrap()
        .len();
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"count/secrets": "2", "configmaps": "99"}}});
    assert_eq!(
        admin
            .post(&format!("{DEFAULT}/resourcequotas"), &quota)
            .await
            .code,
        201
    );
    let used = |maps: usize, secrets: usize| {
        move |answer: &Answer| {
            let status = answer.json()["status"].clone();
            status["used"]
                == json!({"configmaps": maps.to_string(), "count/secrets": secrets.to_string()})
        }
    };
    let path = format!("{DEFAULT}/resourcequotas/q");
    // The root certificate may be published meanwhile.
    let has_maps = |answer: &Answer| answer.json()["status"]["used"]["configmaps"].is_string();
    eventually(&admin, &path, has_maps).await;
    eventually(
        &admin,
        &format!("{DEFAULT}/configmaps/kube-root-ca.crt"),
        |a| a.code == 200,
    )
    .await;
    let before = before.max(1);
    assert_eq!(admin.post(&maps, &map("m")).await.code, 201);
    assert_eq!(
        admin
            .post(&format!("{DEFAULT}/secrets"), &map("s"))
            .await
            .code,
        201
    );
    eventually(&admin, &path, used(before + 1, 1)).await;
    assert_eq!(admin.delete(&format!("{maps}/m")).await.code, 200);
    eventually(&admin, &path, used(before, 1)).await;
    assert_eq!(
        admin.delete(&format!("{DEFAULT}/secrets/s")).await.code,
        200
    );
    let server = Process::start(server.kill(), &[]);
    eventually(&server.admin(), &path, used(before, 0)).await;
}

#[tokio::test]
async fn a_claim_is_kept_while_a_pod_on_a_node_uses_it() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    eventually(&admin, &format!("{DEFAULT}/serviceaccounts/default"), |a| {
        a.code == 200
    })
    .await;
    let claims = format!("{DEFAULT}/persistentvolumeclaims");
    let claim = |name: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    };
    for name in ["used", "unused"] {
        assert_eq!(admin.post(&claims, &claim(name)).await.code, 201);
    }
    let pod = json!({"metadata": {"name": "p"}, "spec": {
        "nodeName": "node",
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "used"}}]}});
    let made = admin.post(&format!("{DEFAULT}/pods"), &pod).await;
    assert_eq!(made.code, 201, "{made:?}");
    for name in ["used", "unused"] {
        assert_eq!(admin.delete(&format!("{claims}/{name}")).await.code, 200);
    }
    gone(&admin, &format!("{claims}/unused")).await;
    let used = admin.get(&format!("{claims}/used")).await.json();
    assert_eq!(
        used["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    let now = admin
        .delete(&format!("{DEFAULT}/pods/p?gracePeriodSeconds=0"))
        .await;
    assert_eq!(now.code, 200, "{now:?}");
    gone(&admin, &format!("{claims}/used")).await;
}

#[tokio::test]
async fn an_unknown_controller_is_refused_with_the_list() {
    let dir = directory();
    let flags = ["--controllers=*,-deployment"];
    let options = crate::support::server::options(&dir, &flags);
    let Err(error) = portcullis::start::server::Server::start(&options).await else {
        panic!("it started");
    };
    let text = error.to_string();
    assert!(
        text.starts_with("--controllers: \"deployment\" is not in the list"),
        "{text}"
    );
    assert!(
        text.contains("garbagecollector") && !text.contains('\n'),
        "{text}"
    );
}

#[tokio::test]
async fn a_new_namespace_can_be_used_immediately() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for n in 0..10 {
        let namespace = json!({"metadata": {"name": format!("n{n}")}});
        assert_eq!(admin.post("/api/v1/namespaces", &namespace).await.code, 201);
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let made = admin
            .post(&format!("/api/v1/namespaces/n{n}/pods"), &pod)
            .await;
        assert_eq!(made.code, 201, "{made:?}");
        assert_eq!(made.json()["spec"]["serviceAccountName"], "default");
    }
}

#[tokio::test]
async fn a_namespace_lists_what_blocks_its_deletion_and_is_deleted_after_a_kill() {
    let dir = directory();
    let server = Process::start(dir.path().join("data"), &[]);
    let admin = server.admin();
    let namespace = json!({"metadata": {"name": "n"}});
    assert_eq!(admin.post("/api/v1/namespaces", &namespace).await.code, 201);
    let map = json!({"metadata": {"name": "m", "finalizers": ["example.com/hold"]}});
    let maps = "/api/v1/namespaces/n/configmaps";
    assert_eq!(admin.post(maps, &map).await.code, 201);
    assert_eq!(admin.delete("/api/v1/namespaces/n").await.code, 200);
    let told = |answer: &Answer| {
        let text = answer.json()["status"].to_string();
        text.contains("Some resources are remaining: configmaps. has 1 resource instances")
            && text.contains("example.com/hold in 1 resource instances")
    };
    eventually(&admin, "/api/v1/namespaces/n", told).await;
    let server = Process::start(server.kill(), &[]);
    let admin = server.admin();
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let let_go = json!({"metadata": {"finalizers": null}}).to_string();
    let answer = merge.ask(Method::PATCH, &format!("{maps}/m"), let_go).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    gone(&admin, "/api/v1/namespaces/n").await;
}
