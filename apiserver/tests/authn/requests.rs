//! What tests of identities ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

pub const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
pub const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Who the server takes a client for; the code of its refusal if it takes them for nobody.
pub async fn whoami(client: &Client) -> Result<Value, u16> {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = client.post(path, &json!({})).await;
    match answer.code {
        201 => Ok(answer.json()["status"]["userInfo"].clone()),
        code => Err(code),
    }
}

/// Makes a service account `name` in the namespace `default`.
pub async fn make_account(server: &TestServer, name: &str) {
    let account = json!({"metadata": {"name": name}});
    let answer = server.admin().post(ACCOUNTS, &account).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// What an admin who asks for a token for `account` gets.
pub async fn request_token(server: &TestServer, account: &str, spec: Value) -> Answer {
    let path = format!("{ACCOUNTS}/{account}/token");
    server.admin().post(&path, &json!({"spec": spec})).await
}

/// A token for `account`.
pub async fn token(server: &TestServer, account: &str, spec: Value) -> String {
    let answer = request_token(server, account, spec).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.json()["status"]["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Makes a pod that runs as `account`.
pub async fn make_pod(server: &TestServer, name: &str, account: &str) {
    let pod = json!({
        "metadata": {"name": name},
        "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "i"}]},
    });
    let pods = "/api/v1/namespaces/default/pods";
    let answer = server.admin().post(pods, &pod).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
