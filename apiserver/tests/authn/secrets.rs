//! Secrets appear neither in the log at its most verbose level nor in answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use super::cluster_tokens::make_bootstrap_token;
use super::oidc;
use super::requests::{
    ACCOUNTS, REVIEWS, make_account, make_pod, over_websocket, protocol, token, ways, whoami,
};
use crate::support::client::Client;
use crate::support::issuer::{Issuer, Signer};
use crate::support::log;
use crate::support::process::Process;
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer, directory};

/// The answers to all requests that could make a server reveal the client's credentials.
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

/// The answers to token reviews, permitted and not.
async fn reviewed(server: &TestServer, token: &str) -> Vec<String> {
    let review = json!({"spec": {"token": token}});
    let answer = server.admin().post(REVIEWS, &review).await;
    // A review repeats its spec; the rest of it must not contain the token.
    let status = answer.json()["status"].to_string();
    let mistaken = json!({"spec": {"token": token, "nope": token}, "nope": Value::Null});
    let strict = format!("{REVIEWS}?fieldValidation=Strict");
    vec![
        status,
        server.admin().post(&strict, &mistaken).await.message(),
    ]
}

/// The answers to explain requests, permitted and not.
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

/// Asserts that no secret is in the log or in an answer.
fn nowhere(secrets: &[String], answers: &[String]) {
    let log = log::so_far();
    assert!(log.contains("authentication failed"), "nothing is logged");
    for secret in secrets {
        for line in log.lines() {
            assert!(!line.contains(secret.as_str()), "logged: {line}");
        }
        for answer in answers {
            assert!(!answer.contains(secret.as_str()), "answered: {answer}");
        }
    }
}

fn signature(token: &str) -> String {
    token.rsplit('.').next().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_of_issuers_and_of_requests_are_not_revealed() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let more = ["--explain-decisions", "--oidc-username-claim=email"];
    let server = oidc::start(&oidc::flags(&issuer, &more)).await;
    let by = |signer: &Signer, change: Value| signer.token(&oidc::claims(&issuer, &change));
    let jane = json!({"email": "jane@x"});
    make_account(&server, "robot").await;
    make_pod(&server, "pod", "robot").await;
    let to = json!({"kind": "Pod", "apiVersion": "v1", "name": "pod"});
    let bound = json!({"boundObjectRef": to, "expirationSeconds": 3607});
    let good = by(&signer, jane.clone());
    let tokens = [
        good.clone(),
        by(&signer, json!({"email": "jane@x", "exp": 1})),
        by(&signer, json!({"email": "jane@x", "aud": "vault"})),
        by(&signer, json!({"email": "jane@x", "email_verified": false})),
        by(&signer, json!({})),
        by(&Signer::new("one"), jane.clone()),
        by(&Signer::new("two"), jane),
        token(&server, "robot", json!({})).await,
        token(&server, "robot", bound).await,
        format!("{good}.{good}"),
    ];
    let mut answers = Vec::new();
    for token in &tokens {
        for (_, client) in ways(&server, token) {
            answers.extend(bodies(&client).await);
        }
        answers.extend(reviewed(&server, token).await);
        answers.extend(explained(&server, &format!("Bearer {token}")).await);
        // a token in the wrong position
        answers.extend(explained(&server, token).await);
        answers.extend(explained_websocket(&server, token).await);
    }
    server.stop().await;
    let encoded = |token: &String| URL_SAFE_NO_PAD.encode(token);
    let mut secrets: Vec<_> = tokens.iter().map(|token| signature(token)).collect();
    secrets.extend(tokens.iter().map(encoded));
    nowhere(&secrets, &answers);
}

/// The same for a token among a websocket's protocols.
async fn explained_websocket(server: &TestServer, token: &str) -> Vec<String> {
    let protocols = format!("v4.channel.k8s.io, {}", protocol(token));
    let headers = json!({
        "connection": ["Upgrade"], "upgrade": ["websocket"], "sec-websocket-protocol": [protocols],
    });
    let question = json!({"headers": headers, "verb": "get", "resource": "pods"});
    let answer = server.admin().post("/explain", &question).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    vec![String::from_utf8_lossy(&answer.body).into_owned()]
}

#[tokio::test]
async fn secrets_in_a_url_are_not_revealed() {
    const SECRET: &str = "url-secret-71bd02";
    let server = TestServer::start(&[]).await;
    let mut answers = Vec::new();
    let address = server.address();
    for client in [server.bob(), server.bearer("nobodys")] {
        let with_host = client.clone().over_http1();
        let with_host = with_host.header("host", &format!("bob:{SECRET}@{address}"));
        for client in [client.clone(), client.clone().over_http1(), with_host] {
            let mut connection = client.connect().await.unwrap();
            connection.base = format!("https://bob:{SECRET}@{address}");
            for path in [
                "/version".to_owned(),
                format!("/api/v1/pods?token={SECRET}"),
                format!("/api/v1/namespaces/default/pods?access_token={SECRET}&labelSelector=a"),
                format!("/api/v1/watch/pods?timeoutSeconds=0&password={SECRET}"),
            ] {
                let answer = connection.ask(Method::GET, &path, "").await;
                answers.extend(answer.map(|a| String::from_utf8_lossy(&a.body).into_owned()));
            }
        }
    }
    assert!(
        answers.len() > 8,
        "hardly anything is answered: {answers:?}"
    );
    server.stop().await;
    nowhere(&[SECRET.to_owned()], &answers);
}

