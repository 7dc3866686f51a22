//! Requests of tests about identities.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

pub const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
pub const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// The user that the server authenticates a client as, or the code of its refusal.
pub async fn whoami(client: &Client) -> Result<Value, u16> {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = client.post(path, &json!({})).await;
    match answer.code {
        201 => Ok(answer.json()["status"]["userInfo"].clone()),
        code => Err(code),
    }
}

/// A client that offers these protocols for a websocket.
pub fn offering(server: &TestServer, protocols: &str) -> Client {
    let base = server.anonymous().over_http1();
    let base = base
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    base.header("sec-websocket-protocol", protocols)
}

/// A token as a protocol.
pub fn protocol(token: &str) -> String {
    let encoded = URL_SAFE_NO_PAD.encode(token);
    format!("base64url.bearer.authorization.k8s.io.{encoded}")
}

/// A client that sends a token as browsers do.
pub fn over_websocket(server: &TestServer, token: &str) -> Client {
    offering(server, &format!("v4.channel.k8s.io, {}", protocol(token)))
}

/// All the ways to send a token.
pub fn ways(server: &TestServer, token: &str) -> [(&'static str, Client); 3] {
    let header = server.bearer(token);
    [
        ("HTTP/2", header.clone()),
        ("HTTP/1.1", header.over_http1()),
        ("a websocket", over_websocket(server, token)),
    ]
}

/// Asserts that a token is valid, in each way to send it.
pub async fn counts(server: &TestServer, token: &str, user: &str) {
    for (way, client) in ways(server, token) {
        let known = whoami(&client).await;
        assert_eq!(known.unwrap()["username"], user, "over {way}");
    }
}

/// Asserts that a token is invalid, in each way to send it, and that no answer says why.
pub async fn does_not_count(server: &TestServer, what: &str, token: &str) {
    for (way, client) in ways(server, token) {
        let answer = client.get("/version").await;
        let said = (answer.code, answer.message());
        let expected = (401, "Unauthorized".to_owned());
        assert_eq!(said, expected, "a token {what}, over {way}");
    }
}

/// Asserts that a client is refused soon, for its credentials or their size.
pub async fn is_refused(client: &Client, what: &str) -> u16 {
    let asked = client.try_ask(Method::GET, "/version", "");
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer to {what}"));
    let code = answer.unwrap_or_else(|e| panic!("{what}: {e:?}")).code;
    assert!(matches!(code, 401 | 431), "{what}: {code}");
    code
}

/// Makes a service account `name` in the namespace `default`.
pub async fn make_account(server: &TestServer, name: &str) {
    let account = json!({"metadata": {"name": name}});
    let answer = server.admin().post(ACCOUNTS, &account).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// The answer to an admin's request for a token for `account`.
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
