//! Tokens of an `OpenID` issuer that is reached over TLS.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use super::requests::{REVIEWS, counts, does_not_count, now, whoami};
use crate::support::issuer::{Issuer, Signer};
use crate::support::server::{ALICES_TOKEN, ISSUER, TestServer, directory, options};

pub fn flags(issuer: &Issuer, more: &[&str]) -> Vec<String> {
    let mut flags = vec![
        format!("--oidc-issuer-url={}", issuer.url()),
        "--oidc-client-id=portcullis".to_owned(),
        "--oidc-signing-algs=ES256".to_owned(),
        format!("--oidc-ca-file={}", issuer.ca_file().display()),
    ];
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    flags
}

pub async fn start(flags: &[String]) -> TestServer {
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    TestServer::start(&flags).await
}

pub fn claims(issuer: &Issuer, change: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer.url(), "aud": "portcullis", "sub": "jane", "exp": now() + 600,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn an_issuers_token_authenticates_its_user() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let more = [
        "--oidc-username-claim=email",
        "--oidc-groups-claim=groups",
        "--oidc-groups-prefix=oidc:",
        "--oidc-required-claim=hd=example",
    ];
    let server = start(&flags(&issuer, &more)).await;
    let jane = json!({"email": "jane@x", "groups": ["dev", "ops"], "hd": "example"});
    let token = signer.token(&claims(&issuer, &jane));
    let user = whoami(&server.bearer(&token)).await.unwrap();
    assert_eq!(user["username"], "jane@x");
    assert_eq!(
        user["groups"],
        json!(["oidc:dev", "oidc:ops", "system:authenticated"])
    );
    let review = json!({"spec": {"token": token}});
    let review = server.admin().post(REVIEWS, &review).await.json();
    assert_eq!(review["status"]["user"]["username"], "jane@x");
    assert_eq!(review["status"]["audiences"], json!([ISSUER]));
    counts(&server, &token, "jane@x").await;
    // Other users are authenticated as before.
    counts(&server, ALICES_TOKEN, "alice").await;

    let bad = |change: Value| {
        let mut all = jane.clone();
        for (name, value) in change.as_object().unwrap() {
            all[name] = value.clone();
        }
        signer.token(&claims(&issuer, &all))
    };
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"one"}"#);
    for (what, token) in [
        ("expired", bad(json!({"exp": now() - 1}))),
        ("not valid yet", bad(json!({"nbf": now() + 120}))),
        ("for another client", bad(json!({"aud": "vault"}))),
        (
            "of another issuer",
            bad(json!({"iss": "https://elsewhere"})),
        ),
        ("not verified", bad(json!({"email_verified": false}))),
        ("without a required claim", bad(json!({"hd": "other"}))),
        ("of nobody", bad(json!({"email": ""}))),
        ("truncated", token[..token.len() - 3].to_owned()),
        ("without its half", token[..token.len() / 2].to_owned()),
        ("with no algorithm", format!("{none}.{payload}.")),
        (
            "with no algorithm, signed",
            format!("{none}.{payload}.{signature}"),
        ),
        (
            "by another key",
            Signer::new("one").token(&claims(&issuer, &jane)),
        ),
        ("too large", bad(json!({"pad": "x".repeat(100_000)}))),
    ] {
        does_not_count(&server, what, &token).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn keys_rotate_and_come_only_from_a_trusted_server() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = Issuer::start(vec![old.jwk()]).await;
    let server = start(&flags(&issuer, &["--oidc-username-prefix=-"])).await;
    let by = |signer: &Signer| signer.token(&claims(&issuer, &json!({})));
    assert_eq!(
        whoami(&server.bearer(&by(&old))).await.unwrap()["username"],
        "jane"
    );
    assert_eq!(whoami(&server.bearer(&by(&new))).await, Err(401));
    issuer.rotate(vec![new.jwk()]);
    // Keys are fetched at most once a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(whoami(&server.bearer(&by(&new))).await.is_ok());
    assert_eq!(whoami(&server.bearer(&by(&old))).await, Err(401));
    server.stop().await;

    let mut untrusted = flags(&issuer, &[]);
    untrusted.pop();
    untrusted.push(format!(
        "--oidc-ca-file={}",
        issuer.other_ca_file().display()
    ));
    let server = start(&untrusted).await;
    assert_eq!(whoami(&server.bearer(&by(&new))).await, Err(401));
    assert!(whoami(&server.bearer(ALICES_TOKEN)).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn an_invalid_issuer_is_named() {
    let dir = directory();
    let issuer = |url: &str| format!("--oidc-issuer-url={url}");
    for (url, why) in [
        ("http://x", "\"http://x\" is not an https URL"),
        ("x", "\"x\" is not an https URL"),
        ("https://", "\"https://\" is not an https URL"),
        ("https://x y", "\"https://x y\" is not an https URL"),
        ("https://x?a", "\"https://x?a\" must not have a query"),
        ("https://x/#a", "\"https://x/#a\" must not have a fragment"),
        (
            "https://me:deep-secret@x",
            "\"https://…@x\" must not contain credentials",
        ),
        ("", "empty, but --oidc-client-id is not"),
    ] {
        let flags = [&*issuer(url), "--oidc-client-id=y"];
        let error = Server::start(&options(&dir, &flags)).await.err().unwrap();
        assert_eq!(error.to_string(), format!("--oidc-issuer-url: {why}"));
    }
}

#[tokio::test]
async fn an_invalid_option_is_named_before_any_file_is_written() {
    let dir = directory();
    let file = dir.path().join("bad.crt");
    std::fs::write(&file, "nonsense").unwrap();
    let bad = format!("--oidc-ca-file={}", file.display());
    for (flags, why) in [
        (
            &["--oidc-issuer-url=https://x", "--oidc-client-id="][..],
            "--oidc-client-id: empty, but --oidc-issuer-url is not",
        ),
        (
            &[
                "--oidc-issuer-url=https://x",
                "--oidc-client-id=y",
                "--oidc-username-claim=",
            ],
            "--oidc-username-claim: a claim must be named",
        ),
        (
            &["--api-audiences=a,,b"],
            "--api-audiences: an audience must not be empty",
        ),
        (
            &["--service-account-issuer=1:b"],
            "--service-account-issuer: \"1:b\" has a colon, but is not a URL",
        ),
        (
            &["--etcd-servers=https://me:deep-secret@x:2379"],
            "--etcd-servers: \"https://…@x:2379\": credentials in a URL are not supported",
        ),
        (
            &[
                "--oidc-issuer-url=https://x",
                "--oidc-client-id=y",
                "--oidc-ca-file=/none",
            ],
            "--oidc-ca-file: /none: No such file",
        ),
        (
            &["--oidc-issuer-url=https://x", "--oidc-client-id=y", &bad],
            "it contains no certificate of an authority",
        ),
        (
            &["--authorization-mode=RBAC,AlwaysDeny,RBAC"],
            "--authorization-mode: the mode RBAC is named twice",
        ),
    ] {
        let error = Server::start(&options(&dir, flags))
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(why) && error.lines().count() == 1, "{error}");
    }
    assert!(
        !dir.path().join("data").exists(),
        "a refused start left something"
    );
    // As upstream: an empty issuer or client id counts as absent.
    let server = TestServer::start(&["--oidc-issuer-url=", "--oidc-client-id="]).await;
    assert!(whoami(&server.alice()).await.is_ok());
    server.stop().await;
}
