//! Webhooks that change objects.

use http::Method;
use serde_json::{Value, json};

use super::{MAPS, configure, create, webhook};
use crate::controllers::eventually;
use crate::support::client::Client;
use crate::support::server::TestServer;
use crate::support::webhook::{Reply, Webhook, allow, patch};

/// Adds to the annotations of an object that has some.
fn annotate(name: &str) -> Value {
    json!([{"op": "add", "path": format!("/metadata/annotations/{name}"), "value": "x"}])
}

/// A config map with an annotation.
async fn create_annotated(client: &Client, name: &str) -> Value {
    let object = json!({"metadata": {"name": name, "annotations": {"own": "x"}}});
    let answer = client.post(MAPS, &object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn each_webhook_sees_earlier_changes() {
    let hook = Webhook::start(|path, _| patch(&annotate(&path[1..]))).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let of = |name: &str| webhook(name, &hook.config(&format!("/{name}")), &json!({}));
    configure(&admin, "Mutating", "b", &[of("third")]).await;
    configure(&admin, "Mutating", "a", &[of("first"), of("second")]).await;
    let created = create_annotated(&admin, "m").await;
    let expected = json!({"own": "x", "first": "x", "second": "x", "third": "x"});
    assert_eq!(created["metadata"]["annotations"], expected);
    let requests = hook.requests();
    let seen = |n: usize| {
        requests[n]["object"]["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .len()
    };
    assert_eq!([seen(0), seen(1), seen(2)], [1, 2, 3]);
}

#[tokio::test]
async fn a_webhook_runs_again_if_a_later_one_changed_the_object() {
    let hook = Webhook::start(|path, request| {
        let has = &request["object"]["metadata"]["annotations"][&path[1..]];
        if path == "/idle" || has.is_string() {
            allow()
        } else {
            patch(&annotate(&path[1..]))
        }
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let again = json!({"reinvocationPolicy": "IfNeeded"});
    let of = |name: &str, change: &Value| webhook(name, &hook.config(&format!("/{name}")), change);
    let hooks = [
        of("a", &again),
        of("idle", &json!({})),
        of("b", &again),
        of("c", &again),
    ];
    configure(&admin, "Mutating", "c", &hooks).await;
    create_annotated(&admin, "m").await;
    let paths = hook.paths();
    assert_eq!(paths, ["/a", "/idle", "/b", "/c", "/a", "/b"]);
}

#[tokio::test]
async fn a_patch_must_leave_an_object_of_its_kind() {
    let hook = Webhook::start(|path, _| match path {
        "/type" => patch(&json!([{"op": "replace", "path": "/data", "value": 7}])),
        "/kind" => patch(&json!([{"op": "replace", "path": "/kind", "value": "Pod"}])),
        "/path" => patch(&json!([{"op": "replace", "path": "/no/such/path", "value": 7}])),
        "/none" => patch(&json!({"op": "add"})),
        _ => allow(),
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for (path, expected) in [
        ("type", "Internal error occurred: "),
        (
            "kind",
            "Internal error occurred: no kind \"Pod\" is registered",
        ),
        ("path", "Internal error occurred: doc is missing path"),
        (
            "none",
            "Internal error occurred: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ),
    ] {
        let ignored = json!({"failurePolicy": "Ignore"});
        let hooks = [webhook("x", &hook.config(&format!("/{path}")), &ignored)];
        configure(&admin, "Mutating", path, &hooks).await;
        let answer = create(&admin, "m").await;
        assert_eq!(answer.code, 500, "{path}: {answer:?}");
        assert!(answer.message().starts_with(expected), "{answer:?}");
        let url = format!("{}/mutatingwebhookconfigurations/{path}", super::GROUP);
        assert_eq!(admin.delete(&url).await.code, 200);
    }
}

#[tokio::test]
async fn a_deletion_cannot_be_changed() {
    let hook = Webhook::start(|_, request| match request["operation"].as_str() {
        Some("DELETE") => patch(&annotate("x")),
        _ => allow(),
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &json!({}))],
    )
    .await;
    assert_eq!(create(&admin, "m").await.code, 201);
    let answer = admin.delete(&format!("{MAPS}/m")).await;
    assert_eq!(answer.code, 500);
    assert_eq!(
        answer.message(),
        "Internal error occurred: admission webhook \"x.example.com\" attempted to modify the object, which is not supported for this operation"
    );
}

#[tokio::test]
async fn a_patched_object_is_defaulted_and_validated() {
    let port = json!([{"op": "add", "path": "/spec/containers/0/ports",
        "value": [{"containerPort": 80}]}]);
    let wrong = json!([{"op": "replace", "path": "/spec/containers/0/name", "value": "NO"}]);
    let hook = Webhook::start(move |_, request| match request["name"].as_str() {
        Some("wrong") => patch(&wrong),
        _ => patch(&port),
    })
    .await;
    let server = TestServer::start(&["--disable-admission-plugins=ServiceAccount"]).await;
    let admin = server.admin();
    let pods = json!({"rules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["pods"]}]});
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &pods)],
    )
    .await;
    let pod = |name: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let path = "/api/v1/namespaces/default/pods";
    let created = admin.post(path, &pod("good")).await.json();
    let ports = &created["spec"]["containers"][0]["ports"];
    assert_eq!(ports, &json!([{"containerPort": 80, "protocol": "TCP"}]));
    assert_eq!(admin.post(path, &pod("wrong")).await.code, 422);
}

#[tokio::test]
async fn a_custom_object_is_changed() {
    let change = json!([{"op": "add", "path": "/spec/size", "value": 2},
        {"op": "add", "path": "/spec/odd", "value": 1}]);
    let hook = Webhook::start(move |_, _| patch(&change)).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {
        "type": "object", "properties": {
            "size": {"type": "integer"}, "color": {"type": "string", "default": "red"}}}}}});
    let definition = json!({"metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema},
                {"name": "v2", "served": true, "storage": false, "schema": schema}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(admin.post(definitions, &definition).await.code, 201);
    let widgets = "/apis/example.com/v2/namespaces/default/widgets";
    eventually(&admin, widgets, |answer| answer.code == 200).await;
    let rules = json!({"rules": [{"apiGroups": ["example.com"], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["widgets"]}]});
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &rules)],
    )
    .await;
    let widget = json!({"apiVersion": "example.com/v2", "kind": "Widget",
        "metadata": {"name": "a"}, "spec": {}});
    let created = admin.ask(Method::POST, widgets, widget.to_string()).await;
    assert_eq!(created.code, 201, "{created:?}");
    let created = created.json();
    assert_eq!(created["apiVersion"], "example.com/v2");
    assert_eq!(created["spec"], json!({"color": "red", "size": 2}));
    let [request] = &hook.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(request["object"]["apiVersion"], "example.com/v1");
    assert_eq!(
        (
            &request["kind"]["version"],
            &request["requestKind"]["version"]
        ),
        (&json!("v1"), &json!("v2"))
    );
}

#[tokio::test]
async fn a_scale_is_reviewed_and_changed_as_a_scale() {
    let hook = Webhook::start(|_, _| {
        patch(&json!([{"op": "replace", "path": "/spec/replicas", "value": 5}]))
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    assert_eq!(admin.post(deployments, &deployment).await.code, 201);
    let rules = json!({"rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
        "operations": ["UPDATE"], "resources": ["*/scale"]}]});
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &rules)],
    )
    .await;
    let scale = format!("{deployments}/d/scale");
    let answer = super::patch(&admin, &scale, &json!({"spec": {"replicas": 3}})).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    assert_eq!(answer.json()["spec"]["replicas"], 5);
    let [request] = &hook.requests()[..] else {
        panic!("one request");
    };
    let kind = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    assert_eq!(request["kind"], kind);
    let resource = json!({"group": "apps", "version": "v1", "resource": "deployments"});
    assert_eq!(request["resource"], resource);
    assert_eq!(request["object"]["kind"], "Scale");
    assert_eq!(
        (
            &request["oldObject"]["spec"]["replicas"],
            &request["object"]["spec"]["replicas"]
        ),
        (&json!(1), &json!(3))
    );
}

