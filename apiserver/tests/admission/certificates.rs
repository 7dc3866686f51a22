//! The right to write a signing request does not include the permissions for its signer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn signing_request(name: &str, signer: &str, organization: &str) -> Value {
    let mut params = CertificateParams::default();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::OrganizationName, organization);
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    json!({"metadata": {"name": name}, "spec": {"request": STANDARD.encode(pem),
        "signerName": signer, "usages": ["client auth"]}})
}

/// Gives bob a role of this name with these rules.
async fn let_bob(admin: &Client, name: &str, rules: Value) {
    let role = json!({"metadata": {"name": name}, "rules": rules});
    let made = admin.post(&format!("{RBAC}/clusterroles"), &role).await;
    assert_eq!(made.code, 201, "{made:?}");
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "bob"}]});
    let path = format!("{RBAC}/clusterrolebindings");
    let made = admin.post(&path, &binding).await;
    assert_eq!(made.code, 201, "{made:?}");
}

/// Replaces a subresource with the request and this status.
async fn put(client: &Client, name: &str, subresource: &str, status: Value) -> Answer {
    let path = format!("{REQUESTS}/{name}");
    let mut request = client.get(&path).await.json();
    request["status"] = status;
    let path = format!("{path}/{subresource}");
    client.ask(Method::PUT, &path, request.to_string()).await
}

fn condition(kind: &str) -> Value {
    json!({"conditions": [{"type": kind, "status": "True", "reason": "Test"}]})
}

#[tokio::test]
async fn approvals_and_signatures_take_a_permission_for_the_signer() {
    let server = TestServer::start(&[]).await;
    let (admin, bob) = (server.admin(), server.bob());
    let group = "certificates.k8s.io";
    let rules = json!([{"apiGroups": [group], "verbs": ["get", "update"], "resources":
        ["certificatesigningrequests", "certificatesigningrequests/approval", "certificatesigningrequests/status"]}]);
    let_bob(&admin, "writer", rules).await;
    for name in ["approval", "status"] {
        let request = signing_request(name, "example.com/a", "dev");
        let made = admin.post(REQUESTS, &request).await;
        assert_eq!(made.code, 201, "{made:?}");
    }
    for (subresource, verb, kind) in [
        ("approval", "approve", "Approved"),
        ("status", "sign", "Failed"),
    ] {
        let refused = put(&bob, subresource, subresource, condition(kind)).await;
        assert_eq!(
            (refused.code, refused.message()),
            (
                403,
                format!(
                    "certificatesigningrequests.certificates.k8s.io \"{subresource}\" is forbidden: user not permitted to {verb} requests with signerName \"example.com/a\""
                )
            )
        );
        let rule = json!([{"apiGroups": [group], "verbs": [verb], "resources": ["signers"],
            "resourceNames": ["example.com/*"]}]);
        let_bob(&admin, verb, rule).await;
        let done = put(&bob, subresource, subresource, condition(kind)).await;
        assert_eq!(done.code, 200, "{done:?}");
        assert_eq!(done.json()["status"]["conditions"][0]["type"], kind);
    }
    // the administrator is allowed without a rule
    let denied = put(
        &admin,
        "status",
        "approval",
        json!({"conditions": [
        {"type": "Failed", "status": "True"}, {"type": "Denied", "status": "True"}]}),
    );
    let denied = denied.await;
    assert_eq!(denied.code, 200, "{denied:?}");
    let failed = put(
        &admin,
        "approval",
        "status",
        json!({"conditions": [
        {"type": "Approved", "status": "True"}, {"type": "Failed", "status": "True"}]}),
    );
    let failed = failed.await;
    assert_eq!(failed.code, 200, "{failed:?}");
}

#[tokio::test]
async fn not_even_the_administrator_may_request_a_certificate_for_masters() {
    let server = TestServer::start(&[]).await;
    let signer = "kubernetes.io/kube-apiserver-client";
    for (organization, code) in [("system:masters", 403), ("dev", 201)] {
        let request = signing_request("r", signer, organization);
        let answer = server.admin().post(REQUESTS, &request).await;
        assert_eq!(answer.code, code, "{answer:?}");
    }
}
