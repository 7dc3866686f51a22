//! A webhook that authorizes requests.

mod configuration;

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use crate::support::https_server::HttpsServer;
use crate::support::server::{TestServer, directory, options};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Answers by the resource, and records the reviews.
async fn answer(asked: Arc<Mutex<Vec<Value>>>, request: Request<Bytes>) -> Response<Bytes> {
    let mut review: Value = serde_json::from_slice(request.body()).unwrap();
    asked.lock().push(review.clone());
    let resource = review["spec"]["resourceAttributes"]["resource"].as_str();
    let status = match resource.unwrap_or_default() {
        "configmaps" => json!({"allowed": true, "reason": "maps are for everybody"}),
        "secrets" => json!({"allowed": false, "denied": true, "reason": "secrets are for nobody"}),
        "nodes" => json!({"allowed": true, "denied": true}),
        "events" => pending().await,
        "services" => {
            let mut response = Response::new(Bytes::from_static(b"no"));
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
            return response;
        }
        _ => json!({"allowed": false, "reason": "who knows"}),
    };
    review["status"] = status;
    Response::new(review.to_string().into())
}

struct Asked {
    server: TestServer,
    elsewhere: HttpsServer,
    reviews: Arc<Mutex<Vec<Value>>>,
}

async fn start(mode: &str, flags: &[&str]) -> Asked {
    let reviews: Arc<Mutex<Vec<Value>>> = Arc::default();
    let asked = reviews.clone();
    let elsewhere = HttpsServer::start(&[], move |request| answer(asked.clone(), request)).await;
    let dir = directory();
    let file = dir.path().join("webhook.kubeconfig");
    elsewhere.write_kubeconfig(&file, "/authorize");
    let file = format!("--authorization-webhook-config-file={}", file.display());
    let mode = format!("--authorization-mode={mode}");
    let flags = [&[&*mode, &*file], flags].concat();
    Asked {
        server: TestServer::start_in(dir, &flags).await,
        elsewhere,
        reviews,
    }
}

impl Asked {
    /// The reviews since the last time.
    fn reviews(&self) -> Vec<Value> {
        std::mem::take(&mut *self.reviews.lock())
    }
}

async fn let_view(server: &TestServer, user: &str) {
    let binding = json!({"metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(server.admin().post(path, &binding).await.code, 201);
}

#[tokio::test]
async fn a_webhook_allows_and_denies() {
    let asked = start("Webhook,RBAC", &["--authorization-webhook-version=v1"]).await;
    let alice = asked.server.alice();
    let_view(&asked.server, "alice").await;
    // system:masters needs no permission
    assert!(asked.reviews().is_empty());
    assert_eq!(alice.get(MAPS).await.code, 200);
    assert_eq!(
        asked.reviews(),
        [
            json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
            "spec": {"resourceAttributes": {"namespace": "default", "verb": "list", "version": "v1",
                "resource": "configmaps"}, "user": "alice", "groups": ["basic-user", "system:authenticated"],
                "uid": "1000"},
            "status": {"allowed": false}})
        ]
    );
    // answers are cached for a while
    assert_eq!(alice.get(MAPS).await.code, 200);
    assert!(asked.reviews().is_empty());
    // no role overrides a denial
    let denied = alice.get("/api/v1/namespaces/default/secrets").await;
    assert_eq!(denied.code, 403);
    assert_eq!(
        denied.message(),
        r#"secrets is forbidden: User "alice" cannot list resource "secrets" in API group "" in the namespace "default": secrets are for nobody"#
    );
    // without an opinion, the next authorizer decides
    assert_eq!(alice.get("/api/v1/namespaces/default/pods").await.code, 200);
    let bob = asked.server.bob();
    let refused = bob.get("/api/v1/namespaces/default/pods").await;
    assert!(
        refused.message().ends_with(": who knows"),
        "{}",
        refused.message()
    );
    asked.reviews();
    assert_eq!(bob.get("/version").await.code, 200);
    let review = &asked.reviews()[0]["spec"];
    assert_eq!(
        review["nonResourceAttributes"],
        json!({"path": "/version", "verb": "get"})
    );
}

