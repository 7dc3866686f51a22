//! What a policy or a quota denies a controller holds up nothing else, and is done once it is allowed.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{eventually, gone};
use crate::support::client::Client;
use crate::support::server::TestServer;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

async fn create(admin: &Client, path: &str, object: &Value) {
    let made = admin.post(path, object).await;
    assert_eq!(made.code, 201, "{made:?}");
}

/// Denies an operation on the objects of a name.
pub async fn deny(admin: &Client, operation: &str, group: &str, plural: &str, name: &str) {
    let rule = json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": [operation],
        "resources": [plural]});
    let spec = json!({"matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": format!("request.name != '{name}'")}]});
    create(
        admin,
        POLICIES,
        &json!({"metadata": {"name": "p"}, "spec": spec}),
    )
    .await;
    let spec = json!({"policyName": "p", "validationActions": ["Deny"]});
    create(
        admin,
        BINDINGS,
        &json!({"metadata": {"name": "p"}, "spec": spec}),
    )
    .await;
}

/// Allows it again.
pub async fn allow(admin: &Client) {
    assert_eq!(admin.delete(&format!("{BINDINGS}/p")).await.code, 200);
}

#[tokio::test]
async fn a_kind_that_may_not_be_deleted_keeps_no_other_in_a_namespace() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    deny(&admin, "DELETE", "", "configmaps", "kept").await;
    let namespace = "/api/v1/namespaces/n";
    create(
        &admin,
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "n"}}),
    )
    .await;
    for (plural, name) in [("configmaps", "kept"), ("secrets", "s")] {
        let object = json!({"metadata": {"name": name}});
        create(&admin, &format!("{namespace}/{plural}"), &object).await;
    }
    assert_eq!(admin.delete(namespace).await.code, 200);
    gone(&admin, &format!("{namespace}/secrets/s")).await;
    eventually(&admin, namespace, |answer| {
        let status = answer.json()["status"].to_string();
        status.contains("Failed to delete all resource types, 1 remaining")
    })
    .await;
    assert_eq!(
        admin
            .get(&format!("{namespace}/configmaps/kept"))
            .await
            .code,
        200
    );
    allow(&admin).await;
    gone(&admin, namespace).await;
}

#[tokio::test]
async fn a_role_that_may_not_be_filled_keeps_no_other_empty() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    deny(
        &admin,
        "UPDATE",
        "rbac.authorization.k8s.io",
        "clusterroles",
        "a-denied",
    )
    .await;
    let select = json!({"clusterRoleSelectors": [{"matchLabels": {"l": "x"}}]});
    for name in ["a-denied", "b-allowed"] {
        let role = json!({"metadata": {"name": name}, "aggregationRule": select});
        create(&admin, ROLES, &role).await;
    }
    // each is filled in an attempt of its own, after the one before has failed
    for (n, name) in ["one", "two"].into_iter().enumerate() {
        let rule = json!({"apiGroups": ["example.com"], "resources": [name], "verbs": ["get"]});
        let meta = json!({"name": name, "labels": {"l": "x"}});
        create(&admin, ROLES, &json!({"metadata": meta, "rules": [rule]})).await;
        let allowed = format!("{ROLES}/b-allowed");
        eventually(&admin, &allowed, |answer| {
            let rules = answer.json()["rules"].clone();
            rules.as_array().is_some_and(|rules| rules.len() == n + 1)
        })
        .await;
    }
    let denied = admin.get(&format!("{ROLES}/a-denied")).await.json();
    assert_eq!(denied["rules"], Value::Null);
}

#[tokio::test]
async fn an_event_that_may_not_be_deleted_keeps_no_other() {
    let server = TestServer::start(&["--event-ttl=1s"]).await;
    let admin = server.admin();
    deny(&admin, "DELETE", "", "events", "kept").await;
    let events = "/api/v1/namespaces/default/events";
    let event = |name: &str| {
        let object = json!({"kind": "Pod", "namespace": "default", "name": "p"});
        json!({"metadata": {"name": name}, "involvedObject": object})
    };
    create(&admin, events, &event("kept")).await;
    // its deletion has failed by then
    tokio::time::sleep(Duration::from_secs(2)).await;
    create(&admin, events, &event("other")).await;
    gone(&admin, &format!("{events}/other")).await;
    assert_eq!(admin.get(&format!("{events}/kept")).await.code, 200);
}

#[tokio::test]
async fn what_a_quota_refused_is_created_once_there_is_room() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let namespace = "/api/v1/namespaces/default";
    let own = ["serviceaccounts/default", "configmaps/kube-root-ca.crt"];
    let own = own.map(|path| format!("{namespace}/{path}"));
    for path in &own {
        eventually(&admin, path, |answer| answer.code == 200).await;
    }
    let hard = |n: u8| json!({"count/serviceaccounts": n, "count/configmaps": n});
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": hard(0)}});
    create(&admin, &format!("{namespace}/resourcequotas"), &quota).await;
    for path in &own {
        assert_eq!(admin.delete(path).await.code, 200);
    }
    // the controllers try again meanwhile
    tokio::time::sleep(Duration::from_millis(500)).await;
    for path in &own {
        assert_eq!(admin.get(path).await.code, 404, "{path}");
    }
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let more = json!({"spec": {"hard": hard(9)}}).to_string();
    let quota = format!("{namespace}/resourcequotas/q");
    assert_eq!(merge.ask(Method::PATCH, &quota, more).await.code, 200);
    for path in &own {
        eventually(&admin, path, |answer| answer.code == 200).await;
    }
}
