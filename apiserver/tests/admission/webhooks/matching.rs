//! Which requests webhooks are called for.

use serde_json::{Value, json};

use super::{GROUP, configure, create, map, webhook};
use crate::support::client::Client;
use crate::support::server::{TestServer, directory};
use crate::support::webhook::{Reply, Webhook};

/// How many of these creates a webhook with such a change is called for.
async fn calls(change: &Value, creates: &[(&str, Value)]) -> Vec<usize> {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let namespace = json!({"metadata": {"name": "marked", "labels": {"mark": "yes"}}});
    assert_eq!(admin.post("/api/v1/namespaces", &namespace).await.code, 201);
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), change)],
    )
    .await;
    let mut calls = Vec::new();
    for (path, object) in creates {
        let answer = admin.post(path, object).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        let requests = hook.requests();
        let own = requests
            .iter()
            .filter(|r| r["userInfo"]["username"] == "root");
        calls.push(own.count());
    }
    calls
}

fn labelled(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({"mark": "yes"});
    object
}

#[tokio::test]
async fn a_namespace_is_selected_by_its_labels() {
    let change = json!({"namespaceSelector": {"matchLabels": {"mark": "yes"}},
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"],
            "resources": ["configmaps", "namespaces", "clusterroles"]}]});
    let namespace = |name: &str| json!({"metadata": {"name": name}});
    let calls = calls(
        &change,
        &[
            ("/api/v1/namespaces/default/configmaps", map("a")),
            ("/api/v1/namespaces/marked/configmaps", map("a")),
            ("/api/v1/namespaces", namespace("one")),
            ("/api/v1/namespaces", labelled(namespace("two"))),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles",
                namespace("role"),
            ),
        ],
    )
    .await;
    assert_eq!(calls, [0, 1, 0, 1, 1]);
}

#[tokio::test]
async fn an_object_is_selected_by_old_or_new_labels() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let change = json!({"objectSelector": {"matchLabels": {"mark": "yes"}}});
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &change)],
    )
    .await;
    assert_eq!(create(&admin, "a").await.code, 201);
    assert_eq!(hook.requests().len(), 0, "without the label");
    for (label, expected) in [(json!("yes"), 1), (Value::Null, 1), (Value::Null, 0)] {
        let labels = json!({"metadata": {"labels": {"mark": label, "x": "y"}}});
        let path = format!("{}/a", super::MAPS);
        assert_eq!(super::patch(&admin, &path, &labels).await.code, 200);
        assert_eq!(hook.requests().len(), expected, "{label}");
    }
}

#[tokio::test]
async fn conditions_decide_with_the_failure_policy() {
    let maps = "/api/v1/namespaces/default/configmaps";
    let creates = [(maps, map("a")), (maps, map("b"))];
    let condition = |expression: &str, policy: &str| json!({"failurePolicy": policy, "matchConditions": [{"name": "c", "expression": expression}]});
    let only_b = condition(
        "object.metadata.name == 'b' && request.userInfo.username == 'root'",
        "Fail",
    );
    assert_eq!(calls(&only_b, &creates).await, [0, 1]);
    let allowed = condition(
        "authorizer.requestResource.check('delete').allowed()",
        "Fail",
    );
    assert_eq!(calls(&allowed, &creates).await, [1, 1]);
    let ignored = condition("object.missing == 1", "Ignore");
    assert_eq!(calls(&ignored, &creates).await, [0, 0]);

    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let failing = condition("object.missing == 1", "Fail");
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &failing)],
    )
    .await;
    let answer = create(&admin, "a").await;
    assert_eq!(answer.code, 403);
    assert_eq!(
        answer.message(),
        "configmaps \"a\" is forbidden: expression 'object.missing == 1' resulted in error: no such key: missing"
    );
}

fn autoscaler(api_version: &str) -> Value {
    json!({"apiVersion": api_version, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}})
}

#[tokio::test]
async fn equivalent_versions_are_converted_and_exact_ones_are_not() {
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    let rules = json!([{"apiGroups": ["autoscaling"], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["horizontalpodautoscalers"]}]);
    for (policy, expected) in [("Equivalent", 1), ("Exact", 0)] {
        let hook = Webhook::allowing().await;
        let server = TestServer::start(&[]).await;
        let admin = server.admin();
        let change = json!({"matchPolicy": policy, "rules": rules});
        configure(
            &admin,
            "Validating",
            "c",
            &[webhook("x", &hook.config("/x"), &change)],
        )
        .await;
        let answer = admin.post(path, &autoscaler("autoscaling/v2")).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        let requests = hook.requests();
        assert_eq!(requests.len(), expected, "{policy}");
        for request in requests {
            assert_eq!(request["object"]["apiVersion"], "autoscaling/v1");
            assert_eq!(request["kind"]["version"], "v1");
            assert_eq!(request["resource"]["version"], "v1");
            assert_eq!(request["requestKind"]["version"], "v2");
            assert_eq!(request["requestResource"]["version"], "v2");
        }
    }
}

