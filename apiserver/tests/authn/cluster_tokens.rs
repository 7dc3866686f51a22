//! Tokens that live in secrets of the cluster, and tokens on their way through websockets.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::requests::{ACCOUNTS, make_account, token, whoami};
use crate::support::client::Client;
use crate::support::issuer::Signer;
use crate::support::server::{ALICES_TOKEN, TestServer};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const TOKEN: &str = "abc123.0123456789abcdef";

async fn make(server: &TestServer, path: &str, object: Value) {
    let answer = server.admin().post(path, &object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// A token of the cluster, of this id; `change` says what is other than in a good one.
pub async fn make_bootstrap_token(server: &TestServer, id: &str, change: Value) {
    let mut data = json!({
        "token-id": id, "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:workers",
    });
    for (key, value) in change.as_object().unwrap() {
        data[key] = value.clone();
    }
    let secret = json!({
        "metadata": {"name": format!("bootstrap-token-{id}")},
        "type": "bootstrap.kubernetes.io/token", "stringData": data,
    });
    make(server, "/api/v1/namespaces/kube-system/secrets", secret).await;
}

#[tokio::test]
async fn bootstrap_tokens_let_nodes_in_if_told_to() {
    let server = TestServer::start(&["--enable-bootstrap-token-auth"]).await;
    make_bootstrap_token(&server, "abc123", json!({})).await;
    let user = whoami(&server.bearer(TOKEN)).await.unwrap();
    assert_eq!(user["username"], "system:bootstrap:abc123");
    assert_eq!(
        user["groups"],
        json!([
            "system:bootstrappers",
            "system:bootstrappers:workers",
            "system:authenticated"
        ])
    );
    let at = |seconds| {
        let time = Timestamp::now() + SignedDuration::from_secs(seconds);
        json!({"expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()})
    };
    make_bootstrap_token(&server, "later0", at(600)).await;
    make_bootstrap_token(&server, "passed", at(-1)).await;
    make_bootstrap_token(
        &server,
        "signs0",
        json!({"usage-bootstrap-authentication": "false"}),
    )
    .await;
    assert!(
        whoami(&server.bearer("later0.0123456789abcdef"))
            .await
            .is_ok()
    );
    for token in [
        "passed.0123456789abcdef",
        "signs0.0123456789abcdef",
        "abc123.0123456789abcdee",
        "abc123.0123456789abcde",
        "abc124.0123456789abcdef",
        "abc123",
    ] {
        assert_eq!(whoami(&server.bearer(token)).await, Err(401), "{token}");
    }
    let path = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abc123";
    assert_eq!(server.admin().delete(path).await.code, 200);
    assert_eq!(whoami(&server.bearer(TOKEN)).await, Err(401));

    make_bootstrap_token(&server, "abc123", json!({})).await;
    let server = TestServer::start_in(server.stop().await, &[]).await;
    assert_eq!(
        whoami(&server.bearer(TOKEN)).await,
        Err(401),
        "it is off by default"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_token_of_a_secret_lasts_as_long_as_the_secret() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let account = server
        .admin()
        .get(&format!("{ACCOUNTS}/robot"))
        .await
        .json();
    let signer = Signer::of(&fs::read_to_string(server.data("pki/sa.key")).unwrap(), "");
    let name = |claim: &str| format!("kubernetes.io/serviceaccount/{claim}");
    let text = signer.token(&json!({
        "iss": "kubernetes/serviceaccount",
        "sub": "system:serviceaccount:default:robot",
        name("namespace"): "default",
        name("secret.name"): "robot-token",
        name("service-account.name"): "robot",
        name("service-account.uid"): account["metadata"]["uid"],
    }));
    assert_eq!(
        whoami(&server.bearer(&text)).await,
        Err(401),
        "no secret holds it"
    );
    let secret = json!({
        "metadata": {
            "name": "robot-token",
            "annotations": {"kubernetes.io/service-account.name": "robot"},
        },
        "type": "kubernetes.io/service-account-token", "stringData": {"token": text},
    });
    make(&server, SECRETS, secret).await;
    let user = whoami(&server.bearer(&text)).await.unwrap();
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(user["uid"], account["metadata"]["uid"]);
    let path = format!("{SECRETS}/robot-token");
    assert_eq!(server.admin().delete(&path).await.code, 200);
    assert_eq!(whoami(&server.bearer(&text)).await, Err(401));
    server.stop().await;
}

fn offering(server: &TestServer, protocols: &str) -> Client {
    let base = server.anonymous().over_http1();
    let base = base
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    base.header("sec-websocket-protocol", protocols)
}

fn protocol(token: &str) -> String {
    let encoded = URL_SAFE_NO_PAD.encode(token);
    format!("base64url.bearer.authorization.k8s.io.{encoded}")
}

/// Somebody who offers a token as browsers do.
pub fn over_websocket(server: &TestServer, token: &str) -> Client {
    offering(server, &format!("v4.channel.k8s.io, {}", protocol(token)))
}

#[tokio::test]
async fn a_websocket_offers_its_token_among_protocols() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let robot = token(&server, "robot", json!({})).await;
    for (token, name) in [
        (ALICES_TOKEN, "alice"),
        (&robot, "system:serviceaccount:default:robot"),
    ] {
        let client = over_websocket(&server, token);
        assert_eq!(whoami(&client).await.unwrap()["username"], name);
        let alone = offering(&server, &protocol(token));
        assert_eq!(
            whoami(&alone).await,
            Err(401),
            "there is no protocol to answer with"
        );
    }
    for token in ["wrong", &format!("{robot}x"), &robot[..robot.len() - 4]] {
        let client = over_websocket(&server, token);
        assert_eq!(whoami(&client).await, Err(401));
    }
    server.stop().await;
}
