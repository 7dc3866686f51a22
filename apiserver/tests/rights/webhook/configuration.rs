//! Authorizers from a configuration file.

use std::sync::Arc;

use parking_lot::Mutex;
use portcullis::start::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Asked, MAPS, answer, let_view};
use crate::support::https_server::HttpsServer;
use crate::support::server::{TestServer, directory, options};

/// Starts a server with a configuration file: webhooks with these changes, and RBAC last.
async fn start_configured(changes: &[Value]) -> Asked {
    let reviews: Arc<Mutex<Vec<Value>>> = Arc::default();
    let asked = reviews.clone();
    let elsewhere = HttpsServer::start(&[], move |request| answer(asked.clone(), request)).await;
    let dir = directory();
    let kubeconfig = dir.path().join("webhook.kubeconfig");
    elsewhere.write_kubeconfig(&kubeconfig, "/authorize");
    let mut authorizers = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let mut webhook = json!({"timeout": "3s", "subjectAccessReviewVersion": "v1",
            "failurePolicy": "NoOpinion",
            "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": kubeconfig}});
        let change = change.as_object().unwrap().clone();
        webhook.as_object_mut().unwrap().extend(change);
        authorizers.push(json!({"type": "Webhook", "name": format!("w{at}"), "webhook": webhook}));
    }
    authorizers.push(json!({"type": "RBAC", "name": "rbac"}));
    let flag = configuration(&dir, &json!(authorizers));
    Asked {
        server: TestServer::start_in(dir, &[&flag]).await,
        elsewhere,
        reviews,
    }
}

/// Writes a configuration; returns the flag that names it.
fn configuration(dir: &TempDir, authorizers: &Value) -> String {
    let document = json!({"apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration", "authorizers": authorizers});
    let path = dir.path().join("authorization.yaml");
    std::fs::write(&path, document.to_string()).unwrap();
    format!("--authorization-config={}", path.display())
}

#[tokio::test]
async fn match_conditions_select_requests() {
    let asked = start_configured(&[
        json!({"matchConditionSubjectAccessReviewVersion": "v1", "matchConditions": [
            {"expression": "has(request.resourceAttributes)"},
            {"expression": "request.resourceAttributes.namespace == 'default'"},
            {"expression": "!('system:masters' in request.groups)"}]}),
    ])
    .await;
    let alice = asked.server.alice();
    assert_eq!(alice.get(MAPS).await.code, 200);
    assert_eq!(asked.reviews().len(), 1);
    for elsewhere in ["/api/v1/namespaces/other/configmaps", "/metrics"] {
        assert_eq!(alice.get(elsewhere).await.code, 403);
    }
    assert!(asked.reviews().is_empty());
}

#[tokio::test]
async fn the_failure_policy_decides_on_a_failure() {
    let services = "/api/v1/namespaces/default/services";
    let broken = json!({"matchConditionSubjectAccessReviewVersion": "v1", "failurePolicy": "Deny",
        "matchConditions": [{"expression": "request.resourceAttributes.namespace != ''"}]});
    for (webhook, path, code, why) in [
        (json!({}), services, 200, ""),
        (
            json!({"failurePolicy": "Deny"}),
            services,
            500,
            "an error on the server",
        ),
        (
            json!({"failurePolicy": "Deny"}),
            "/api/v1/namespaces/default/pods",
            200,
            "",
        ),
        (
            broken.clone(),
            "/metrics",
            500,
            "cel evaluation error: expression 'request.resourceAttributes.namespace != ''' resulted in error: ",
        ),
    ] {
        let asked = start_configured(std::slice::from_ref(&webhook)).await;
        let_view(&asked.server, "alice").await;
        let answer = asked.server.alice().get(path).await;
        assert_eq!(answer.code, code, "{webhook} {path}");
        if code != 200 {
            assert!(answer.message().contains(why), "{}", answer.message());
        }
    }
}

