//! The lifetimes of service account tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use super::requests::{make_account, make_pod, request_token, whoami};
use crate::support::server::{TestServer, directory, options};

const YEAR: i64 = 365 * 24 * 60 * 60;

fn bound(spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["boundObjectRef"] = json!({"kind": "Pod", "apiVersion": "v1", "name": "pod"});
    spec
}

/// The lifetime of an issued token, when it should be renewed, and the lifetime in the answer.
async fn issued(server: &TestServer, spec: Value) -> (i64, Option<i64>, i64) {
    let answer = request_token(server, "robot", spec).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    let status = &answer.json()["status"];
    let token = status["token"].as_str().unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    let begin = claims["iat"].as_i64().unwrap();
    let told: Timestamp = status["expirationTimestamp"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let renew = claims["kubernetes.io"]["warnafter"].as_i64();
    (
        claims["exp"].as_i64().unwrap() - begin,
        renew.map(|at| at - begin),
        told.as_second() - begin,
    )
}

#[tokio::test]
async fn tokens_for_pods_last_a_year() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    make_pod(&server, "pod", "robot").await;
    let asked = json!({"expirationSeconds": 3607});
    assert_eq!(
        issued(&server, bound(&asked)).await,
        (YEAR, Some(3607), 3607)
    );
    let token = request_token(&server, "robot", bound(&asked)).await.json();
    let token = token["status"]["token"].as_str().unwrap();
    assert!(whoami(&server.bearer(token)).await.is_ok());
    let vault = json!({"expirationSeconds": 3607, "audiences": ["vault"]});
    let other = json!({"expirationSeconds": 3608});
    for (spec, lasts) in [
        (asked.clone(), 3607),
        (bound(&vault), 3607),
        (bound(&other), 3608),
    ] {
        assert_eq!(issued(&server, spec).await, (lasts, None, lasts));
    }
    let dir = server.stop().await;
    let flag = "--service-account-extend-token-expiration=false";
    let server = TestServer::start_in(dir, &[flag]).await;
    assert_eq!(issued(&server, bound(&asked)).await, (3607, None, 3607));
    server.stop().await;
}

#[tokio::test]
async fn a_longer_lifetime_than_allowed_is_shortened_with_a_warning() {
    let server = TestServer::start(&["--service-account-max-token-expiration=2h"]).await;
    make_account(&server, "robot").await;
    let day = json!({"expirationSeconds": 86400});
    let answer = request_token(&server, "robot", day.clone()).await;
    assert_eq!(
        answer.headers["warning"],
        "299 - \"requested expiration of 86400 seconds shortened to 7200 seconds\""
    );
    assert_eq!(answer.json()["spec"]["expirationSeconds"], 7200);
    assert_eq!(issued(&server, day).await, (7200, None, 7200));
    let hour = request_token(&server, "robot", json!({"expirationSeconds": 7200})).await;
    assert!(!hour.headers.contains_key("warning"));
    server.stop().await;
}

#[tokio::test]
async fn invalid_options_are_named() {
    let dir = directory();
    for (flag, why) in [
        (
            "--service-account-max-token-expiration=59m",
            "must be between 1 hour and 2^32 seconds",
        ),
        (
            "--service-account-max-token-expiration=1193047h",
            "must be between 1 hour and 2^32 seconds",
        ),
        ("--service-account-jwks-uri=http://x", "not an https URL"),
    ] {
        let error = Server::start(&options(&dir, &[flag])).await.err().unwrap();
        let name = flag.split('=').next().unwrap();
        assert_eq!(error.to_string(), format!("{name}: {why}"));
    }
}

#[tokio::test]
async fn keys_may_be_published_elsewhere() {
    let uri = "https://keys.example/jwks";
    let flag = format!("--service-account-jwks-uri={uri}");
    let server = TestServer::start(&[&flag]).await;
    let described = server
        .admin()
        .get("/.well-known/openid-configuration")
        .await;
    assert_eq!(described.json()["jwks_uri"], uri);
    server.stop().await;
}
