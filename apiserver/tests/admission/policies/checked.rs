//! The evaluation of policies, and the messages of violations.

use serde_json::{Value, json};

use super::{
    BINDINGS, DEPLOYMENTS, MAPS, binding, checking, created, denied, deployment, deployments,
    enforce, map, patch, policy, verdict,
};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_deployment_is_validated() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let replicas = policy(
        "replicas",
        &json!({"matchConstraints": deployments(), "validations": [{
            "expression": "object.spec.replicas > 1",
            "messageExpression": "'wants replicas > 1, got ' + string(object.spec.replicas)"}]}),
    );
    enforce(&admin, &replicas).await;
    let refused = admin.post(DEPLOYMENTS, &deployment("marker", 1)).await;
    let message = "ValidatingAdmissionPolicy 'replicas' with binding 'replicas-binding' denied request: wants replicas > 1, got 1";
    assert_eq!(
        refused.json(),
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("deployments.apps \"marker\" is forbidden: {message}"),
            "reason": "Invalid", "code": 422,
            "details": {"name": "marker", "group": "apps", "kind": "deployments",
                "causes": [{"message": message}]}})
    );
    created(&admin, DEPLOYMENTS, &deployment("replicated", 2)).await;
    let path = format!("{DEPLOYMENTS}/replicated");
    let fewer = patch(&admin, &path, &json!({"spec": {"replicas": 1}})).await;
    assert_eq!(fewer.code, 422, "{fewer:?}");
    let mut set = deployment("non-replicated", 1);
    set["kind"] = "ReplicaSet".into();
    created(&admin, "/apis/apps/v1/namespaces/default/replicasets", &set).await;
    // without its binding a policy has no effect
    let gone = admin.delete(&format!("{BINDINGS}/replicas-binding")).await;
    assert_eq!(gone.code, 200);
    created(&admin, DEPLOYMENTS, &deployment("marker", 1)).await;
}

#[tokio::test]
async fn messages_come_from_expressions_or_texts_or_the_validation() {
    for (validation, message) in [
        (json!({}), "failed expression: object.data.k == 'v'"),
        (json!({"message": " k must be v "}), "k must be v"),
        (
            json!({"message": "text", "messageExpression": "'k is ' + object.data.k"}),
            "k is w",
        ),
        (
            json!({"message": "text", "messageExpression": "string(object.data.missing)"}),
            "text",
        ),
        (
            json!({"messageExpression": "'a\\nb'"}),
            "failed expression: object.data.k == 'v'",
        ),
        (
            json!({"message": "text", "messageExpression": "' '"}),
            "text",
        ),
    ] {
        let server = TestServer::start(&[]).await;
        let admin = server.admin();
        let mut validation = validation;
        validation["expression"] = " object.data.k == 'v' ".into();
        enforce(&admin, &policy("p", &json!({"validations": [validation]}))).await;
        assert_eq!(verdict(&admin, &json!({"k": "v"})).await, "");
        let said = verdict(&admin, &json!({"k": "w"})).await;
        assert_eq!(said, denied(message), "{validation}");
    }
}

#[tokio::test]
async fn a_reason_sets_the_code() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let reason = |reason: &str| json!({"expression": format!("object.data.k != '{reason}'"), "reason": reason});
    let reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
    let validations = reasons.map(reason);
    enforce(&admin, &policy("p", &json!({"validations": validations}))).await;
    for (reason, code) in reasons.into_iter().zip([403, 422, 413]) {
        let answer = admin.post(MAPS, &map("m", &json!({"k": reason}))).await;
        assert_eq!(
            (answer.code, &answer.json()["reason"]),
            (code, &json!(reason))
        );
        let why = format!("failed expression: object.data.k != '{reason}'");
        assert_eq!(answer.message(), denied(&why));
    }
}

#[tokio::test]
async fn variables_are_shared_by_all_expressions() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let variables = json!([
        {"name": "environment", "expression": "has(object.metadata.labels) && 'env' in object.metadata.labels ? object.metadata.labels['env'] : 'prod'"},
        {"name": "exempt", "expression": "'exempt' in object.data && object.data.exempt == 'true'"},
        {"name": "repo", "expression": "variables.environment + '.example.com/'"},
    ]);
    let images = policy(
        "p",
        &json!({"variables": variables, "validations": [{
            "expression": "variables.exempt || object.data.image.startsWith(variables.repo)",
            "messageExpression": "'only ' + variables.environment + ' images are allowed'"}]}),
    );
    enforce(&admin, &images).await;
    let verdict = async |data: Value| verdict(&admin, &data).await;
    assert_eq!(verdict(json!({"image": "prod.example.com/a"})).await, "");
    assert_eq!(verdict(json!({"image": "b", "exempt": "true"})).await, "");
    let said = verdict(json!({"image": "dev.example.com/a"})).await;
    assert_eq!(said, denied("only prod images are allowed"));
}

