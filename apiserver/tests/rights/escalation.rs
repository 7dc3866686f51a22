//! Users cannot grant more than they have, under any name.

use http::Method;
use serde_json::{Value, json};

use super::{BINDINGS, LEASES, ROLES, binding, let_alice};
use crate::support::client::Client;
use crate::support::server::TestServer;

fn powerful(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    })
}

async fn put(client: &Client, path: &str, body: &Value) -> u16 {
    let answer = client.ask(Method::PUT, path, body.to_string()).await;
    answer.code
}

/// The client of a POST chooses the name, so a right to `escalate` on one role does not cover its creation.
#[tokio::test]
async fn a_named_right_to_escalate_covers_the_role_in_the_url() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let group = "rbac.authorization.k8s.io";
    let rules = json!([
        {"apiGroups": [group], "resources": ["roles"], "verbs": ["create", "update"]},
        {"apiGroups": [group], "resources": ["roles"], "verbs": ["escalate"],
            "resourceNames": ["mine", "new"]},
    ]);
    let_alice(&admin, rules).await;
    let refused = alice.post(ROLES, &powerful("mine")).await;
    assert_eq!(refused.code, 403, "{refused:?}");
    let message = refused.message();
    let begin = "roles.rbac.authorization.k8s.io \"mine\" is forbidden: user \"alice\" (groups=";
    assert!(message.starts_with(begin), "{message}");
    let harmless = json!({"metadata": {"name": "mine"}});
    assert_eq!(alice.post(ROLES, &harmless).await.code, 201);
    // a PUT has the name in its URL
    let path = |name: &str| format!("{ROLES}/{name}");
    assert_eq!(put(&alice, &path("mine"), &powerful("mine")).await, 200);
    assert_eq!(put(&alice, &path("new"), &powerful("new")).await, 201);
    assert_eq!(put(&alice, &path("other"), &powerful("other")).await, 403);
}

/// `bind` applies to the name of the role, not of the binding.
#[tokio::test]
async fn a_named_right_to_bind_covers_the_role() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    for role in ["one", "two"] {
        assert_eq!(admin.post(ROLES, &powerful(role)).await.code, 201);
    }
    let group = "rbac.authorization.k8s.io";
    let rules = json!([
        {"apiGroups": [group], "resources": ["rolebindings"], "verbs": ["create"]},
        {"apiGroups": [group], "resources": ["roles"], "verbs": ["bind"], "resourceNames": ["one"]},
    ]);
    let_alice(&admin, rules).await;
    let mut disguised = binding("two");
    disguised["metadata"]["name"] = json!("one");
    assert_eq!(alice.post(BINDINGS, &disguised).await.code, 403);
    assert_eq!(alice.post(BINDINGS, &binding("one")).await.code, 201);
}

/// Creating an object by a PUT or an apply needs the right to create it.
#[tokio::test]
async fn a_right_to_replace_does_not_cover_creation() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let leases = |verbs: Value| json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs});
    let mut named = leases(json!(["create"]));
    named["resourceNames"] = json!(["allowed"]);
    let_alice(&admin, json!([leases(json!(["update", "patch"])), named])).await;
    let lease = |name: &str| json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}});
    let path = |name: &str| format!("{LEASES}/{name}");
    let refused = alice
        .ask(Method::PUT, &path("a"), lease("a").to_string())
        .await;
    assert_eq!(refused.code, 403);
    let message = refused.message();
    assert!(
        message.contains("cannot create resource \"leases\""),
        "{message}"
    );
    let applying = alice
        .clone()
        .header("content-type", "application/apply-patch+yaml");
    let apply = |name: &str| format!("{}?fieldManager=m", path(name));
    let applied = applying
        .ask(Method::PATCH, &apply("a"), lease("a").to_string())
        .await;
    assert_eq!(applied.code, 403, "{applied:?}");
    assert_eq!(admin.get(&path("a")).await.code, 404);
    assert_eq!(put(&alice, &path("allowed"), &lease("allowed")).await, 201);
    assert_eq!(admin.post(LEASES, &lease("a")).await.code, 201);
    let existing = admin.get(&path("a")).await.json();
    assert_eq!(put(&alice, &path("a"), &existing).await, 200);
    // a PUT cannot create this kind: not found, even with all permissions
    let map = json!({"metadata": {"name": "m"}});
    let maps = "/api/v1/namespaces/default/configmaps/m";
    assert_eq!(put(&admin, maps, &map).await, 404);
}
