//! Policies and bindings as objects: validation, defaults and status.

use serde_json::{Value, json};

use super::{BINDINGS, POLICIES, binding, checking, created, deployments, policy};
use crate::controllers::eventually;
use crate::support::client::Client;
use crate::support::server::TestServer;

/// The status of a policy once it has been checked.
async fn status(client: &Client, name: &str, generation: u64) -> Value {
    let path = format!("{POLICIES}/{name}");
    let checked = eventually(client, &path, |answer| {
        answer.json()["status"]["observedGeneration"] == generation
    });
    checked.await.json()["status"].clone()
}

#[tokio::test]
async fn expressions_that_fit_leave_an_empty_type_checking() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let spec = json!({"matchConstraints": deployments(),
        "validations": [{"expression": "object.spec.replicas > 1"}]});
    created(&admin, POLICIES, &policy("p", &spec)).await;
    let checked = status(&admin, "p", 1).await;
    assert_eq!(
        checked,
        json!({"observedGeneration": 1, "typeChecking": {}})
    );
}

#[tokio::test]
async fn expressions_with_type_errors_leave_warnings() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let spec = json!({"matchConstraints": deployments(), "validations": [{
        "expression": "object.spec.replicas > '1'",
        "messageExpression": "'wants replicas > 1, got ' + object.spec.replicas"}]});
    created(&admin, POLICIES, &policy("p", &spec)).await;
    let checked = status(&admin, "p", 1).await;
    assert_eq!(
        checked["typeChecking"]["expressionWarnings"],
        json!([
            {"fieldRef": "spec.validations[0].expression", "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n"},
            {"fieldRef": "spec.validations[0].messageExpression", "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:28: found no matching overload for '_+_' applied to '(string, int)'\n | 'wants replicas > 1, got ' + object.spec.replicas\n | ...........................^\n"}])
    );
    let right = json!({"spec": {"validations": [{"expression": "object.spec.replicas > 1"}]}});
    super::patch(&admin, &format!("{POLICIES}/p"), &right).await;
    assert_eq!(status(&admin, "p", 2).await["typeChecking"], json!({}));
}

#[tokio::test]
async fn invalid_objects_are_refused_with_upstreams_text() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let refused = admin
        .post(POLICIES, &checking("p", "object.data.k = 'v'"))
        .await;
    assert_eq!(refused.code, 422);
    let message = refused.message();
    let start = "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.validations[0].expression: Invalid value: \"object.data.k = 'v'\": compilation failed: ERROR: <input>:1:15: Syntax error: token recognition error at: '= '";
    assert!(message.starts_with(start), "{message}");
    let both = json!({"validationActions": ["Deny", "Warn"]});
    let refused = admin.post(BINDINGS, &binding("b", "p", &both)).await;
    let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    assert!(refused.message().ends_with(why), "{refused:?}");
}

#[tokio::test]
async fn tables_show_what_kubectl_prints() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let spec = json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "validations": [{"expression": "true"}, {"expression": "true"}]});
    created(&admin, POLICIES, &policy("p", &spec)).await;
    let reference = json!({"paramRef": {"name": "a", "parameterNotFoundAction": "Allow"}});
    created(&admin, BINDINGS, &binding("b", "p", &reference)).await;
    let table = admin
        .clone()
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let rows = async |path: &str| table.get(path).await.json()["rows"][0]["cells"].clone();
    let cells = rows(POLICIES).await;
    assert_eq!(
        cells.as_array().unwrap()[..3],
        [json!("p"), json!(2), json!("v1/ConfigMap")]
    );
    let cells = rows(BINDINGS).await;
    assert_eq!(
        cells.as_array().unwrap()[..3],
        [json!("b"), json!("p"), json!("*/a")]
    );
}

#[tokio::test]
async fn a_status_is_written_through_its_subresource() {
    let server =
        TestServer::start(&["--controllers=-validatingadmissionpolicy-status-controller"]).await;
    let admin = server.admin();
    let mut given = checking("p", "true");
    given["status"] = json!({"observedGeneration": 7});
    let made = created(&admin, POLICIES, &given).await;
    assert_eq!(made["status"], json!({}));
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["spec"]["failurePolicy"], "Fail");
    let path = format!("{POLICIES}/p/status");
    let change = json!({"status": {"observedGeneration": 1, "typeChecking": {}},
        "spec": {"failurePolicy": "Ignore"}});
    let changed = super::patch(&admin, &path, &change).await.json();
    assert_eq!(
        changed["status"],
        json!({"observedGeneration": 1, "typeChecking": {}})
    );
    assert_eq!(changed["spec"]["failurePolicy"], "Fail");
    let wrong = json!({"status": {"typeChecking": {"expressionWarnings": [{"fieldRef": "", "warning": "w"}]}}});
    let refused = super::patch(&admin, &path, &wrong).await;
    assert_eq!(
        refused.message(),
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: status.typeChecking.expressionWarnings[0].fieldRef: Required value"
    );
}
