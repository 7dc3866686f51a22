//! One kind under two group versions.

use serde_json::json;

use crate::support::server::TestServer;

#[tokio::test]
async fn a_policy_is_stored_once_and_served_in_both_groups() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rule = json!({"rule": "RunAsAny"});
    let policy = json!({"apiVersion": "extensions/v1beta1", "kind": "PodSecurityPolicy",
        "metadata": {"name": "p"}, "spec": {"seLinux": rule, "runAsUser": rule, "fsGroup": rule,
        "supplementalGroups": rule, "volumes": ["*"]}});
    let path = |group: &str| format!("/apis/{group}/v1beta1/podsecuritypolicies");
    let made = admin.post(&path("extensions"), &policy).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["apiVersion"], "extensions/v1beta1");
    let found = admin.get(&format!("{}/p", path("policy"))).await.json();
    assert_eq!(found["apiVersion"], "policy/v1beta1");
    assert_eq!(found["metadata"], made.json()["metadata"]);
    assert_eq!(found["spec"]["allowPrivilegeEscalation"], true);
    let wrong = admin.post(&path("policy"), &policy).await;
    assert_eq!(wrong.code, 400, "the body's version is not the URL's");
}