#[tokio::test]
async fn plugins_are_switched_by_flags() {
    let hook = Webhook::start(|_, _| Reply::Review(json!({"allowed": false}))).await;
    let off = "--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook";
    for (flags, code) in [(&[off][..], 201), (&[], 400)] {
        let server = TestServer::start(flags).await;
        let admin = server.admin();
        configure(
            &admin,
            "Validating",
            "c",
            &[webhook("x", &hook.config("/x"), &json!({}))],
        )
        .await;
        assert_eq!(create(&admin, "a").await.code, code, "{flags:?}");
    }
}

#[tokio::test]
async fn a_restarted_server_knows_its_webhooks_and_starts_without_them() {
    let hook = Webhook::start(|_, _| Reply::Review(json!({"allowed": false}))).await;
    let server = TestServer::start(&[]).await;
    let all = json!({"rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
        "resources": ["*/*"]}]});
    configure(
        &server.admin(),
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &all)],
    )
    .await;
    let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/view";
    let gone = format!("{GROUP}/validatingwebhookconfigurations/c");
    assert_eq!(server.admin().delete(role).await.code, 400);
    let server = TestServer::start_in(server.stop().await, &[]).await;
    assert_eq!(create(&server.admin(), "a").await.code, 400);
    assert_eq!(server.admin().delete(&gone).await.code, 200);
    assert_eq!(create(&server.admin(), "a").await.code, 201);
}

async fn service(admin: &Client, spec: &Value) {
    let service = json!({"metadata": {"name": "hook"}, "spec": spec});
    let answer = admin
        .post("/api/v1/namespaces/default/services", &service)
        .await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// The answer to a create that calls a webhook behind the service `hook`.
async fn through_service(admin: &Client, hook: &Webhook, port: u16) -> Vec<String> {
    let config = json!({"caBundle": hook.bundle(),
        "service": {"namespace": "default", "name": "hook", "path": "/x", "port": port}});
    configure(
        admin,
        "Validating",
        "c",
        &[webhook("x", &config, &json!({}))],
    )
    .await;
    let answer = create(admin, "a").await;
    let mut seen = hook.paths();
    if answer.code != 201 {
        seen.push(answer.message());
    }
    seen
}

#[tokio::test]
async fn an_external_service_is_called_by_its_name() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    service(
        &admin,
        &json!({"type": "ExternalName", "externalName": "localhost"}),
    )
    .await;
    let seen = through_service(&admin, &hook, hook.address.port()).await;
    assert_eq!(seen, ["/x"]);
}

#[tokio::test]
async fn a_webhook_is_sent_the_credentials_for_its_kind() {
    let hook = Webhook::allowing().await;
    let dir = directory();
    let write = |name: &str, value: &Value| {
        let path = dir.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path
    };
    let user = json!({"name": hook.address.to_string(), "user": {"token": "secret"}});
    let kubeconfig = write("hooks.kubeconfig", &json!({"users": [user]}));
    let file = write(
        "admission.json",
        &json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
            "plugins": [{"name": "ValidatingAdmissionWebhook", "configuration": {
                "apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration",
                "kubeConfigFile": kubeconfig}}]}),
    );
    let flag = format!("--admission-control-config-file={}", file.display());
    let server = TestServer::start_in(dir, &[&flag]).await;
    let admin = server.admin();
    for kind in ["Mutating", "Validating"] {
        configure(
            &admin,
            kind,
            "c",
            &[webhook("x", &hook.config("/x"), &json!({}))],
        )
        .await;
    }
    assert_eq!(create(&admin, "a").await.code, 201);
    let calls = hook.calls();
    let shown: Vec<_> = calls
        .iter()
        .map(|call| call.authorization.as_str())
        .collect();
    assert_eq!(shown, ["", "Bearer secret"]);
}

#[tokio::test]
async fn an_unreachable_service_is_a_failure() {
    let hook = Webhook::allowing().await;
    let failed = "Internal error occurred: failed calling webhook \"x.example.com\": failed to call webhook: Post \"https://hook.default.svc:443/x?timeout=5s\": ";
    let server = TestServer::start(&[]).await;
    let seen = through_service(&server.admin(), &hook, 443).await;
    assert_eq!(seen, [format!("{failed}service \"hook\" not found")]);
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    service(&admin, &json!({"ports": [{"port": 443}]})).await;
    let seen = through_service(&admin, &hook, 443).await;
    assert_eq!(
        seen,
        [format!(
            "{failed}no endpoints available for service \"hook\""
        )]
    );
}
