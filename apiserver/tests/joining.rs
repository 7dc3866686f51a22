//! A node joins with only a bootstrap token.

mod kubelet;
mod tokens;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::pki::Identity;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde_json::{Value, json};

use crate::controllers::eventually;
use crate::support::client::Client;
use crate::support::server::TestServer;

pub const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const TOKENS: &str = "/api/v1/namespaces/kube-system/secrets";
pub const TOKEN: &str = "abcdef.0123456789abcdef";

/// A server that accepts nodes, and restricts them.
pub async fn server() -> TestServer {
    TestServer::start(&[
        "--enable-bootstrap-token-auth",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
    ])
    .await
}

/// Makes the secret of the token.
pub async fn make_token(admin: &Client, more: &[(&str, &str)]) {
    let own = [
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
    ];
    let mut data = json!({});
    for (key, value) in own.iter().chain(more) {
        data[key] = (*value).into();
    }
    let secret = json!({"metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token", "stringData": data});
    let made = admin.post(TOKENS, &secret).await;
    assert_eq!(made.code, 201, "{made:?}");
}

/// A signing request of a node, and its key.
pub fn request(node: &str, signer: &str, purpose: &str, names: &[&str]) -> (Value, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::OrganizationName, "system:nodes");
    subject.push(DnType::CommonName, format!("system:node:{node}"));
    for name in names {
        let name = SanType::DnsName((*name).try_into().unwrap());
        params.subject_alt_names.push(name);
    }
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let request = json!({"metadata": {"generateName": "csr-"}, "spec": {
        "request": STANDARD.encode(pem), "signerName": format!("kubernetes.io/{signer}"),
        "usages": ["digital signature", "key encipherment", purpose]}});
    (request, key)
}

/// Requests a certificate and waits for it.
pub async fn certified(client: &Client, request: &Value, key: &KeyPair) -> Identity {
    let made = client.post(REQUESTS, request).await;
    assert_eq!(made.code, 201, "{made:?}");
    let path = path_of(&made.json());
    issued(client, &path, key).await
}

/// The path of a request.
pub fn path_of(request: &Value) -> String {
    format!(
        "{REQUESTS}/{}",
        request["metadata"]["name"].as_str().unwrap()
    )
}

/// The certificate issued for a request.
pub async fn issued(client: &Client, path: &str, key: &KeyPair) -> Identity {
    let answer = eventually(client, path, |answer| {
        answer.code == 200 && answer.json()["status"]["certificate"].is_string()
    })
    .await;
    let certificate = answer.json()["status"]["certificate"]
        .as_str()
        .unwrap()
        .to_owned();
    Identity {
        certificate: String::from_utf8(STANDARD.decode(certificate).unwrap()).unwrap(),
        key: key.serialize_pem(),
    }
}

/// A client whose only credentials are the token.
pub fn bootstrapper(server: &TestServer) -> Client {
    server.bearer(TOKEN).header("accept", "application/json")
}

/// A node that has joined.
pub async fn join(server: &TestServer, node: &str) -> Client {
    let signer = "kube-apiserver-client-kubelet";
    let (request, key) = request(node, signer, "client auth", &[]);
    let identity = certified(&bootstrapper(server), &request, &key).await;
    server
        .certified(&identity)
        .header("accept", "application/json")
}
