//! Duplicate owner references are removed, those of clients and those of webhooks.

use http::Method;
use serde_json::{Value, json};

use super::{MAPS, configure, patch as send_patch, warnings, webhook};
use crate::custom::{WIDGETS, define, definition, widget};
use crate::support::client::Answer;
use crate::support::server::TestServer;
use crate::support::webhook::{Webhook, patch};

fn owner(uid: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid})
}

/// The owners of which `a` occurs once more than is left.
fn duplicates() -> Value {
    json!([
        owner("a", "x"),
        owner("b", "x"),
        owner("a", "x"),
        owner("a", "y")
    ])
}

fn owned(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": duplicates()}})
}

fn assert_deduplicated(answer: &Answer, when: &str) {
    assert!(answer.code < 300, "{answer:?}");
    let left = json!([owner("a", "x"), owner("b", "x"), owner("a", "y")]);
    assert_eq!(answer.json()["metadata"]["ownerReferences"], left);
    let warning = format!(
        "299 - \".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: a\""
    );
    assert_eq!(warnings(answer), [warning]);
}

const AFTER: &str = " after mutating admission happens";

#[tokio::test]
async fn those_of_clients() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_deduplicated(&admin.post(MAPS, &owned("m")).await, "");
    let path = format!("{MAPS}/m");
    let body = owned("m").to_string();
    let put = admin.ask(Method::PUT, &path, body).await;
    assert_deduplicated(&put, "");
    let change = json!({"metadata": {"ownerReferences": duplicates()}});
    assert_deduplicated(&send_patch(&admin, &path, &change).await, AFTER);
    define(&admin, &definition()).await;
    let mut widget = widget(&json!({"color": "red"}));
    widget["metadata"]["ownerReferences"] = duplicates();
    assert_deduplicated(&admin.post(WIDGETS, &widget).await, "");
    let path = format!("{WIDGETS}/a");
    assert_deduplicated(&send_patch(&admin, &path, &change).await, AFTER);
}

#[tokio::test]
async fn those_of_webhooks() {
    let add = json!([{"op": "add", "path": "/metadata/ownerReferences", "value": duplicates()}]);
    let hook = Webhook::start(move |_, _| patch(&add)).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let hooks = [webhook("a", &hook.config("/a"), &json!({}))];
    configure(&admin, "Mutating", "a", &hooks).await;
    let made = admin.post(MAPS, &json!({"metadata": {"name": "m"}})).await;
    assert_deduplicated(&made, AFTER);
}
