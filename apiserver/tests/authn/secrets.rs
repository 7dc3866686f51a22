//! No secret is ever shown again: not in the log at its most talkative, not in an answer.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::requests::{ACCOUNTS, REVIEWS, make_account, token};
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

#[tokio::test]
async fn no_secret_is_shown() {
    let server = TestServer::start(&["--explain-decisions"]).await;
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
        anonymous.clone().basic("bob", &wrong),
        anonymous.clone().basic(&wrong, "x"),
        anonymous
            .clone()
            .header("authorization", &format!("Other {wrong}")),
        server.admin(),
    ] {
        answers.extend(bodies(&client).await);
    }
    for secret in [&robot, &vault, &forged, &wrong, &ALICES_TOKEN.to_owned()] {
        let review = json!({"spec": {"token": secret}});
        let answer = server.admin().post(REVIEWS, &review).await;
        // A review repeats what it was asked; what it says beyond that must not.
        answers.push(answer.json()["status"].to_string());
        let mistaken = json!({"spec": {"token": secret, "nope": secret}, "nope": Value::Null});
        let strict = format!("{REVIEWS}?fieldValidation=Strict");
        answers.push(server.admin().post(&strict, &mistaken).await.message());
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("bob:{wrong}")));
    for shown in [
        format!("Bearer {robot}"),
        format!("Bearer {forged}"),
        format!("Bearer {wrong}"),
        format!("Bearer {ALICES_TOKEN}"),
        format!("Other {wrong}"),
        basic,
    ] {
        let question = json!({
            "headers": {"authorization": [shown]}, "verb": "get", "resource": "pods",
        });
        let answer = server.admin().post("/explain", &question).await;
        answers.push(String::from_utf8_lossy(&answer.body).into_owned());
        let mistaken = json!({"headers": {"authorization": [shown, "a\nb"]}, "verb": "get"});
        answers.push(server.admin().post("/explain", &mistaken).await.message());
        let misplaced = json!({"verb": {"authorization": shown}});
        answers.push(server.admin().post("/explain", &misplaced).await.message());
        let misplaced = json!({"headers": shown});
        answers.push(server.admin().post("/explain", &misplaced).await.message());
    }
    let pem = fs::read_to_string(server.data("pki/sa.key")).unwrap();
    let key = pem.lines().nth(1).unwrap().to_owned();
    server.stop().await;

    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        signature(&robot),
        signature(&vault),
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