#[tokio::test]
async fn access_reviews_are_forwarded() {
    let asked = start("Webhook,RBAC", &[]).await;
    let review = async |resource: &str| {
        let review = json!({"spec": {"user": "jane", "groups": ["devs"],
            "resourceAttributes": {"verb": "get", "resource": resource}}});
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        asked.server.admin().post(path, &review).await.json()["status"].clone()
    };
    assert_eq!(
        review("configmaps").await,
        json!({"allowed": true, "reason": "maps are for everybody"})
    );
    let spec = asked.reviews()[0]["spec"].clone();
    assert_eq!(
        (&spec["group"], spec.get("groups")),
        (&json!(["devs"]), None)
    );
    assert_eq!(
        review("secrets").await,
        json!({"allowed": false, "denied": true, "reason": "secrets are for nobody"})
    );
    let both = review("nodes").await;
    assert_eq!(
        (&both["allowed"], &both["denied"]),
        (&json!(false), &json!(true))
    );
    let why = "webhook subject access review returned both allow and deny response";
    assert_eq!(both["evaluationError"], why);
    let failed = review("services").await;
    assert!(
        failed["evaluationError"]
            .as_str()
            .unwrap()
            .contains("an error on the server")
    );
    let rules = json!({"spec": {"namespace": "default"}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let bound = asked.server.admin().post(path, &rules).await.json();
    assert_eq!(bound["status"]["incomplete"], true);
    assert_eq!(
        bound["status"]["evaluationError"],
        "webhook authorizer does not support user rule resolution"
    );
}

#[tokio::test]
async fn a_webhook_without_an_answer_is_passed_over() {
    let flags = [
        "--request-timeout=1s",
        "--authorization-webhook-cache-authorized-ttl=0s",
    ];
    let asked = start("Webhook,RBAC", &flags).await;
    let (alice, bob) = (asked.server.alice(), asked.server.bob());
    let_view(&asked.server, "alice").await;
    let services = "/api/v1/namespaces/default/services";
    assert_eq!(alice.get(services).await.code, 200);
    // no authorizer allows it, and one fails
    let failed = bob.get(services).await;
    assert_eq!(failed.code, 500);
    assert!(
        failed.message().contains("an error on the server"),
        "{}",
        failed.message()
    );
    let slow = alice.get("/api/v1/namespaces/default/events").await;
    assert_eq!(slow.code, 504);
    let acting = bob.clone().header("impersonate-user", "alice");
    assert_eq!(acting.get(MAPS).await.code, 403);
    // no permission is cached
    asked.reviews();
    for _ in 0..2 {
        assert_eq!(alice.get(MAPS).await.code, 200);
    }
    assert_eq!(asked.reviews().len(), 2);
    let Asked {
        server, elsewhere, ..
    } = asked;
    drop(elsewhere);
    let new = "/api/v1/namespaces/default/endpoints";
    assert_eq!(server.alice().get(new).await.code, 200);
    assert_eq!(server.bob().get(new).await.code, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admission_calls_it_too() {
    let asked = start(
        "Webhook,RBAC",
        &["--enable-admission-plugins=OwnerReferencesPermissionEnforcement"],
    )
    .await;
    let alice = asked.server.alice();
    let owned = |resource: &str, kind: &str| {
        json!({"metadata": {"name": format!("of-{resource}"), "ownerReferences": [{"apiVersion": "v1",
            "kind": kind, "name": "o", "uid": "u", "blockOwnerDeletion": true}]}})
    };
    let made = alice.post(MAPS, &owned("configmaps", "ConfigMap")).await;
    assert_eq!(made.code, 201, "{made:?}");
    let refused = alice.post(MAPS, &owned("secrets", "Secret")).await;
    assert_eq!(refused.code, 403, "{refused:?}");
    let reviews = asked.reviews();
    let attributes = reviews
        .iter()
        .map(|review| &review["spec"]["resourceAttributes"]);
    let of_owners = attributes.filter(|asked| asked["subresource"] == "finalizers");
    let resources: BTreeSet<_> = of_owners
        .map(|asked| asked["resource"].as_str().unwrap())
        .collect();
    // permission for everything is checked first
    assert_eq!(resources, BTreeSet::from(["*", "configmaps", "secrets"]));
}

#[tokio::test]
async fn wrong_options_are_named() {
    let dir = directory();
    let file = "--authorization-webhook-config-file";
    for (flags, why) in [
        (
            &["--authorization-mode=Webhook"][..],
            "--authorization-mode: authorization-mode Webhook's authorization config file not passed",
        ),
        (
            &["--authorization-webhook-config-file=x"],
            "--authorization-webhook-config-file: cannot specify --authorization-webhook-config-file without mode Webhook",
        ),
        (
            &[
                "--authorization-mode=RBAC,Webhook",
                "--authorization-webhook-config-file=gone",
            ],
            "--authorization-webhook-config-file: gone: No such file",
        ),
        (
            &[
                "--authorization-mode=Webhook",
                "--authorization-webhook-config-file=gone",
                "--authorization-webhook-version=v2",
            ],
            "--authorization-webhook-version: unsupported webhook authorizer version \"v2\", supported versions are \"v1\", \"v1beta1\"",
        ),
        (
            &["--authorization-mode=RBAC,RBAC"],
            "--authorization-mode: the mode RBAC is named twice",
        ),
    ] {
        let refused = Server::start(&options(&dir, flags)).await;
        let refused = refused.err().unwrap().to_string();
        assert!(refused.starts_with(why), "{file}: {refused}");
    }
}

#[tokio::test]
async fn an_explanation_says_which_authorizer_decided_and_metrics_count_them() {
    let asked = start("Webhook,RBAC", &["--explain-decisions"]).await;
    let admin = asked.server.admin();
    let explained = |resource: &'static str| {
        let question = json!({"verb": "list", "resource": resource, "namespace": "default",
            "headers": {"impersonate-user": ["carol"]}});
        let admin = admin.clone();
        async move {
            let answer = admin.post("/explain", &question).await;
            assert_eq!(answer.code, 200, "{answer:?}");
            answer.json()
        }
    };
    let steps = |explanation: &Value| -> Vec<(String, String)> {
        let asked = explanation["authorization"]["asked"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let steps = asked
            .iter()
            .map(|step| (text(&step["by"]), text(&step["decision"])));
        steps.collect()
    };
    let is = |steps: Vec<(String, String)>, expected: &[(&str, &str)]| {
        let expected = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        assert_eq!(steps, expected.collect::<Vec<_>>());
    };
    let masters = ("system:masters", "noOpinion");
    let secrets = explained("secrets").await;
    is(steps(&secrets), &[masters, ("Webhook", "deny")]);
    assert_eq!(
        secrets["authorization"]["asked"][1]["reason"],
        "secrets are for nobody"
    );
    let because = secrets["because"][0].as_str().unwrap();
    assert!(
        because.starts_with("Webhook denies to list secrets"),
        "{because}"
    );
    is(
        steps(&explained("configmaps").await),
        &[masters, ("Webhook", "allow")],
    );
    let pods = explained("pods").await;
    is(
        steps(&pods),
        &[masters, ("Webhook", "noOpinion"), ("RBAC", "noOpinion")],
    );
    let services = explained("services").await;
    let error = services["authorization"]["asked"][1]["error"]
        .as_str()
        .unwrap();
    assert!(error.contains("an error on the server"), "{error}");
    assert_eq!(services["answer"]["code"], 500);

    let text = asked.server.admin().get("/metrics").await;
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let has = |line: &str| text.lines().any(|l| l.starts_with(line));
    for line in [
        r#"apiserver_authorization_webhook_evaluations_total{name="default",result="success"} "#,
        r#"apiserver_authorization_webhook_evaluations_total{name="default",result="error"} "#,
        r#"apiserver_authorization_webhook_evaluations_fail_open_total{name="default",result="error"} "#,
        r#"apiserver_authorization_webhook_duration_seconds_count{name="default",result="success"} "#,
    ] {
        assert!(has(line), "{line}\nnot in\n{text}");
    }
}
