//! An owner reference that blocks the owner's deletion needs permission.

use serde_json::json;

use crate::support::server::TestServer;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

#[tokio::test]
async fn blocking_an_owner_needs_permission() {
    let plugin = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement";
    let server = TestServer::start(&[plugin]).await;
    let (admin, bob) = (server.admin(), server.bob());
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]);
    let role = json!({"metadata": {"name": "maker"}, "rules": rules});
    let made = admin.post(&format!("{RBAC}/clusterroles"), &role).await;
    assert_eq!(made.code, 201, "{made:?}");
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"metadata": {"name": "maker"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "maker"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "bob"}]});
    let path = format!("{RBAC}/clusterrolebindings");
    assert_eq!(admin.post(&path, &binding).await.code, 201);
    let owned = |name: &str, version: &str, kind: &str| {
        let owner = json!({"apiVersion": version, "kind": kind, "name": "o", "uid": "u",
            "blockOwnerDeletion": true});
        json!({"metadata": {"name": name, "ownerReferences": [owner]}})
    };
    let maps = "/api/v1/namespaces/default/configmaps";
    for (version, kind, why) in [
        (
            "apps/v1",
            "Deployment",
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>",
        ),
        (
            "apps/v2",
            "Deployment",
            "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion apps/v2 Kind Deployment: no matches for kind \"Deployment\" in version \"apps/v2\"",
        ),
    ] {
        let refused = bob.post(maps, &owned("m", version, kind)).await;
        assert_eq!(refused.code, 403, "{refused:?}");
        let message = format!("configmaps \"m\" is forbidden: {why}");
        assert_eq!(refused.json()["message"], message);
    }
    let made = admin.post(maps, &owned("m", "apps/v1", "Deployment")).await;
    assert_eq!(made.code, 201, "{made:?}");
}
