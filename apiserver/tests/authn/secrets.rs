//! No secret is ever shown again: not in the log at its most talkative, not in an answer.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::cluster_tokens::make_bootstrap_token;
use super::requests::{ACCOUNTS, REVIEWS, make_account, over_websocket, token, whoami};
use crate::support::client::Client;
use crate::support::log;
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer};

/// Everything somebody may ask that could make a server talk about who asks.
async fn bodies(client: &Client) -> Vec<String> {
    let mut bodies = Vec::new();
    let impersonating = client.clone().header("impersonate-user", "carol");
    for client in [client.clone(), client.clone().over_http1(), impersonating] {
        for path in ["/version", "/api/v1/secrets", "/nope", ACCOUNTS] {
            let answer = client.get(path).await;
            bodies.push(format!(
                "{:?} {}",
                answer.headers,
                String::from_utf8_lossy(&answer.body)
            ));
        }
    }
    bodies
}

/// What somebody is told who asks whose token this is, rightly and not.
async fn reviewed(server: &TestServer, token: &str) -> Vec<String> {
    let review = json!({"spec": {"token": token}});
    let answer = server.admin().post(REVIEWS, &review).await;
    // A review repeats what it was asked; what it says beyond that must not.
    let status = answer.json()["status"].to_string();
    let mistaken = json!({"spec": {"token": token, "nope": token}, "nope": Value::Null});
    let strict = format!("{REVIEWS}?fieldValidation=Strict");
    vec![
        status,
        server.admin().post(&strict, &mistaken).await.message(),
    ]
}

/// What somebody is told who asks why credentials are answered as they are, rightly and not.
async fn explained(server: &TestServer, authorization: &str) -> Vec<String> {
    let mut answers = Vec::new();
    let headers = json!({"authorization": [authorization]});
    for question in [
        json!({"headers": headers, "verb": "get", "resource": "pods"}),
        json!({"headers": {"authorization": [authorization, "a\nb"]}, "verb": "get"}),
        json!({"headers": authorization}),
        json!({"verb": {"authorization": authorization}}),
    ] {
        let answer = server.admin().post("/explain", &question).await;
        answers.push(String::from_utf8_lossy(&answer.body).into_owned());
    }
    answers
}

#[tokio::test]
async fn no_secret_is_shown() {
    let server = TestServer::start(&["--explain-decisions", "--enable-bootstrap-token-auth"]).await;
    make_bootstrap_token(
        &server,
        "secret",
        json!({"token-secret": "sevenhunters0042"}),
    )
    .await;
    let joining = "secret.sevenhunters0042".to_owned();
    assert!(whoami(&server.bearer(&joining)).await.is_ok());
    make_account(&server, "robot").await;
    let robot = token(&server, "robot", json!({})).await;
    let vault = token(&server, "robot", json!({"audiences": ["vault"]})).await;
    let forged = format!("{robot}x");
    let wrong = "wrong-secret-e81d03".to_owned();
    let anonymous = server.anonymous();
    let mut answers = Vec::new();
    for client in [
        server.alice(),
        server.bob(),
        server.bearer(&robot),
        server.bearer(&vault),
        server.bearer(&forged),
        server.bearer(&wrong),
        server.bearer(&joining),
        server.bearer("secret.sevenhunters0043"),
        over_websocket(&server, &robot),
        over_websocket(&server, &wrong),
        anonymous.clone().basic("bob", &wrong),
        anonymous.clone().basic(&wrong, "x"),
        anonymous
            .clone()
            .header("authorization", &format!("Other {wrong}")),
        server.admin(),
    ] {
        answers.extend(bodies(&client).await);
    }
    for token in [
        &robot,
        &vault,
        &forged,
        &wrong,
        &joining,
        &ALICES_TOKEN.to_owned(),
    ] {
        answers.extend(reviewed(&server, token).await);
        answers.extend(explained(&server, &format!("Bearer {token}")).await);
    }
    let basic = STANDARD.encode(format!("bob:{wrong}"));
    answers.extend(explained(&server, &format!("Basic {basic}")).await);
    answers.extend(explained(&server, &format!("Other {wrong}")).await);
    let pem = fs::read_to_string(server.data("pki/sa.key")).unwrap();
    let key = pem.lines().nth(1).unwrap().to_owned();
    server.stop().await;

    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        signature(&robot),
        signature(&vault),
        "sevenhunters".to_owned(),
        URL_SAFE_NO_PAD.encode(&robot),
        wrong.clone(),
        ALICES_TOKEN.to_owned(),
        BOBS_PASSWORD.to_owned(),
        // however the rest of it may be escaped
        "hunter9b2e".to_owned(),
        STANDARD.encode(format!("bob:{BOBS_PASSWORD}")),
        STANDARD.encode(format!("bob:{wrong}")),
        key,
    ];
    let log = log::so_far();
    assert!(log.contains("authentication failed"), "nothing is logged");
    for secret in &secrets {
        for line in log.lines() {
            assert!(!line.contains(secret.as_str()), "logged: {line}");
        }
        for answer in &answers {
            assert!(!answer.contains(secret.as_str()), "answered: {answer}");
        }
    }
}
