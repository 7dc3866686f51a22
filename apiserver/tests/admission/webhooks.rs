//! Admission webhooks, called over HTTPS.

mod bad_days;
mod controllers;
mod matching;
mod mutating;
mod owners;
mod review;

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// A webhook of a configuration that matches config maps, with these changes.
pub(super) fn webhook(name: &str, config: &Value, change: &Value) -> Value {
    let mut webhook = json!({"name": format!("{name}.example.com"), "clientConfig": config,
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
            "resources": ["configmaps"]}]});
    for (field, value) in change.as_object().unwrap() {
        webhook[field] = value.clone();
    }
    webhook
}

/// Creates a configuration of a kind, `Mutating` or `Validating`.
pub(super) async fn configure(client: &Client, kind: &str, name: &str, webhooks: &[Value]) {
    let plural = format!("{}webhookconfigurations", kind.to_lowercase());
    let answer = client
        .post(
            &format!("{GROUP}/{plural}"),
            &json!({"metadata": {"name": name}, "webhooks": webhooks}),
        )
        .await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"k": "v"}})
}

/// Creates a config map.
async fn create(client: &Client, name: &str) -> Answer {
    client.post(MAPS, &map(name)).await
}

async fn patch(client: &Client, path: &str, patch: &Value) -> Answer {
    let client = client
        .clone()
        .header("content-type", "application/merge-patch+json");
    client.ask(Method::PATCH, path, patch.to_string()).await
}

/// The warnings of an answer.
fn warnings(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.get_all("warning").iter();
    all.map(|warning| warning.to_str().unwrap()).collect()
}
