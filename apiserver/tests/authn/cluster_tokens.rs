//! Tokens stored in secrets of the cluster, and tokens in the protocols of websockets.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::requests::{
    ACCOUNTS, counts, does_not_count, make_account, offering, over_websocket, protocol, token,
    whoami,
};
use crate::support::issuer::Signer;
use crate::support::server::{ALICES_TOKEN, TestServer};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const TOKEN: &str = "abc123.0123456789abcdef";
const ROBOT: &str = "system:serviceaccount:default:robot";

async fn make(server: &TestServer, path: &str, object: Value) {
    let answer = server.admin().post(path, &object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

/// Makes a bootstrap token with this id; `change` lists the differences from a valid one.
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
async fn bootstrap_tokens_authenticate_if_enabled() {
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
    counts(
        &server,
        "later0.0123456789abcdef",
        "system:bootstrap:later0",
    )
    .await;
    for (what, token) in [
        ("that has expired", "passed.0123456789abcdef"),
        ("for signing", "signs0.0123456789abcdef"),
        ("with another secret", "abc123.0123456789abcdee"),
        ("truncated", "abc123.0123456789abcde"),
        ("of nobody", "abc124.0123456789abcdef"),
        ("without its secret", "abc123"),
        ("without its id", ".0123456789abcdef"),
        ("in capitals", "ABC123.0123456789ABCDEF"),
        ("of another place", "../123.0123456789abcdef"),
    ] {
        does_not_count(&server, what, token).await;
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

/// The claims of a token that is stored in the secret `secret`, and that secret.
pub struct Kept<'a> {
    server: &'a TestServer,
    uid: String,
}

impl<'a> Kept<'a> {
    /// A token of the account `robot`.
    pub async fn of_robot(server: &'a TestServer) -> Self {
        let account = server.admin().get(&format!("{ACCOUNTS}/robot")).await;
        let uid = account.json()["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { server, uid }
    }

    pub fn claims(&self, secret: &str) -> Value {
        let name = |claim: &str| format!("kubernetes.io/serviceaccount/{claim}");
        json!({
            "iss": "kubernetes/serviceaccount",
            "sub": "system:serviceaccount:default:robot",
            name("namespace"): "default",
            name("secret.name"): secret,
            name("service-account.name"): "robot",
            name("service-account.uid"): self.uid,
        })
    }

    pub async fn keep(&self, secret: &str, token: &str) {
        let secret = json!({
            "metadata": {
                "name": secret,
                "annotations": {"kubernetes.io/service-account.name": "robot"},
            },
            "type": "kubernetes.io/service-account-token", "stringData": {"token": token},
        });
        make(self.server, SECRETS, secret).await;
    }
}

#[tokio::test]
async fn a_token_of_a_secret_lasts_as_long_as_the_secret() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let kept = Kept::of_robot(&server).await;
    let signer = Signer::of(&fs::read_to_string(server.data("pki/sa.key")).unwrap(), "");
    let text = signer.token(&kept.claims("robot-token"));
    does_not_count(&server, "that no secret holds", &text).await;
    kept.keep("robot-token", &text).await;
    let user = whoami(&server.bearer(&text)).await.unwrap();
    assert_eq!(user["uid"], kept.uid);
    counts(&server, &text, ROBOT).await;

    // Each is stored in a secret of its own, so that only its own fault makes it invalid.
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let changed = |secret: &str, claim: &str, value: Value| {
        let mut claims = kept.claims(secret);
        claims[claim] = value;
        signer.token(&claims)
    };
    let subject = json!("system:serviceaccount:default:other");
    let uid = "kubernetes.io/serviceaccount/service-account.uid";
    for (secret, what, token) in [
        (
            "stranger",
            "by another key",
            Signer::new("").token(&kept.claims("stranger")),
        ),
        ("renamed", "of another", changed("renamed", "sub", subject)),
        (
            "reborn",
            "of an earlier",
            changed("reborn", uid, json!("7")),
        ),
        (
            "vault",
            "for others",
            changed("vault", "aud", json!(["vault"])),
        ),
        ("expired", "expired", changed("expired", "exp", json!(1))),
        ("issuer", "by others", changed("issuer", "iss", json!("me"))),
        ("none", "unsigned", format!("{none}.{payload}.")),
        (
            "none-signed",
            "with no algorithm",
            format!("{none}.{payload}.{signature}"),
        ),
        ("short", "truncated", text[..text.len() - 3].to_owned()),
        (
            "half",
            "without its half",
            text[..text.len() / 2].to_owned(),
        ),
    ] {
        kept.keep(secret, &token).await;
        does_not_count(&server, what, &token).await;
    }
    let path = format!("{SECRETS}/robot-token");
    assert_eq!(server.admin().delete(&path).await.code, 200);
    does_not_count(&server, "whose secret is gone", &text).await;
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_sends_its_token_among_its_protocols() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let robot = token(&server, "robot", json!({})).await;
    for (token, name) in [(ALICES_TOKEN, "alice"), (&robot, ROBOT)] {
        counts(&server, token, name).await;
        let alone = offering(&server, &protocol(token));
        assert_eq!(
            whoami(&alone).await,
            Err(401),
            "there is no protocol to answer with"
        );
    }
    let (a, b) = (protocol(&robot), protocol(ALICES_TOKEN));
    for (what, protocols) in [
        ("two tokens", format!("v4.channel.k8s.io, {a}, {b}")),
        ("one token twice", format!("v4.channel.k8s.io, {a}, {a}")),
        (
            "no base64",
            "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.?".to_owned(),
        ),
        ("padded base64", format!("v4.channel.k8s.io, {b}=")),
        (
            "no text",
            "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.__79".to_owned(),
        ),
    ] {
        let client = offering(&server, &protocols);
        assert_eq!(whoami(&client).await, Err(401), "{what}");
    }
    // An invalid one does no harm beside valid credentials in a header, and a valid one does not help.
    let header = format!("Bearer {ALICES_TOKEN}");
    let both = over_websocket(&server, "wrong").header("authorization", &header);
    assert_eq!(whoami(&both).await.unwrap()["username"], "alice");
    let both = over_websocket(&server, ALICES_TOKEN).header("authorization", "Bearer wrong");
    assert_eq!(whoami(&both).await.unwrap()["username"], "alice");
    server.stop().await;
}