#[tokio::test]
async fn webhooks_do_not_bypass_escalation_checks() {
    let grant = json!([{"op": "add", "path": "/rules", "value": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}]);
    let hook = Webhook::start(move |_, _| patch(&grant)).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let may = json!({"metadata": {"name": "writes-roles"}, "rules": [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"]}]});
    assert_eq!(
        admin.post(&format!("{rbac}/clusterroles"), &may).await.code,
        201
    );
    let binding = json!({"metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "writes-roles"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}]});
    assert_eq!(
        admin
            .post(&format!("{rbac}/clusterrolebindings"), &binding)
            .await
            .code,
        201
    );
    let roles = json!({"rules": [{"apiGroups": ["rbac.authorization.k8s.io"], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["roles"]}]});
    configure(
        &admin,
        "Mutating",
        "c",
        &[webhook("x", &hook.config("/x"), &roles)],
    )
    .await;
    let role = json!({"metadata": {"name": "r"}, "rules": []});
    let answer = server
        .alice()
        .post(&format!("{rbac}/namespaces/default/roles"), &role)
        .await;
    assert_eq!(answer.code, 403, "{answer:?}");
    assert!(
        answer
            .message()
            .contains("attempting to grant RBAC permissions not currently held")
    );
}

#[tokio::test]
async fn a_quota_counts_objects_as_changed_by_webhooks_and_no_denied_ones() {
    let hook = Webhook::start(|_, request| match request["name"].as_str() {
        Some("denied") => Reply::Review(json!({"allowed": false})),
        _ => allow(),
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "9"}}});
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    assert_eq!(admin.post(quotas, &quota).await.code, 201);
    let path = format!("{quotas}/q");
    eventually(&admin, &path, |answer| {
        answer.json()["status"]["used"]["configmaps"].is_string()
    })
    .await;
    let used = || async { admin.get(&path).await.json()["status"]["used"]["configmaps"].clone() };
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &json!({}))],
    )
    .await;
    let before = used().await;
    assert_eq!(create(&admin, "denied").await.code, 400);
    assert_eq!(used().await, before);
    assert_eq!(create(&admin, "allowed").await.code, 201);
    assert_ne!(used().await, before);
}

