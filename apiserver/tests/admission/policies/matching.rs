//! Which requests policies and bindings match.

use serde_json::{Value, json};

use super::{BINDINGS, MAPS, POLICIES, binding, checking, created, map, policy};
use crate::support::client::Client;
use crate::support::server::TestServer;

/// The codes of creates of config maps, each in a namespace and with labels.
async fn codes(client: &Client, maps: &[(&str, &str, Value)]) -> Vec<u16> {
    let mut codes = Vec::new();
    for (namespace, name, labels) in maps {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
        let mut map = map(name, &json!({}));
        map["metadata"]["labels"] = labels.clone();
        codes.push(client.post(&path, &map).await.code);
    }
    codes
}

async fn server_with_namespaces() -> TestServer {
    let server = TestServer::start(&[]).await;
    for (name, mark) in [("marked", "yes"), ("unmarked", "no")] {
        let namespace = json!({"metadata": {"name": name, "labels": {"mark": mark}}});
        created(&server.admin(), "/api/v1/namespaces", &namespace).await;
    }
    server
}

#[tokio::test]
async fn a_binding_narrows_what_its_policy_matches() {
    let server = server_with_namespaces().await;
    let admin = server.admin();
    created(&admin, POLICIES, &checking("p", "false")).await;
    let resources = |resources: Value| json!({"matchResources": resources});
    let maps = [
        ("marked", "a", json!({})),
        ("marked", "b", json!({"mark": "yes"})),
        ("unmarked", "a", json!({"mark": "yes"})),
    ];
    let rule = |names: &Value, resource: &str| {
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
            "resources": [resource], "resourceNames": names}])
    };
    let marked = json!({"matchLabels": {"mark": "yes"}});
    for (change, expected) in [
        (json!({}), [422, 422, 422]),
        (
            resources(json!({"namespaceSelector": marked})),
            [422, 422, 201],
        ),
        (
            resources(json!({"objectSelector": marked})),
            [201, 422, 422],
        ),
        (
            resources(json!({"namespaceSelector": marked, "objectSelector": marked})),
            [201, 422, 201],
        ),
        (
            resources(json!({"resourceRules": rule(&json!([]), "secrets")})),
            [201, 201, 201],
        ),
        (
            resources(json!({"resourceRules": rule(&json!(["a"]), "configmaps")})),
            [422, 201, 422],
        ),
        (
            resources(json!({"excludeResourceRules": rule(&json!(["a"]), "configmaps")})),
            [201, 422, 201],
        ),
    ] {
        created(&admin, BINDINGS, &binding("b", "p", &change)).await;
        assert_eq!(codes(&admin, &maps).await, expected, "{change}");
        assert_eq!(admin.delete(&format!("{BINDINGS}/b")).await.code, 200);
        assert_eq!(codes(&admin, &maps).await, [201; 3], "without a binding");
    }
}

#[tokio::test]
async fn a_policy_may_exclude_resources() {
    let server = server_with_namespaces().await;
    let admin = server.admin();
    let constraints = json!({
        "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
            "resources": ["*"], "scope": "Namespaced"}],
        "excludeResourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["secrets"]}],
        "namespaceSelector": {"matchExpressions": [{"key": "mark", "operator": "Exists"}]}});
    let spec = json!({"matchConstraints": constraints, "validations": [{"expression": "false"}]});
    super::enforce(&admin, &policy("p", &spec)).await;
    let maps = [("marked", "a", json!({})), ("default", "a", json!({}))];
    assert_eq!(codes(&admin, &maps).await, [422, 201]);
    let secret = json!({"metadata": {"name": "a"}});
    created(&admin, "/api/v1/namespaces/marked/secrets", &secret).await;
    let namespace = json!({"metadata": {"name": "third", "labels": {"mark": "yes"}}});
    created(&admin, "/api/v1/namespaces", &namespace).await;
}

#[tokio::test]
async fn a_policy_sees_the_version_that_its_rules_name() {
    let autoscaler = json!({"metadata": {"name": "a"}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    for (match_policy, code) in [("Equivalent", 422), ("Exact", 201)] {
        let server = TestServer::start(&[]).await;
        let admin = server.admin();
        let constraints = json!({"matchPolicy": match_policy, "resourceRules": [{
            "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["horizontalpodautoscalers"]}]});
        let expression = "!(object.apiVersion == 'autoscaling/v1' && request.resource.version == 'v1' && request.requestResource.version == 'v2')";
        let spec =
            json!({"matchConstraints": constraints, "validations": [{"expression": expression}]});
        super::enforce(&admin, &policy("p", &spec)).await;
        let answer = admin.post(path, &autoscaler).await;
        assert_eq!(answer.code, code, "{match_policy}: {answer:?}");
    }
}

#[tokio::test]
async fn subresources_are_matched_by_name() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let constraints = json!({"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
        "operations": ["UPDATE"], "resources": ["deployments/scale"]}]});
    let expression = "object.kind == 'Scale' && object.spec.replicas <= 3";
    let spec =
        json!({"matchConstraints": constraints, "validations": [{"expression": expression}]});
    super::enforce(&admin, &policy("p", &spec)).await;
    created(&admin, super::DEPLOYMENTS, &super::deployment("d", 9)).await;
    let path = format!("{}/d/scale", super::DEPLOYMENTS);
    let scaled = |replicas: u32| json!({"spec": {"replicas": replicas}});
    let answer = super::patch(&admin, &path, &scaled(4)).await;
    assert_eq!(answer.code, 422, "{answer:?}");
    assert_eq!(super::patch(&admin, &path, &scaled(3)).await.code, 200);
}

#[tokio::test]
async fn a_changed_policy_is_in_force_at_once() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    super::enforce(&admin, &checking("p", "false")).await;
    assert_eq!(admin.post(MAPS, &map("m", &json!({}))).await.code, 422);
    let change = json!({"spec": {"validations": [{"expression": "true"}]}});
    let changed = super::patch(&admin, &format!("{POLICIES}/p"), &change)
        .await
        .json();
    assert_eq!(changed["metadata"]["generation"], 2);
    created(&admin, MAPS, &map("m", &json!({}))).await;
}