#[tokio::test]
async fn the_program_reveals_no_secret() {
    const SECRET: &str = "deep-secret-c04e9b";
    let dir = directory();
    let path = |name: &str| dir.path().join(name);
    let log = fs::File::create(path("log")).unwrap();
    let tokens = format!("--token-auth-file={}", path("tokens.csv").display());
    let users = format!("--basic-auth-file={}", path("users.csv").display());
    let flags = ["-v=10", "--explain-decisions", &*tokens, &users];
    let server = Process::start_logging(path("data"), &flags, log);
    let anonymous = server.anonymous();
    for authorization in [
        format!("Bearer {ALICES_TOKEN}"),
        format!("Bearer {SECRET}"),
        format!("Basic {}", STANDARD.encode(format!("bob:{BOBS_PASSWORD}"))),
        format!("Basic {}", STANDARD.encode(format!("bob:{SECRET}"))),
    ] {
        bodies(&anonymous.clone().header("authorization", &authorization)).await;
    }
    let url = format!("https://{}", server.address());
    let mut said = Vec::new();
    for (users, url) in [
        (format!("{{token: {ALICES_TOKEN}}}"), url.clone()),
        (format!("{{token: {SECRET}}}"), url.clone()),
        (format!("{{token: \"{SECRET}\\n\"}}"), url.clone()),
        (
            format!("{{username: bob, password: \"{BOBS_PASSWORD}\"}}"),
            url.clone(),
        ),
        (
            format!("{{client-certificate-data: {SECRET}}}"),
            url.clone(),
        ),
        (format!("{{token: [{SECRET}]}}"), url),
        (
            "{token: x}".to_owned(),
            format!("https://bob:{SECRET}@127.0.0.1:1"),
        ),
        (
            "{token: x}".to_owned(),
            format!("http://bob:{SECRET}@127.0.0.1:1"),
        ),
    ] {
        fs::write(path("config"), kubeconfig(&path("data"), &users, &url)).unwrap();
        let file = format!("--kubeconfig={}", path("config").display());
        said.push(run(&["why", "get", "pods", &file]));
        said.push(run(&["why", "get", "pods", "-o=json", "--as=carol", &file]));
    }
    // Explained to a permitted user, with the credentials of another.
    let admin = format!("--kubeconfig={}", path("data/admin.kubeconfig").display());
    said.push(run(&["why", "get", "pods", &admin]));
    assert!(said.last().unwrap().contains("system:masters"), "{said:?}");
    let with = format!("https://bob:{SECRET}@127.0.0.1:1");
    let other = format!("--data-dir={}", path("other").display());
    for words in [
        &["healthcheck", "--server", &*with][..],
        &["serve", "--secure-port=0", &other, "--etcd-servers", &with],
        &[
            "serve",
            "--secure-port=0",
            &other,
            "--oidc-client-id=x",
            "--oidc-issuer-url",
            &with,
        ],
    ] {
        said.push(run(words));
    }
    drop(server);
    let log = fs::read_to_string(path("log")).unwrap();
    assert!(log.contains("authentication failed"), "nothing is logged");
    let hidden = [ALICES_TOKEN, SECRET, "hunter9b2e"];
    let encoded = [BOBS_PASSWORD, SECRET].map(|p| STANDARD.encode(format!("bob:{p}")));
    for secret in hidden.into_iter().chain(encoded.iter().map(String::as_str)) {
        for text in said.iter().map(String::as_str).chain(log.lines()) {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

/// A kubeconfig of one user, as YAML, and one server.
fn kubeconfig(data: &Path, user: &str, server: &str) -> String {
    let authority = STANDARD.encode(fs::read_to_string(data.join("pki/ca.crt")).unwrap());
    format!(
        "contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\", certificate-authority-data: {authority}}}}}]\n\
         users: [{{name: u, user: {user}}}]\n"
    )
}

/// All output of the program.
fn run(words: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = program.args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(!said.is_empty(), "{words:?} says nothing");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn no_secret_is_revealed() {
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
        over_websocket(&server, &joining),
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
        answers.extend(explained_websocket(&server, token).await);
    }
    let basic = STANDARD.encode(format!("bob:{wrong}"));
    answers.extend(explained(&server, &format!("Basic {basic}")).await);
    answers.extend(explained(&server, &format!("Other {wrong}")).await);
    let pem = fs::read_to_string(server.data("pki/sa.key")).unwrap();
    let key = pem.lines().nth(1).unwrap().to_owned();
    server.stop().await;

    let secrets = [
        signature(&robot),
        signature(&vault),
        "sevenhunters".to_owned(),
        URL_SAFE_NO_PAD.encode(&robot),
        URL_SAFE_NO_PAD.encode(&joining),
        wrong.clone(),
        ALICES_TOKEN.to_owned(),
        BOBS_PASSWORD.to_owned(),
        // however the rest of it may be escaped
        "hunter9b2e".to_owned(),
        STANDARD.encode(format!("bob:{BOBS_PASSWORD}")),
        STANDARD.encode(format!("bob:{wrong}")),
        key,
    ];
    nowhere(&secrets, &answers);
}
