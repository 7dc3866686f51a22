//! The limits of users with few permissions, through TLS and the whole chain.

mod escalation;
mod nodes;
mod pods;
mod unreadable;
mod webhook;

use serde_json::{Value, json};

use crate::support::client::Client;

/// The paths of roles, their bindings and leases in the default namespace.
pub const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
pub const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

/// Grants alice these rules in the default namespace.
pub async fn let_alice(admin: &Client, rules: Value) {
    let role = json!({"metadata": {"name": "alices"}, "rules": rules});
    let made = admin.post(ROLES, &role).await;
    assert_eq!(made.code, 201, "{made:?}");
    let made = admin.post(BINDINGS, &binding("alices")).await;
    assert_eq!(made.code, 201, "{made:?}");
}

/// Binds a role to alice, under the role's name.
pub fn binding(role: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": "default"},
        "subjects": [{"kind": "User", "apiGroup": group, "name": "alice"}],
        "roleRef": {"kind": "Role", "apiGroup": group, "name": role},
    })
}
