//! The annotations of audit events.

use serde_json::{Value, json};

use super::{AuditedServer, MAPS, map};
use crate::support::client::Client;
use crate::support::webhook::{Reply, Webhook, patch};

fn named(client: &Client, id: &str) -> Client {
    client.clone().header("audit-id", id)
}

fn annotations(audited: &AuditedServer, id: &str) -> Value {
    let events = audited.of(id);
    assert!(events[0].get("annotations").is_none());
    events[1]["annotations"].clone()
}

async fn posted(client: &Client, path: &str, object: &Value) {
    let answer = client.post(path, object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

#[tokio::test]
async fn authorizers_and_policies_are_recorded() {
    let policy = json!({"rules": [{"level": "Metadata"}]});
    let flags = ["--enable-admission-plugins=PodSecurityPolicy"];
    let audited = AuditedServer::start_with(&policy, &flags).await;
    let admin = audited.server.admin();
    let any = json!({"rule": "RunAsAny"});
    let psp = json!({"metadata": {"name": "open"}, "spec": {"privileged": true, "volumes": ["*"],
        "seLinux": any, "runAsUser": any, "supplementalGroups": any, "fsGroup": any}});
    posted(&admin, "/apis/policy/v1beta1/podsecuritypolicies", &psp).await;
    let account = json!({"metadata": {"name": "default"}});
    admin
        .post("/api/v1/namespaces/default/serviceaccounts", &account)
        .await;
    let binding = json!({"metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    posted(&admin, bindings, &binding).await;
    let pods = "/api/v1/namespaces/default/pods";
    posted(&named(&audited.server.alice(), "pod"), pods, &pod("p")).await;
    let told = annotations(&audited, "pod");
    assert_eq!(
        told["authorization.k8s.io/reason"],
        r#"RBAC: allowed by ClusterRoleBinding "alice" of ClusterRole "cluster-admin" to User "alice""#
    );
    assert_eq!(told["podsecuritypolicy.policy.k8s.io/admit-policy"], "open");
    assert_eq!(
        told["podsecuritypolicy.policy.k8s.io/validate-policy"],
        "open"
    );
}

#[tokio::test]
async fn pod_security_is_recorded() {
    let audited = AuditedServer::start(&json!([{"level": "Metadata"}])).await;
    let admin = audited.server.admin();
    let namespace = json!({"metadata": {"name": "n", "labels": {
        "pod-security.kubernetes.io/enforce": "baseline",
        "pod-security.kubernetes.io/audit": "restricted"}}});
    posted(&admin, "/api/v1/namespaces", &namespace).await;
    let account = json!({"metadata": {"name": "default"}});
    admin
        .post("/api/v1/namespaces/n/serviceaccounts", &account)
        .await;
    posted(
        &named(&admin, "pod"),
        "/api/v1/namespaces/n/pods",
        &pod("p"),
    )
    .await;
    let told = annotations(&audited, "pod");
    assert_eq!(
        told["pod-security.kubernetes.io/enforce-policy"],
        "baseline:latest"
    );
    let violations = told["pod-security.kubernetes.io/audit-violations"]
        .as_str()
        .unwrap();
    assert!(
        violations.starts_with("would violate PodSecurity \"restricted:latest\""),
        "{violations}"
    );
}

#[tokio::test]
async fn webhooks_are_recorded() {
    let audited = AuditedServer::start(&json!([{"level": "Metadata"}])).await;
    let admin = audited.server.admin();
    let hook = Webhook::start(|path, _| match path {
        "/mutate" => patch(&json!([{"op": "add", "path": "/data/by", "value": "hook"}])),
        "/never" => Reply::Never,
        "/down" => Reply::Raw(http::StatusCode::INTERNAL_SERVER_ERROR, "down".into()),
        _ => Reply::Review(json!({"allowed": true, "auditAnnotations": {"key": "value"}})),
    })
    .await;
    let webhook = |name: &str, path: &str, policy: &str| {
        json!({"name": name, "clientConfig": hook.config(path), "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "failurePolicy": policy,
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["configmaps"]}]})
    };
    let group = "/apis/admissionregistration.k8s.io/v1";
    let mutating = json!({"metadata": {"name": "m"}, "webhooks": [
        webhook("mutate.example.com", "/mutate", "Fail"),
        webhook("down.example.com", "/down", "Ignore")]});
    let path = format!("{group}/mutatingwebhookconfigurations");
    posted(&admin, &path, &mutating).await;
    let mut never = webhook("never.example.com", "/never", "Ignore");
    never["timeoutSeconds"] = json!(1);
    let validating = json!({"metadata": {"name": "v"}, "webhooks": [
        webhook("check.example.com", "/check", "Fail"), never]});
    let path = format!("{group}/validatingwebhookconfigurations");
    posted(&admin, &path, &validating).await;
    posted(&named(&admin, "map"), MAPS, &map("a")).await;
    assert_eq!(hook.paths().len(), 4);
    let told = annotations(&audited, "map");
    assert_eq!(
        told["mutation.webhook.admission.k8s.io/round_0_index_0"],
        r#"{"configuration":"m","webhook":"mutate.example.com","mutated":true}"#
    );
    assert_eq!(
        told["failed-open.mutation.webhook.admission.k8s.io/round_0_index_1"],
        "down.example.com"
    );
    assert_eq!(told["check.example.com/key"], "value");
    // it took a second
    let time = |stage: &str| {
        let time = &told[format!("apiserver.latency.k8s.io/{stage}")];
        time.as_str().unwrap_or_else(|| panic!("{stage}: {told}"))
    };
    for stage in ["total", "validating-webhook"] {
        assert!(time(stage).starts_with("1."), "{stage}: {told}");
    }
    for stage in ["authentication", "etcd", "mutating-webhook"] {
        assert!(time(stage).ends_with('s'), "{stage}: {told}");
    }
}
