//! Policies that change objects.

use serde_json::{Value, json};

use super::{DEPLOYMENTS, GROUP, MAPS, checking, created, deployment, enforce, map, patch};
use crate::admission::webhooks::{configure, webhook};
use crate::custom::define;
use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;
use crate::support::webhook::Webhook;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings";

fn apply(expression: &str) -> Value {
    json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}})
}

fn operations(expression: &str) -> Value {
    json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}})
}

/// A policy about resources that are created or changed, with these changes to its spec.
fn policy(name: &str, group: &str, resource: &str, change: &Value) -> Value {
    let mut policy = json!({"metadata": {"name": name}, "spec": {"reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [{"apiGroups": [group], "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"], "resources": [resource]}]}}});
    for (field, value) in change.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    policy
}

/// Puts a policy about config maps in force.
async fn maps(client: &Client, name: &str, change: &Value) {
    put(client, &policy(name, "", "configmaps", change), &json!({})).await;
}

async fn put(client: &Client, policy: &Value, binding: &Value) {
    created(client, POLICIES, policy).await;
    let name = policy["metadata"]["name"].as_str().unwrap();
    let mut spec = binding.clone();
    spec["policyName"] = name.into();
    let bound = json!({"metadata": {"name": format!("{name}-binding")}, "spec": spec});
    created(client, BINDINGS, &bound).await;
}

async fn create(client: &Client, data: &Value) -> Answer {
    client
        .post(&format!("{MAPS}?dryRun=All"), &map("m", data))
        .await
}

#[tokio::test]
async fn a_configuration_is_applied() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let sidecar = apply(
        "Object{metadata: Object.metadata{labels: {'injected': 'yes'}},
          spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
            initContainers: [Object.spec.template.spec.initContainers{
              name: 'mesh-proxy', image: 'mesh/proxy:v1', args: ['proxy'], restartPolicy: 'Always'}]}}}}",
    );
    let args = json!({"mutations": [sidecar]});
    put(
        &admin,
        &policy("sidecar", "apps", "deployments", &args),
        &json!({}),
    )
    .await;
    let refused = admin.post(DEPLOYMENTS, &deployment("d", 1)).await;
    let why = "policy 'sidecar' with binding 'sidecar-binding' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.template.spec.initContainers[0].args";
    assert_eq!(
        refused.json(),
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": why, "reason": "Invalid", "code": 403,
            "details": {"name": "d", "group": "apps", "kind": "deployments",
                "causes": [{"message": why}]}})
    );
    let sidecar = "Object{metadata: Object.metadata{labels: {'injected': 'yes'}},
          spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
            initContainers: [Object.spec.template.spec.initContainers{
              name: 'mesh-proxy', image: 'mesh/proxy:v1', restartPolicy: 'Always'}]}}}}";
    let change = json!({"spec": {"mutations": [apply(sidecar)]}});
    let changed = patch(&admin, &format!("{POLICIES}/sidecar"), &change).await;
    assert_eq!(changed.code, 200, "{changed:?}");
    let made = created(&admin, DEPLOYMENTS, &deployment("d", 1)).await;
    let labels = &made["metadata"]["labels"];
    assert_eq!(*labels, json!({"app": "nginx", "injected": "yes"}));
    let spec = &made["spec"]["template"]["spec"];
    assert_eq!(spec["initContainers"][0]["name"], "mesh-proxy");
    assert_eq!(
        spec["initContainers"][0]["imagePullPolicy"], "IfNotPresent",
        "it is defaulted"
    );
    assert_eq!(spec["containers"][0]["name"], "nginx");
    // an update without the label adds it again
    let bare = json!({"metadata": {"labels": {"injected": null}}});
    let updated = patch(&admin, &format!("{DEPLOYMENTS}/d"), &bare)
        .await
        .json();
    assert_eq!(updated["metadata"]["labels"]["injected"], "yes");
}

