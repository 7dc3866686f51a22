//! What explanations say of webhooks and policies.

use serde_json::{Value, json};

use super::policies::{binding, checking, created, policy};
use super::webhooks::{configure, webhook};
use crate::support::client::Client;
use crate::support::server::TestServer;
use crate::support::webhook::{Reply, Webhook, allow, patch};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// What a plugin considered for the creation of a config map, and the whole explanation.
async fn consulted(admin: &Client, plugin: &str, question: &Value) -> (Vec<Value>, Value) {
    let mut asked = json!({"namespace": "default", "object": {"apiVersion": "v1",
        "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}}});
    for (field, value) in question.as_object().unwrap() {
        asked[field] = value.clone();
    }
    let answer = admin.post("/explain", &asked).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    let explanation = answer.json();
    let steps = explanation["admission"].as_array().unwrap();
    let step = steps.iter().find(|step| step["plugin"] == plugin);
    let found = step.and_then(|step| step["consulted"].as_array());
    (found.cloned().unwrap_or_default(), explanation)
}

/// The verdicts by name, each with its first reason.
fn verdicts(consulted: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdicts = consulted.iter().map(|one| {
        let name = ["webhook", "policy"]
            .map(|field| text(&one[field]))
            .concat();
        let binding = text(&one["binding"]);
        let name = if binding.is_empty() {
            name
        } else {
            format!("{name}/{binding}")
        };
        (name, text(&one["verdict"]), text(&one["because"][0]))
    });
    verdicts.collect()
}

fn owned(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let owned = expected
        .iter()
        .map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned()));
    owned.collect()
}

async fn hook() -> Webhook {
    Webhook::start(|path, _| match path {
        "/deny" => Reply::Review(json!({"allowed": false, "status": {"message": "no"}})),
        "/patch" => patch(&json!([{"op": "add", "path": "/data/x", "value": "y"}])),
        _ => allow(),
    })
    .await
}

/// Webhooks of which the creation of a config map is sent to the first of each kind.
async fn gates(admin: &Client, hook: &Webhook) {
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["secrets"]}]);
    let webhooks = [
        webhook("patches", &hook.config("/patch"), &json!({})),
        webhook("secrets", &hook.config("/"), &json!({"rules": rules})),
        webhook(
            "labels",
            &hook.config("/"),
            &json!({"objectSelector": {"matchLabels": {"a": "b"}}}),
        ),
        webhook(
            "spaces",
            &hook.config("/"),
            &json!({"namespaceSelector": {"matchExpressions":
            [{"key": "team", "operator": "Exists"}]}}),
        ),
        webhook(
            "bob",
            &hook.config("/"),
            &json!({"matchConditions":
            [{"name": "is-bob", "expression": "request.userInfo.username == 'bob'"}]}),
        ),
    ];
    configure(admin, "Mutating", "m", &webhooks).await;
    let some = json!({"sideEffects": "NoneOnDryRun"});
    configure(
        admin,
        "Validating",
        "v",
        &[webhook("denies", &hook.config("/deny"), &some)],
    )
    .await;
}

#[tokio::test]
async fn webhooks_are_named_and_not_called() {
    let server = TestServer::start(&["--explain-decisions"]).await;
    let (admin, hook) = (server.admin(), hook().await);
    gates(&admin, &hook).await;
    let (mutating, explanation) = consulted(&admin, "MutatingAdmissionWebhook", &json!({})).await;
    let on_demand = "an explanation calls webhooks only on demand";
    assert_eq!(
        verdicts(&mutating),
        owned(&[
            ("patches.example.com", "notCalled", on_demand),
            (
                "secrets.example.com",
                "skipped",
                "its rules are for CREATE of secrets in the core group/v1"
            ),
            (
                "labels.example.com",
                "skipped",
                "its objectSelector a=b does not select the object"
            ),
            (
                "spaces.example.com",
                "skipped",
                "its namespaceSelector team does not select the namespace"
            ),
            (
                "bob.example.com",
                "skipped",
                "its match condition \"is-bob\" is false: request.userInfo.username == 'bob'"
            ),
        ])
    );
    assert_eq!(explanation["answer"], json!({"code": 201}));
    let because = explanation["because"][0].as_str().unwrap();
    assert!(
        because.starts_with("2 webhooks were not called"),
        "{because}"
    );
    assert!(hook.requests().is_empty());
}

