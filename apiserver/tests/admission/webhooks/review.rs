//! The reviews that webhooks are sent.

use http::Method;
use serde_json::{Value, json};

use super::{MAPS, configure, create, patch, warnings, webhook};
use crate::support::server::TestServer;
use crate::support::webhook::{Reply, Webhook, allow};

#[tokio::test]
async fn a_review_holds_the_request() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &json!({}))],
    )
    .await;

    assert_eq!(create(&admin, "a").await.code, 201);
    let [created] = &hook.requests()[..] else {
        panic!("one request");
    };
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    for (field, expected) in [
        ("kind", kind.clone()),
        ("requestKind", kind),
        ("resource", resource.clone()),
        ("requestResource", resource),
        ("name", "a".into()),
        ("namespace", "default".into()),
        ("operation", "CREATE".into()),
        ("dryRun", false.into()),
        ("oldObject", Value::Null),
        (
            "options",
            json!({"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}),
        ),
        (
            "userInfo",
            json!({"username": "root", "groups": ["system:masters", "system:authenticated"]}),
        ),
    ] {
        assert_eq!(created[field], expected, "{field}");
    }
    assert_eq!(created["uid"].as_str().unwrap().len(), 36);
    assert_eq!(created["object"]["kind"], "ConfigMap");
    assert_eq!(created["object"]["apiVersion"], "v1");
    assert_eq!(created["object"]["data"], json!({"k": "v"}));
    assert!(created["object"]["metadata"]["uid"].is_string());

    let path = format!("{MAPS}/a?fieldManager=me&fieldValidation=Strict");
    assert_eq!(
        patch(&admin, &path, &json!({"data": {"k": "w"}}))
            .await
            .code,
        200
    );
    let [changed] = &hook.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(changed["operation"], "UPDATE");
    assert_eq!(changed["oldObject"]["data"]["k"], "v");
    assert_eq!(changed["object"]["data"]["k"], "w");
    let options = json!({"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1",
        "fieldManager": "me", "fieldValidation": "Strict"});
    assert_eq!(changed["options"], options);

    let body = json!({"propagationPolicy": "Background"}).to_string();
    let deleted = admin.ask(Method::DELETE, &format!("{MAPS}/a"), body).await;
    assert_eq!(deleted.code, 200);
    let [deleted] = &hook.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(
        (&deleted["operation"], &deleted["name"]),
        (&json!("DELETE"), &json!("a"))
    );
    assert_eq!(
        (&deleted["object"], &deleted["oldObject"]["data"]["k"]),
        (&Value::Null, &json!("w"))
    );
    let options = json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1",
        "propagationPolicy": "Background"});
    assert_eq!(deleted["options"], options);
}

#[tokio::test]
async fn each_object_of_a_collection_is_reviewed_without_a_name() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for name in ["a", "b"] {
        assert_eq!(create(&admin, name).await.code, 201);
    }
    let deletes = json!({"rules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["DELETE"], "resources": ["configmaps"]}]});
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &deletes)],
    )
    .await;
    let all = format!("{MAPS}?fieldSelector=metadata.name!=kube-root-ca.crt");
    assert_eq!(admin.delete(&all).await.code, 200);
    let requests = hook.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.get("name"), None);
        assert!(request["oldObject"]["metadata"]["name"].is_string());
    }
}

#[tokio::test]
async fn a_dry_run_needs_a_webhook_without_side_effects() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let path = format!("{MAPS}?dryRun=All");
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &json!({}))],
    )
    .await;
    assert_eq!(admin.post(&path, &super::map("a")).await.code, 201);
    let [request] = &hook.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(
        (&request["dryRun"], &request["options"]["dryRun"]),
        (&json!(true), &json!(["All"]))
    );
}

#[tokio::test]
async fn warnings_reach_the_client() {
    let answer =
        |_: &str, _: &Value| Reply::Review(json!({"allowed": true, "warnings": ["w1", "w2"]}));
    let hook = Webhook::start(answer).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let hooks = [webhook("x", &hook.config("/x"), &json!({}))];
    configure(&admin, "Mutating", "c", &hooks).await;
    configure(&admin, "Validating", "c", &hooks).await;
    let created = create(&admin, "a").await;
    assert_eq!(warnings(&created), ["299 - \"w1\"", "299 - \"w2\""]);
    let deleted = admin.delete(&format!("{MAPS}/a")).await;
    assert_eq!(warnings(&deleted).len(), 2, "{deleted:?}");
}

#[tokio::test]
async fn the_old_version_of_reviews_is_used_where_it_is_the_only_one() {
    let hook = Webhook::start(|_, _| allow()).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let old = json!({"admissionReviewVersions": ["v1beta1"]});
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &old)],
    )
    .await;
    assert_eq!(create(&admin, "a").await.code, 201);
    assert_eq!(hook.requests().len(), 1);
}

#[tokio::test]
async fn connections_bindings_and_evictions_are_reviewed_once() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&["--disable-admission-plugins=ServiceAccount"]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(admin.post(pods, &pod).await.code, 201);
    let all = json!({"rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
        "resources": ["pods/*", "bindings"]}]});
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &all)],
    )
    .await;
    let unlabelled = json!({
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"],
            "resources": ["pods/*"]}],
        "objectSelector": {"matchExpressions": [{"key": "k", "operator": "DoesNotExist"}]}});
    let selecting = webhook("x", &hook.config("/y"), &unlabelled);
    // the selector does not match connect options, which have no labels
    configure(&admin, "Validating", "d", &[selecting]).await;
    let seen = || {
        let requests = hook.requests();
        let seen = requests.iter().map(|r| {
            let text = |field: &str| r[field].as_str().unwrap_or_default().to_owned();
            let kind = r["kind"]["kind"].as_str().unwrap_or_default();
            format!("{} {} {kind}", text("operation"), text("subResource"))
        });
        (seen.collect::<Vec<_>>(), requests)
    };
    let exec = format!("{pods}/p/exec?command=sh&stdin=true");
    admin.post(&exec, &Value::Null).await;
    let (calls, requests) = seen();
    assert_eq!(calls, ["CONNECT exec PodExecOptions"]);
    let options =
        json!({"kind": "PodExecOptions", "apiVersion": "v1", "stdin": true, "command": ["sh"]});
    assert_eq!(
        (&requests[0]["object"], &requests[0]["options"]),
        (&options, &Value::Null)
    );

    let binding = json!({"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p"},
        "target": {"name": "n"}});
    assert_eq!(
        admin
            .post(&format!("{pods}/p/binding"), &binding)
            .await
            .code,
        201
    );
    assert_eq!(seen().0, ["CREATE binding Binding"]);
    let bindings = "/api/v1/namespaces/default/bindings";
    assert_eq!(
        admin.post(bindings, &binding).await.code,
        409,
        "it is bound"
    );
    assert_eq!(seen().0, ["CREATE  Binding"]);

    let eviction =
        json!({"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}});
    assert_eq!(
        admin
            .post(&format!("{pods}/p/eviction"), &eviction)
            .await
            .code,
        201
    );
    assert_eq!(seen().0, ["CREATE eviction Eviction"]);
}