#[tokio::test]
async fn a_json_patch_is_applied() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let add = operations(
        "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'x': 'y'}},
          JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/k'), value: object.data.k + '!'}]",
    );
    let replace = operations(
        "has(object.data.old) ? [JSONPatch{op: 'test', path: '/data/old', value: 'x'},
            JSONPatch{op: 'move', from: '/data/old', path: '/data/new'}] : []",
    );
    maps(&admin, "p", &json!({"mutations": [add, replace]})).await;
    let made = create(&admin, &json!({"k": "v"})).await.json();
    let annotations = json!({"x": "y", "example.com/k": "v!"});
    assert_eq!(made["metadata"]["annotations"], annotations);
    let data = async |data: Value| create(&admin, &data).await.json()["data"].clone();
    assert_eq!(
        data(json!({"k": "v", "old": "x"})).await,
        json!({"k": "v", "new": "x"})
    );
    assert_eq!(
        data(json!({"k": "v", "old": "y"})).await,
        json!({"k": "v", "old": "y"}),
        "a test that fails leaves the object as it is"
    );
    let bad = operations("[JSONPatch{op: 'remove', path: '/data/missing'}]");
    let change = json!({"spec": {"mutations": [bad]}});
    patch(&admin, &format!("{POLICIES}/p"), &change).await;
    let refused = create(&admin, &json!({"k": "v"})).await;
    assert_eq!(
        (refused.code, refused.json()["reason"].clone()),
        (403, json!("Invalid"))
    );
    let start = "policy 'p' with binding 'p-binding' denied request: JSON Patch: ";
    assert!(refused.message().starts_with(start), "{refused:?}");
}

#[tokio::test]
async fn conditions_variables_and_parameters_are_those_of_any_policy() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    created(&admin, MAPS, &map("defaults", &json!({"team": "a"}))).await;
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "unset", "expression": "!('team' in object.data)"}],
        "variables": [{"name": "team", "expression": "params.data.team + '-' + namespaceObject.metadata.name"}],
        "mutations": [apply("Object{data: Object.data{team: variables.team}}")]});
    let reference = json!({"paramRef": {"name": "defaults", "parameterNotFoundAction": "Deny"}});
    put(&admin, &policy("p", "", "configmaps", &spec), &reference).await;
    let team = async |data: Value| create(&admin, &data).await.json()["data"]["team"].clone();
    assert_eq!(team(json!({"k": "v"})).await, "a-default");
    assert_eq!(team(json!({"team": "b"})).await, "b");
    assert_eq!(admin.delete(&format!("{MAPS}/defaults")).await.code, 200);
    let refused = create(&admin, &json!({"k": "v"})).await;
    let why = "policy 'p' with binding 'p-binding' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!((refused.code, refused.message().as_str()), (403, why));
    assert_eq!(refused.json()["reason"], "Forbidden");
}

#[tokio::test]
async fn errors_follow_the_failure_policy() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let expression = "Object{data: Object.data{copy: string(object.data.missing)}}";
    maps(&admin, "p", &json!({"mutations": [apply(expression)]})).await;
    let refused = create(&admin, &json!({"k": "v"})).await;
    let why = format!(
        "policy 'p' with binding 'p-binding' denied request: expression '{expression}' resulted in error: no such key: missing"
    );
    assert_eq!((refused.code, refused.message()), (403, why));
    let mistyped = "Object{data: Object.other{copy: 'x'}}";
    let change = json!({"spec": {"mutations": [apply(mistyped)]}});
    patch(&admin, &format!("{POLICIES}/p"), &change).await;
    let refused = create(&admin, &json!({"k": "v"})).await;
    assert!(
        refused
            .message()
            .contains("type mismatch: unexpected type name \"Object.other\""),
        "{refused:?}"
    );
    let change = json!({"spec": {"failurePolicy": "Ignore"}});
    patch(&admin, &format!("{POLICIES}/p"), &change).await;
    assert_eq!(create(&admin, &json!({"k": "v"})).await.code, 201);
}

#[tokio::test]
async fn a_policy_runs_again_if_the_object_changed_after_it() {
    for (reinvocation, seen) in [("Never", Value::Null), ("IfNeeded", json!("yes"))] {
        let server = TestServer::start(&[]).await;
        let admin = server.admin();
        let first = "'later' in object.data ? Object{data: Object.data{seen: 'yes'}} : Object{}";
        let spec = json!({"reinvocationPolicy": reinvocation, "mutations": [apply(first)]});
        maps(&admin, "a", &spec).await;
        let second = apply("Object{data: Object.data{later: 'here'}}");
        maps(&admin, "b", &json!({"mutations": [second]})).await;
        let made = create(&admin, &json!({"k": "v"})).await.json();
        assert_eq!(made["data"]["later"], "here");
        assert_eq!(made["data"]["seen"], seen, "{reinvocation}");
    }
}