#[tokio::test]
async fn neither_owners_nor_identity_are_a_webhooks_to_break() {
    let hook = Webhook::start(|path, _| {
        let (field, value) = match path {
            "/owners" => ("managedFields", json!([{"operation": "Steal"}])),
            "/version" => ("resourceVersion", json!("1")),
            "/uid" => ("uid", json!("00000000-0000-4000-8000-000000000000")),
            _ => ("name", json!("another")),
        };
        patch(&json!([{"op": "add", "path": format!("/metadata/{field}"), "value": value}]))
    })
    .await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let breaks = ["owners", "version", "uid", "name"];
    for name in breaks {
        let labelled = json!({"metadata": {"name": name, "labels": {"breaks": name}}, "data": {}});
        assert_eq!(admin.post(MAPS, &labelled).await.code, 201);
    }
    let webhooks = breaks.map(|name| {
        let selector = json!({"objectSelector": {"matchLabels": {"breaks": name}}});
        webhook(name, &hook.config(&format!("/{name}")), &selector)
    });
    configure(&admin, "Mutating", "c", &webhooks).await;
    let change = json!({"data": {"k": "changed"}});
    for (name, code, said) in [
        ("owners", 200, ""),
        ("version", 409, "the object has been modified"),
        ("uid", 422, "metadata.uid: Invalid value"),
        (
            "name",
            422,
            "metadata.name: Invalid value: \"another\": field is immutable",
        ),
    ] {
        let answer = super::patch(&admin, &format!("{MAPS}/{name}"), &change).await;
        assert_eq!(answer.code, code, "{name}: {answer:?}");
        if code != 200 {
            assert!(answer.message().contains(said), "{}", answer.message());
            continue;
        }
        let warned = super::warnings(&answer).concat();
        let why = "metadata.managedFields.operation: Invalid value: \\\"Steal\\\"";
        assert!(
            warned.contains("was in an invalid state after admission"),
            "{warned}"
        );
        assert!(warned.contains(why), "{warned}");
        let owners = &answer.json()["metadata"]["managedFields"];
        assert_eq!(owners[0]["operation"], "Update", "{owners}");
    }
}
