//! Authorizers from a configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use super::{Asked, MAPS, answer, let_view};
use crate::support::https_server::HttpsServer;
use crate::support::log;
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
    let flag = configuration(dir.path(), &json!(authorizers));
    Asked {
        server: TestServer::start_in(dir, &[&flag]).await,
        elsewhere,
        reviews,
    }
}

/// Writes a configuration; returns the flag that names it.
fn configuration(dir: &Path, authorizers: &Value) -> String {
    let document = json!({"apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration", "authorizers": authorizers});
    let path = dir.join("authorization.yaml");
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
    let flag = configuration(dir.path(), authorizers);
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

#[tokio::test]
async fn a_changed_file_is_in_force_and_a_broken_one_is_not() {
    let dir = directory();
    let path = dir.path().to_owned();
    let rbac = json!({"type": "RBAC", "name": "rbac"});
    let allow = json!({"type": "AlwaysAllow", "name": "all"});
    let flag = configuration(&path, &json!([rbac]));
    let server = TestServer::start_in(dir, &[&flag]).await;
    let alice = server.alice();
    assert_eq!(alice.get(MAPS).await.code, 403);
    for (authorizers, code) in [
        (json!([allow, rbac]), 200),
        (json!([{"type": "Nope", "name": "n"}]), 200),
        // what it needs is followed from the start only
        (json!([{"type": "Node", "name": "node"}]), 200),
        (json!([rbac]), 403),
    ] {
        configuration(&path, &authorizers);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(alice.get(MAPS).await.code, code, "{authorizers}");
        assert_eq!(server.admin().get(MAPS).await.code, 200);
    }
    let said = log::so_far();
    let why = "authorizer type Node is not allowed if it was not enabled at initial server startup";
    assert!(said.contains(why), "{said}");
    let metrics = server.admin().get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let reloads = metrics.lines().filter(|line| {
        line.starts_with("apiserver_authorization_config_controller_automatic_reloads_total{")
    });
    let reloads: Vec<_> = reloads
        .map(|line| line.rsplit_once(',').unwrap().1)
        .collect();
    assert_eq!(
        reloads,
        [r#"status="failure"} 2"#, r#"status="success"} 2"#]
    );
    server.stop().await;
}