#[tokio::test]
async fn policies_come_before_webhooks_and_before_validation() {
    let hook = Webhook::allowing().await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let set = apply("Object{data: Object.data{set: 'by-policy'}}");
    maps(&admin, "p", &json!({"mutations": [set]})).await;
    let hooked = webhook("x", &hook.config("/x"), &json!({}));
    configure(&admin, "Mutating", "c", &[hooked]).await;
    enforce(&admin, &checking("v", "object.data.set == 'by-policy'")).await;
    assert_eq!(create(&admin, &json!({"k": "v"})).await.code, 201);
    let requests = hook.requests();
    assert_eq!(requests[0]["object"]["data"]["set"], "by-policy");
}

#[tokio::test]
async fn custom_objects_are_changed_by_their_schema() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}}}}}});
    let definition = json!({"metadata": {"name": "gadgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]}});
    define(&admin, &definition).await;
    let grown = apply("Object{spec: Object.spec{size: object.spec.size + 1, tags: ['grown']}}");
    let grown = policy(
        "p",
        "example.com",
        "gadgets",
        &json!({"mutations": [grown]}),
    );
    put(&admin, &grown, &json!({})).await;
    let gadget = json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"},
        "spec": {"size": 1, "tags": ["old"]}});
    let made = created(
        &admin,
        "/apis/example.com/v1/namespaces/default/gadgets",
        &gadget,
    )
    .await;
    assert_eq!(made["spec"]["size"], 2);
    let mut tags: Vec<_> = made["spec"]["tags"].as_array().unwrap().iter().collect();
    tags.sort_by_key(|tag| tag.as_str());
    assert_eq!(tags, ["grown", "old"]);
}

#[tokio::test]
async fn invalid_policies_are_refused_and_the_plugin_is_switched_by_flags() {
    let off = "--disable-admission-plugins=MutatingAdmissionPolicy";
    let server = TestServer::start(&[off]).await;
    let admin = server.admin();
    let wrong = policy(
        "p",
        "",
        "configmaps",
        &json!({"mutations": [apply("true")]}),
    );
    let refused = admin.post(POLICIES, &wrong).await;
    assert_eq!(
        refused.message(),
        "MutatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.mutations[0].applyConfiguration.expression: Invalid value: \"true\": must evaluate to Object but got bool"
    );
    let unnamed = json!({"metadata": {"name": "b"}, "spec": {}});
    let refused = admin.post(BINDINGS, &unnamed).await;
    assert_eq!(
        refused.message(),
        "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io \"b\" is invalid: spec.policyName: Required value"
    );
    let set = apply("Object{data: Object.data{set: 'x'}}");
    maps(&admin, "p", &json!({"mutations": [set]})).await;
    let made = create(&admin, &json!({"k": "v"})).await.json();
    assert_eq!(made["data"], json!({"k": "v"}));
    let table = admin
        .clone()
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let rows = table
        .get(&format!("{GROUP}/mutatingadmissionpolicies"))
        .await
        .json();
    let cells = rows["rows"][0]["cells"].as_array().unwrap()[..3].to_vec();
    assert_eq!(cells, [json!("p"), json!(1), json!("<unset>")]);
}

#[tokio::test]
async fn naming_parameters_needs_the_right_to_read_them() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let policies =
        json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]});
    super::rights::allow(&admin, &json!([policies])).await;
    let spec = json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "mutations": [apply("Object{}")]});
    let policy = policy("p", "", "configmaps", &spec);
    let refused = alice.post(POLICIES, &policy).await;
    assert!(
        refused
            .message()
            .contains("spec.paramKind: Forbidden: user &{alice 1000"),
        "{refused:?}"
    );
    created(&admin, POLICIES, &policy).await;
    let bound = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p",
        "paramRef": {"name": "a", "parameterNotFoundAction": "Allow"}}});
    let refused = alice.post(BINDINGS, &bound).await;
    assert!(
        refused
            .message()
            .contains("spec.paramRef: Forbidden: user &{alice 1000"),
        "{refused:?}"
    );
}