#[tokio::test]
async fn errors_follow_the_failure_policy() {
    for (failure, message) in [
        (
            "Fail",
            denied("expression 'object.data.missing == 1' resulted in error: no such key: missing"),
        ),
        ("Ignore", String::new()),
    ] {
        let server = TestServer::start(&[]).await;
        let admin = server.admin();
        let failing = policy(
            "p",
            &json!({"failurePolicy": failure, "validations": [
                {"expression": "object.data.missing == 1", "reason": "Forbidden"}]}),
        );
        enforce(&admin, &failing).await;
        let answer = admin.post(MAPS, &map("m", &json!({"k": "v"}))).await;
        if failure == "Fail" {
            assert_eq!((answer.code, answer.message()), (422, message));
        } else {
            assert_eq!(answer.code, 201, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn conditions_decide_whether_a_policy_is_evaluated() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let conditions = json!([
        {"name": "not-by-bob", "expression": "request.userInfo.username != 'bob'"},
        {"name": "only-marked", "expression": "object.data.mark == 'yes'"},
        {"name": "no-namespace", "expression": "namespaceObject == null"},
    ]);
    let marked = policy(
        "p",
        &json!({"matchConditions": conditions, "validations": [{"expression": "false"}]}),
    );
    enforce(&admin, &marked).await;
    assert_eq!(verdict(&admin, &json!({"mark": "no"})).await, "");
    let said = verdict(&admin, &json!({"mark": "yes"})).await;
    assert_eq!(said, denied("failed expression: false"));
    let said = verdict(&admin, &json!({"other": "x"})).await;
    let error = "expression 'object.data.mark == 'yes'' resulted in error: no such key: mark";
    assert_eq!(said, denied(error));
}

#[tokio::test]
async fn each_operation_has_its_objects() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rules = json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["*"], "resources": ["configmaps"]}]});
    let expression = "request.operation == 'CREATE' ? oldObject == null && object.data.k == 'a' :
        request.operation == 'UPDATE' ? oldObject.data.k == 'a' && object.data.k == 'b' :
        object == null && oldObject.data.k == 'b' && request.name == 'm'";
    let changes = policy(
        "p",
        &json!({"matchConstraints": rules, "validations": [{"expression": expression}]}),
    );
    enforce(&admin, &changes).await;
    let path = format!("{MAPS}/m");
    assert_eq!(
        admin.post(MAPS, &map("m", &json!({"k": "b"}))).await.code,
        422
    );
    created(&admin, MAPS, &map("m", &json!({"k": "a"}))).await;
    assert_eq!(admin.delete(&path).await.code, 422);
    assert_eq!(
        patch(&admin, &path, &json!({"data": {"k": "c"}}))
            .await
            .code,
        422
    );
    assert_eq!(
        patch(&admin, &path, &json!({"data": {"k": "b"}}))
            .await
            .code,
        200
    );
    assert_eq!(admin.delete(&path).await.code, 200);
}

#[tokio::test]
async fn the_namespace_and_the_authorizer_can_be_used() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let namespace = json!({"metadata": {"name": "team", "labels": {"env": "prod"}}});
    created(&admin, "/api/v1/namespaces", &namespace).await;
    let expression = "namespaceObject.metadata.labels['env'] == 'prod' && namespaceObject.status.phase == 'Active'";
    let rights = "authorizer.group('').resource('secrets').namespace('team').check('get').allowed() && authorizer.requestResource.check('delete').allowed()";
    let team = policy(
        "p",
        &json!({"validations": [{"expression": expression}, {"expression": rights}],
            "matchConstraints": {"namespaceSelector": {"matchLabels": {"env": "prod"}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                    "operations": ["CREATE"], "resources": ["configmaps"]}]}}),
    );
    enforce(&admin, &team).await;
    let role = json!({"metadata": {"name": "maps"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]});
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles";
    created(&admin, roles, &role).await;
    let bound = json!({"metadata": {"name": "maps"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maps"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/team/rolebindings";
    created(&admin, bindings, &bound).await;
    let maps = "/api/v1/namespaces/team/configmaps";
    let refused = server.alice().post(maps, &map("m", &json!({}))).await;
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.message(),
        denied(&format!("failed expression: {rights}"))
    );
    created(&admin, maps, &map("m", &json!({}))).await;
    // elsewhere nothing is checked
    created(&admin, MAPS, &map("m", &json!({}))).await;
}

#[tokio::test]
async fn costs_are_limited() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let words = vec!["word"; 20_000].join(" ");
    let each = "object.data.k.split(' ').all(x, object.data.k.contains('nothing' + x) == false)";
    enforce(&admin, &checking("p", each)).await;
    let said = verdict(&admin, &json!({"k": words})).await;
    let over = format!(
        "expression '{each}' resulted in error: operation cancelled: actual cost limit exceeded"
    );
    assert_eq!(said, denied(&over));
    assert_eq!(verdict(&admin, &json!({"k": "a b"})).await, "");
}

#[tokio::test]
async fn policies_are_evaluated_by_name_and_only_the_first_denial_is_reported() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for name in ["b", "a", "c"] {
        created(
            &admin,
            super::POLICIES,
            &checking(name, "object.data.k != 'x'"),
        )
        .await;
        for bound in ["2", "1"] {
            let bound = binding(&format!("{name}{bound}"), name, &json!({}));
            created(&admin, BINDINGS, &bound).await;
        }
    }
    let answer = admin.post(MAPS, &map("m", &json!({"k": "x"}))).await;
    let why = "ValidatingAdmissionPolicy 'a' with binding 'a1' denied request: failed expression: object.data.k != 'x'";
    assert_eq!(
        answer.json()["details"]["causes"],
        json!([{"message": why}])
    );
}