/// Asserts that no server starts with these authorizers.
async fn refuses(authorizers: &Value, why: &str) {
    let dir = directory();
    let flag = configuration(&dir, authorizers);
    let refused = Server::start(&options(&dir, &[&flag])).await;
    let refused = refused.err().unwrap().to_string();
    let path = flag.split_once('=').unwrap().1;
    let expected = format!(
        "--authorization-config: failed to load AuthorizationConfiguration from file: {path}: {why}"
    );
    assert!(
        refused.starts_with(&expected),
        "{refused}\nis not\n{expected}"
    );
}

#[tokio::test]
async fn wrong_authorizers_are_named() {
    let at = "authorizers[0].";
    for (authorizers, why) in [
        (
            json!([]),
            "authorizers: Required value: at least one authorization mode must be defined"
                .to_owned(),
        ),
        (json!([{"name": "a"}]), format!("{at}type: Required value")),
        (
            json!([{"type": "ABAC", "name": "a"}]),
            format!(
                r#"{at}type: Unsupported value: "ABAC": supported values: "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook""#
            ),
        ),
        (
            json!([{"type": "RBAC", "name": "a"}, {"type": "RBAC", "name": "b"}]),
            r#"authorizers[1].type: Duplicate value: "RBAC""#.to_owned(),
        ),
        (
            json!([{"type": "RBAC"}]),
            format!("{at}name: Required value"),
        ),
        (
            json!([{"type": "RBAC", "name": "A"}]),
            format!(r#"{at}name: Invalid value: "A": authorizer name is invalid: a lowercase"#),
        ),
        (
            json!([{"type": "RBAC", "name": "a", "webhook": {}}]),
            format!(
                r#"{at}webhook: Invalid value: "non-null": may only be specified when type=Webhook"#
            ),
        ),
        (
            json!([{"type": "Webhook", "name": "a"}]),
            format!("{at}webhook: Required value: required when type=Webhook"),
        ),
    ] {
        refuses(&authorizers, &why).await;
    }
}

#[tokio::test]
async fn wrong_webhooks_are_named() {
    let dir = directory();
    let file = dir.path().join("tokens.csv");
    let webhook = |change: Value| {
        let mut webhook = json!({"timeout": "3s", "subjectAccessReviewVersion": "v1",
            "failurePolicy": "Deny",
            "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": file}});
        let change = change.as_object().unwrap().clone();
        webhook.as_object_mut().unwrap().extend(change);
        json!([{"type": "Webhook", "name": "w", "webhook": webhook}])
    };
    let at = "authorizers[0].";
    for (authorizers, why) in [
        (
            webhook(json!({"timeout": "31s"})),
            format!(r#"{at}timeout: Invalid value: "31s": must be > 0s and <= 30s"#),
        ),
        (
            webhook(json!({"timeout": null})),
            format!("{at}timeout: Required value"),
        ),
        (
            webhook(json!({"authorizedTTL": "-1s"})),
            format!(r#"{at}authorizedTTL: Invalid value: "-1s": must be > 0s"#),
        ),
        (
            webhook(json!({"subjectAccessReviewVersion": "v2"})),
            format!(
                r#"{at}subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1""#
            ),
        ),
        (
            webhook(json!({"failurePolicy": ""})),
            format!("{at}failurePolicy: Required value"),
        ),
        (
            webhook(json!({"connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": "x"}})),
            format!(
                r#"{at}connectionInfo.kubeConfigFile: Invalid value: "x": must be an absolute path"#
            ),
        ),
        (
            webhook(json!({"matchConditions": [{"expression": "true"}]})),
            format!(
                "{at}matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified"
            ),
        ),
        (
            webhook(
                json!({"matchConditionSubjectAccessReviewVersion": "v1", "matchConditions": [{"expression": "request.nobody"}]}),
            ),
            format!(
                r#"{at}matchConditions[0].expression: Invalid value: "request.nobody": compilation failed: "#
            ),
        ),
    ] {
        refuses(&authorizers, &why).await;
    }
}
