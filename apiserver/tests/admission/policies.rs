//! Admission policies in CEL: which requests they deny, and with which messages.

mod actions;
mod checked;
mod library;
mod matching;
mod mutating;
mod params;
mod rights;
mod stored;

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A policy about config maps, with these changes to its spec.
pub(super) fn policy(name: &str, change: &Value) -> Value {
    let mut policy = json!({"metadata": {"name": name}, "spec": {"matchConstraints": {"resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"]}]}}});
    for (field, value) in change.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    policy
}

/// A policy about config maps that has this validation.
pub(super) fn checking(name: &str, expression: &str) -> Value {
    policy(name, &json!({"validations": [{"expression": expression}]}))
}

/// Rules about deployments that are created or changed.
fn deployments() -> Value {
    json!({"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]})
}

/// A binding that denies, with these changes to its spec.
pub(super) fn binding(name: &str, policy: &str, change: &Value) -> Value {
    let mut binding = json!({"metadata": {"name": name},
        "spec": {"policyName": policy, "validationActions": ["Deny"]}});
    for (field, value) in change.as_object().unwrap() {
        binding["spec"][field] = value.clone();
    }
    binding
}

pub(super) async fn created(client: &Client, path: &str, object: &Value) -> Value {
    let answer = client.post(path, object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.json()
}

/// Puts a policy in force everywhere.
async fn enforce(client: &Client, policy: &Value) {
    let name = policy["metadata"]["name"].as_str().unwrap();
    created(client, POLICIES, policy).await;
    let bound = binding(&format!("{name}-binding"), name, &json!({}));
    created(client, BINDINGS, &bound).await;
}

fn map(name: &str, data: &Value) -> Value {
    json!({"metadata": {"name": name}, "data": data})
}

fn deployment(name: &str, replicas: u32) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "nginx"}}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "nginx"}},
        "template": {"metadata": {"labels": {"app": "nginx"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}}}})
}

async fn patch(client: &Client, path: &str, patch: &Value) -> Answer {
    let client = client
        .clone()
        .header("content-type", "application/merge-patch+json");
    client.ask(Method::PATCH, path, patch.to_string()).await
}

/// The message with which a policy denies a config map with some data; empty if the map is allowed.
async fn verdict(client: &Client, data: &Value) -> String {
    let answer = client
        .post(&format!("{MAPS}?dryRun=All"), &map("m", data))
        .await;
    match answer.code {
        201 => String::new(),
        _ => answer.message(),
    }
}

/// The message of a denial of the config map `m` by the only policy, `p`.
fn denied(why: &str) -> String {
    format!(
        "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: {why}"
    )
}

/// The warnings of an answer.
fn warnings(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.get_all("warning").iter();
    all.map(|warning| warning.to_str().unwrap()).collect()
}
