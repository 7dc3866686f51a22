//! The rights to connect to pods and to add containers to them.

use http::Method;
use serde_json::json;

use super::let_alice;
use crate::support::server::TestServer;

const PODS: &str = "/api/v1/namespaces/default/pods";

/// A websocket begins with a GET, but a right to read does not permit running a command in a pod.
#[tokio::test]
async fn a_right_to_read_does_not_permit_connections() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let pod =
        json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", "image": "i"}]}});
    assert_eq!(admin.post(PODS, &pod).await.code, 201);
    let streams = ["exec", "attach", "portforward"];
    let resources = |streams: &[&str]| {
        streams
            .iter()
            .map(|s| format!("pods/{s}"))
            .collect::<Vec<_>>()
    };
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods/log", "pods/exec", "pods/attach", "pods/portforward"],
            "verbs": ["get"]},
        {"apiGroups": [""], "resources": resources(&["attach"]), "verbs": ["create"],
            "resourceNames": ["web"]},
    ]);
    let_alice(&admin, rules).await;
    for stream in streams {
        let path = format!("{PODS}/web/{stream}");
        let answer = alice.get(&path).await;
        let message = answer.message();
        if stream == "attach" {
            assert_eq!(answer.code, 400, "{message}");
            continue;
        }
        assert_eq!(answer.code, 403, "{message}");
        let why = format!("cannot create resource \"pods/{stream}\"");
        assert!(message.contains(&why), "{message}");
        assert_eq!(alice.ask(Method::POST, &path, "").await.code, 403);
    }
    // a request that only reads needs no more
    assert_eq!(alice.get(&format!("{PODS}/web/log")).await.code, 204);
    // without the right, the answer does not reveal whether the pod exists
    assert_eq!(alice.get(&format!("{PODS}/none/exec")).await.code, 403);
}

/// A policy also applies to containers that are added later.
#[tokio::test]
async fn no_privileged_container_can_be_added_to_a_running_pod() {
    let server = TestServer::start(&["--enable-admission-plugins=PodSecurityPolicy"]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let policy = json!({
        "metadata": {"name": "restricted"},
        "spec": {
            "seLinux": {"rule": "RunAsAny"}, "runAsUser": {"rule": "RunAsAny"},
            "supplementalGroups": {"rule": "RunAsAny"}, "fsGroup": {"rule": "RunAsAny"},
            "allowPrivilegeEscalation": false, "volumes": ["*"],
        },
    });
    let made = admin
        .post("/apis/policy/v1beta1/podsecuritypolicies", &policy)
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "pods/ephemeralcontainers"],
            "verbs": ["create", "get", "update", "patch"]},
        {"apiGroups": ["policy"], "resources": ["podsecuritypolicies"], "verbs": ["use"],
            "resourceNames": ["restricted"]},
    ]);
    let_alice(&admin, rules).await;
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "image": "i"}], "automountServiceAccountToken": false},
    });
    let made = alice.post(PODS, &pod).await;
    assert_eq!(made.code, 201, "{made:?}");
    let path = format!("{PODS}/web/ephemeralcontainers");
    let patching = alice
        .clone()
        .header("content-type", "application/strategic-merge-patch+json");
    let add = |name: &str, context: serde_json::Value| {
        let container = json!({"name": name, "image": "i", "securityContext": context});
        json!({"spec": {"ephemeralContainers": [container]}}).to_string()
    };
    let privileged = add("debug", json!({"privileged": true}));
    let refused = patching.ask(Method::PATCH, &path, privileged).await;
    assert_eq!(refused.code, 403, "{refused:?}");
    let message = refused.message();
    assert!(
        message.contains("Privileged containers are not allowed"),
        "{message}"
    );
    let added = patching
        .ask(Method::PATCH, &path, add("debug", json!({})))
        .await;
    assert_eq!(added.code, 200, "{added:?}");
    let context = &added.json()["spec"]["ephemeralContainers"][0]["securityContext"];
    assert_eq!(
        context["allowPrivilegeEscalation"], false,
        "filled in by the policy"
    );
    // another container beside the existing one
    let again = patching
        .ask(Method::PATCH, &path, add("more", json!({})))
        .await;
    assert_eq!(again.code, 200, "{again:?}");
}
