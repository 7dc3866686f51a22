//! A user cannot use a policy to read parameters without the right to read them.

use serde_json::{Value, json};

use super::{BINDINGS, POLICIES, binding, created, policy};
use crate::support::client::Client;
use crate::support::server::TestServer;

/// Lets alice write policies, and read config maps as the verbs say.
pub(super) async fn allow(admin: &Client, rules: &Value) {
    let role = json!({"metadata": {"name": "r"}, "rules": rules});
    created(
        admin,
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        &role,
    )
    .await;
    let bound = json!({"metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    created(admin, bindings, &bound).await;
}

#[tokio::test]
async fn naming_parameters_needs_the_right_to_read_them() {
    let server = TestServer::start(&[]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let policies =
        json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]});
    let maps = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]});
    allow(&admin, &json!([policies, maps])).await;
    let with = |kind: &str| {
        let spec = json!({"paramKind": {"apiVersion": "v1", "kind": kind}, "validations": [{"expression": "true"}]});
        policy("p", &spec)
    };
    let refused = alice.post(POLICIES, &with("Secret")).await;
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.message(),
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.paramKind: Forbidden: user &{alice 1000 [basic-user system:authenticated] map[]} must have \"get\" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)"
    );
    created(&alice, POLICIES, &with("ConfigMap")).await;
    let reference = json!({"paramRef": {"name": "a", "namespace": "default", "parameterNotFoundAction": "Deny"}});
    created(&alice, BINDINGS, &binding("b", "p", &reference)).await;
    created(&admin, POLICIES, &{
        let mut secret = with("Secret");
        secret["metadata"]["name"] = "s".into();
        secret
    })
    .await;
    let refused = alice.post(BINDINGS, &binding("c", "s", &reference)).await;
    assert_eq!(
        refused.message(),
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io \"c\" is invalid: spec.paramRef: Forbidden: user &{alice 1000 [basic-user system:authenticated] map[]} does not have \"get\" permission on the object referenced by paramRef"
    );
    // parameters that are already named are not checked again
    let change = json!({"metadata": {"labels": {"a": "b"}}});
    let changed = super::patch(&alice, &format!("{POLICIES}/s"), &change).await;
    assert_eq!(changed.code, 200, "{changed:?}");
}