#[tokio::test]
async fn webhooks_are_called_on_demand() {
    let server = TestServer::start(&["--explain-decisions"]).await;
    let (admin, hook) = (server.admin(), hook().await);
    gates(&admin, &hook).await;
    let (mutating, explanation) = consulted(
        &admin,
        "MutatingAdmissionWebhook",
        &json!({"callWebhooks": true}),
    )
    .await;
    assert_eq!(mutating[0]["verdict"], "allowed");
    assert_eq!(
        mutating[0]["changes"],
        json!([{"path": "data.x", "after": "y"}])
    );
    assert_eq!(explanation["answer"]["code"], 400);
    assert_eq!(
        explanation["answer"]["refusedBy"],
        "admission: ValidatingAdmissionWebhook"
    );
    let requests = hook.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request["dryRun"] == true));
    // nothing was written
    assert_eq!(
        admin
            .get("/api/v1/namespaces/default/configmaps/m")
            .await
            .code,
        404
    );
}

#[tokio::test]
async fn policies_are_evaluated() {
    let server = TestServer::start(&["--explain-decisions"]).await;
    let admin = server.admin();
    let policies = format!("{GROUP}/validatingadmissionpolicies");
    let bindings = format!("{GROUP}/validatingadmissionpolicybindings");
    created(
        &admin,
        &policies,
        &checking("holds", "object.data.k == 'v'"),
    )
    .await;
    created(&admin, &policies, &checking("unbound", "false")).await;
    let condition = json!({"validations": [{"expression": "false"}],
        "matchConditions": [{"name": "never", "expression": "has(object.data.z)"}]});
    created(&admin, &policies, &policy("conditional", &condition)).await;
    let two = json!({"validations": [
        {"expression": "object.data.k == 'w'", "message": "k must be w"},
        {"expression": "object.data.missing == ''"}]});
    created(&admin, &policies, &policy("violated", &two)).await;
    let elsewhere = json!({"matchResources": {"namespaceSelector": {"matchLabels": {"x": "y"}}}});
    for (name, of, change) in [
        ("a", "holds", json!({})),
        ("b", "conditional", json!({})),
        ("c", "violated", elsewhere),
        (
            "d",
            "violated",
            json!({"validationActions": ["Warn", "Audit"]}),
        ),
    ] {
        created(&admin, &bindings, &binding(name, of, &change)).await;
    }
    let (found, explanation) = consulted(&admin, "ValidatingAdmissionPolicy", &json!({})).await;
    assert_eq!(
        verdicts(&found),
        owned(&[
            ("unbound", "skipped", "it has no binding"),
            (
                "conditional/b",
                "skipped",
                "its match condition \"never\" is false: has(object.data.z)"
            ),
            ("holds/a", "allowed", ""),
            (
                "violated/c",
                "skipped",
                "its namespaceSelector x=y does not select the namespace"
            ),
            ("violated/d", "violated", "k must be w"),
        ])
    );
    let violated = &found[4];
    assert_eq!(violated["actions"], json!(["Warn", "Audit"]));
    assert_eq!(violated["because"].as_array().unwrap().len(), 2);
    assert_eq!(explanation["answer"]["code"], 201);
    let mut own = checking("own", "true");
    own["apiVersion"] = "admissionregistration.k8s.io/v1".into();
    own["kind"] = "ValidatingAdmissionPolicy".into();
    let own = json!({"object": own});
    let (found, _) = consulted(&admin, "ValidatingAdmissionPolicy", &own).await;
    let why = "no policy is evaluated for ValidatingAdmissionPolicy";
    assert!(
        verdicts(&found)
            .iter()
            .any(|(_, _, because)| because == why),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_deletion_is_tried() {
    let server = TestServer::start(&["--explain-decisions"]).await;
    let (admin, hook) = (server.admin(), hook().await);
    created(
        &admin,
        "/api/v1/namespaces/default/configmaps",
        &json!({"metadata": {"name": "m"}}),
    )
    .await;
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"],
        "resources": ["configmaps"]}]);
    let denies = webhook("denies", &hook.config("/deny"), &json!({"rules": rules}));
    configure(&admin, "Validating", "v", &[denies]).await;
    let explain = async |name: &str, calls: bool| {
        let question = json!({"verb": "delete", "resource": "cm", "namespace": "default",
            "name": name, "callWebhooks": calls});
        admin.post("/explain", &question).await.json()
    };
    let allowed = explain("m", false).await;
    assert_eq!(allowed["answer"]["code"], 200, "{allowed}");
    assert_eq!(
        allowed["request"],
        "delete configmaps \"m\" in the namespace \"default\""
    );
    let denied = explain("m", true).await;
    let message = "admission webhook \"denies.example.com\" denied the request: no";
    assert_eq!(denied["answer"]["message"], message, "{denied}");
    assert_eq!(
        denied["answer"]["refusedBy"],
        "admission: ValidatingAdmissionWebhook"
    );
    let missing = explain("none", false).await;
    assert_eq!(
        missing["answer"]["message"],
        "configmaps \"none\" not found"
    );
    assert_eq!(missing["answer"]["refusedBy"], "storage");
    let found = admin.get("/api/v1/namespaces/default/configmaps/m").await;
    assert_eq!(found.code, 200, "it was a dry run");
    server.stop().await;
}
