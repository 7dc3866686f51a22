//! Policies with parameters.

use serde_json::{Value, json};

use super::{BINDINGS, MAPS, POLICIES, binding, created, denied, map, policy, verdict};
use crate::custom::define;
use crate::support::client::Client;
use crate::support::server::TestServer;

/// A policy that limits `size` by its parameters, which are of this kind.
fn limited(kind: &Value, limit: &str) -> Value {
    policy(
        "p",
        &json!({"paramKind": kind, "validations": [{
            "expression": format!("int(object.data.size) <= {limit}"),
            "messageExpression": format!("'at most ' + string({limit})")}]}),
    )
}

fn config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap"})
}

async fn bind(client: &Client, reference: &Value) {
    let path = format!("{BINDINGS}/p-binding");
    client.delete(&path).await;
    let bound = binding("p-binding", "p", &json!({"paramRef": reference}));
    created(client, BINDINGS, &bound).await;
}

fn limits(name: &str, max: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"limits": "yes"}}, "data": {"max": max, "size": "0"}})
}

#[tokio::test]
async fn a_config_map_holds_parameters() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    created(&admin, MAPS, &limits("small", "3")).await;
    created(
        &admin,
        POLICIES,
        &limited(&config_map(), "int(params.data.max)"),
    )
    .await;
    bind(
        &admin,
        &json!({"name": "small", "namespace": "default", "parameterNotFoundAction": "Deny"}),
    )
    .await;
    let size = |size: &str| json!({"size": size});
    assert_eq!(verdict(&admin, &size("3")).await, "");
    assert_eq!(verdict(&admin, &size("4")).await, denied("at most 3"));
    // a change of parameters takes effect immediately
    let change = json!({"data": {"max": "5"}});
    let changed = super::patch(&admin, &format!("{MAPS}/small"), &change).await;
    assert_eq!(changed.code, 200, "{changed:?}");
    assert_eq!(verdict(&admin, &size("5")).await, "");
    assert_eq!(verdict(&admin, &size("6")).await, denied("at most 5"));
    assert_eq!(admin.delete(&format!("{MAPS}/small")).await.code, 200);
    let none = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!(verdict(&admin, &size("1")).await, denied(none));
    bind(
        &admin,
        &json!({"name": "small", "namespace": "default", "parameterNotFoundAction": "Allow"}),
    )
    .await;
    assert_eq!(verdict(&admin, &size("9")).await, "");
}

#[tokio::test]
async fn parameters_are_those_of_the_objects_namespace() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    created(
        &admin,
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "other"}}),
    )
    .await;
    created(&admin, MAPS, &limits("small", "3")).await;
    let elsewhere = "/api/v1/namespaces/other/configmaps";
    created(&admin, elsewhere, &limits("small", "7")).await;
    created(
        &admin,
        POLICIES,
        &limited(&config_map(), "int(params.data.max)"),
    )
    .await;
    bind(
        &admin,
        &json!({"name": "small", "parameterNotFoundAction": "Deny"}),
    )
    .await;
    let five = map("m", &json!({"size": "5"}));
    assert_eq!(admin.post(MAPS, &five).await.message(), denied("at most 3"));
    created(&admin, elsewhere, &five).await;
}

#[tokio::test]
async fn a_selector_selects_several() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for (name, max) in [("one", "5"), ("two", "3")] {
        created(&admin, MAPS, &limits(name, max)).await;
    }
    created(
        &admin,
        POLICIES,
        &limited(&config_map(), "int(params.data.max)"),
    )
    .await;
    let selector = |value: &str| json!({"selector": {"matchLabels": {"limits": value}}, "namespace": "default", "parameterNotFoundAction": "Deny"});
    bind(&admin, &selector("yes")).await;
    assert_eq!(verdict(&admin, &json!({"size": "3"})).await, "");
    assert_eq!(
        verdict(&admin, &json!({"size": "4"})).await,
        denied("at most 3")
    );
    assert_eq!(
        verdict(&admin, &json!({"size": "6"})).await,
        denied("at most 5")
    );
    bind(&admin, &selector("no")).await;
    let none = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!(verdict(&admin, &json!({"size": "1"})).await, denied(none));
}

#[tokio::test]
async fn a_custom_object_holds_parameters() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let kind = json!({"apiVersion": "rules.example.com/v1", "kind": "ReplicaLimit"});
    created(&admin, POLICIES, &limited(&kind, "params.maxReplicas")).await;
    let reference =
        json!({"name": "limit", "namespace": "default", "parameterNotFoundAction": "Deny"});
    bind(&admin, &reference).await;
    let size = json!({"size": "4"});
    assert_eq!(
        verdict(&admin, &size).await,
        "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=ReplicaLimit'"
    );
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {
        "maxReplicas": {"type": "integer", "default": 3}}}});
    let definition = json!({"metadata": {"name": "replicalimits.rules.example.com"}, "spec": {
        "group": "rules.example.com", "scope": "Namespaced",
        "names": {"plural": "replicalimits", "kind": "ReplicaLimit"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]}});
    define(&admin, &definition).await;
    let none = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!(verdict(&admin, &size).await, denied(none));
    let limits = "/apis/rules.example.com/v1/namespaces/default/replicalimits";
    let limit = json!({"apiVersion": "rules.example.com/v1", "kind": "ReplicaLimit", "metadata": {"name": "limit"}});
    created(&admin, limits, &limit).await;
    assert_eq!(verdict(&admin, &size).await, denied("at most 3"));
    let changed = super::patch(
        &admin,
        &format!("{limits}/limit"),
        &json!({"maxReplicas": 4}),
    )
    .await;
    assert_eq!(changed.code, 200, "{changed:?}");
    assert_eq!(verdict(&admin, &size).await, "");
}

#[tokio::test]
async fn a_policy_without_its_parameters_sees_null() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let spec =
        json!({"paramKind": config_map(), "validations": [{"expression": "params == null"}]});
    super::enforce(&admin, &policy("p", &spec)).await;
    assert_eq!(verdict(&admin, &json!({})).await, "");
}

#[tokio::test]
async fn namespaces_of_parameters_must_fit_their_kind() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rules = json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["configmaps", "persistentvolumes"]}]});
    let wanted = |kind: Value| {
        let spec = json!({"paramKind": kind, "matchConstraints": rules,
            "validations": [{"expression": "params.kind == 'Namespace'"}]});
        policy("p", &spec)
    };
    created(
        &admin,
        POLICIES,
        &wanted(json!({"apiVersion": "v1", "kind": "Namespace"})),
    )
    .await;
    bind(
        &admin,
        &json!({"name": "default", "parameterNotFoundAction": "Deny"}),
    )
    .await;
    assert_eq!(verdict(&admin, &json!({})).await, "");
    bind(
        &admin,
        &json!({"name": "default", "namespace": "default", "parameterNotFoundAction": "Deny"}),
    )
    .await;
    let none = "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
    assert_eq!(verdict(&admin, &json!({})).await, denied(none));
    assert_eq!(admin.delete(&format!("{POLICIES}/p")).await.code, 200);
    created(&admin, POLICIES, &wanted(config_map())).await;
    bind(
        &admin,
        &json!({"name": "m", "parameterNotFoundAction": "Deny"}),
    )
    .await;
    let volume = json!({"metadata": {"name": "m"}, "spec": {"capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/a"}}});
    let refused = admin.post("/api/v1/persistentvolumes", &volume).await;
    let why =
        "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
    assert!(refused.message().ends_with(why), "{refused:?}");
}
