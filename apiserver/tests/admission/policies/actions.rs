//! The actions of bindings on a violation.

use serde_json::json;

use super::{
    BINDINGS, GROUP, MAPS, POLICIES, binding, checking, created, denied, enforce, map, policy,
    verdict, warnings,
};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_binding_warns_or_audits_or_denies() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    created(&admin, POLICIES, &checking("p", "object.data.k == 'v'")).await;
    let warn = binding("w", "p", &json!({"validationActions": ["Warn", "Audit"]}));
    created(&admin, BINDINGS, &warn).await;
    let answer = admin.post(MAPS, &map("a", &json!({"k": "w"}))).await;
    assert_eq!(answer.code, 201);
    assert_eq!(
        warnings(&answer),
        [
            "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'w': failed expression: object.data.k == 'v'\""
        ]
    );
    let right = admin.post(MAPS, &map("b", &json!({"k": "v"}))).await;
    assert_eq!((right.code, warnings(&right).len()), (201, 0));
    created(&admin, BINDINGS, &binding("p-binding", "p", &json!({}))).await;
    let answer = admin.post(MAPS, &map("m", &json!({"k": "w"}))).await;
    let why = "failed expression: object.data.k == 'v'";
    assert_eq!((answer.code, answer.message()), (422, denied(why)));
    assert_eq!(warnings(&answer).len(), 1, "the other binding warns still");
}

#[tokio::test]
async fn an_annotation_that_fails_denies() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let annotated = policy(
        "p",
        &json!({"auditAnnotations": [
            {"key": "k", "valueExpression": "'k is ' + object.data.k"}]}),
    );
    created(&admin, POLICIES, &annotated).await;
    let audit = binding("p-binding", "p", &json!({"validationActions": ["Audit"]}));
    created(&admin, BINDINGS, &audit).await;
    assert_eq!(verdict(&admin, &json!({"k": "v"})).await, "");
    let error = "expression ''k is ' + object.data.k' resulted in error: no such key: k";
    assert_eq!(verdict(&admin, &json!({"other": "x"})).await, denied(error));
}

#[tokio::test]
async fn a_policy_that_denies_everything_can_be_removed() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let all = json!({"matchConstraints": {"resourceRules": [{"apiGroups": ["*"],
        "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}]},
        "validations": [{"expression": "false", "message": "nothing goes"}]});
    enforce(&admin, &policy("p", &all)).await;
    assert_eq!(verdict(&admin, &json!({})).await, denied("nothing goes"));
    // webhook configurations are exempt, like policies
    let hook = json!({"metadata": {"name": "m"}, "webhooks": []});
    let hook = admin
        .post(&format!("{GROUP}/validatingwebhookconfigurations"), &hook)
        .await;
    assert_eq!(hook.code, 422);
    assert!(hook.message().ends_with("nothing goes"), "{hook:?}");
    // and so are access reviews
    let review = json!({"spec": {"user": "alice", "resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    assert_eq!(admin.post(reviews, &review).await.code, 201);
    let server = TestServer::start_in(server.stop().await, &[]).await;
    let admin = server.admin();
    assert_eq!(
        verdict(&admin, &json!({})).await,
        denied("nothing goes"),
        "after a restart"
    );
    let path = format!("{POLICIES}/p");
    assert_eq!(admin.delete(&path).await.code, 200);
    assert_eq!(verdict(&admin, &json!({})).await, "");
}

#[tokio::test]
async fn the_plugin_is_switched_by_flags() {
    let server =
        TestServer::start(&["--disable-admission-plugins=ValidatingAdmissionPolicy"]).await;
    let admin = server.admin();
    enforce(&admin, &checking("p", "false")).await;
    assert_eq!(verdict(&admin, &json!({})).await, "");
}
