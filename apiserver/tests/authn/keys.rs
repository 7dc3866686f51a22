//! The keys of service account tokens: generated, stored, changed and published.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::pki::Authority;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use super::requests::{make_account, token, whoami};
use crate::support::server::{ISSUER, TestServer, directory, options};

#[tokio::test]
async fn the_key_is_generated_once_and_readable_only_by_its_owner() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let text = token(&server, "robot", json!({})).await;
    let made = fs::read(server.data("pki/sa.key")).unwrap();
    let mode = fs::metadata(server.data("pki/sa.key"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let server = TestServer::start_in(server.stop().await, &[]).await;
    assert_eq!(fs::read(server.data("pki/sa.key")).unwrap(), made);
    assert!(whoami(&server.bearer(&text)).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_new_key_signs_while_the_old_one_still_verifies() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let old = token(&server, "robot", json!({})).await;
    let dir = server.stop().await;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    fs::write(path("new.key"), pem).unwrap();
    let signing = format!("--service-account-signing-key-file={}", path("new.key"));
    let verifying = format!("--service-account-key-file={}", path("data/pki/sa.key"));

    let server = TestServer::start_in(dir, &[&signing, &verifying]).await;
    let new = token(&server, "robot", json!({})).await;
    for text in [&old, &new] {
        assert!(whoami(&server.bearer(text)).await.is_ok());
    }
    let keys = server.bearer(&new).get("/openid/v1/jwks").await.json();
    let published: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["kid"].clone())
        .collect();
    assert_eq!(published, [key_id(&new), key_id(&old)]);

    let server = TestServer::start_in(server.stop().await, &[&signing]).await;
    assert_eq!(whoami(&server.bearer(&old)).await, Err(401));
    assert!(whoami(&server.bearer(&new)).await.is_ok());
    server.stop().await;
}

/// The id of the key in a token's header.
fn key_id(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    header["kid"].clone()
}

#[tokio::test]
async fn the_issuer_has_a_discovery_document_if_it_is_a_url() {
    const PATH: &str = "/.well-known/openid-configuration";
    let server = TestServer::start(&[]).await;
    let answer = server.admin().get(PATH).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=3600");
    let described = answer.json();
    assert_eq!(described["issuer"], ISSUER);
    assert_eq!(
        described["id_token_signing_alg_values_supported"],
        json!(["ES256"])
    );
    let keys = described["jwks_uri"].as_str().unwrap();
    assert!(keys.starts_with("https://127.0.0.1:") && keys.ends_with("/openid/v1/jwks"));
    let keys = server.admin().get("/openid/v1/jwks").await;
    assert_eq!(keys.headers["content-type"], "application/jwk-set+json");
    assert_eq!(server.alice().get(PATH).await.code, 403);
    server.stop().await;

    let server = TestServer::start(&["--service-account-issuer=me"]).await;
    assert_eq!(server.admin().get(PATH).await.code, 404);
    make_account(&server, "robot").await;
    let robot = token(&server, "robot", json!({})).await;
    assert!(whoami(&server.bearer(&robot)).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn audiences_and_issuers_are_configurable() {
    let flags = [
        "--api-audiences=api,other",
        "--service-account-issuer=https://new",
        "--service-account-issuer=https://old",
    ];
    let server = TestServer::start(&flags).await;
    make_account(&server, "robot").await;
    for (audiences, counts) in [
        (json!([]), true),
        (json!(["other"]), true),
        (json!(["https://new"]), false),
    ] {
        let text = token(&server, "robot", json!({"audiences": audiences})).await;
        assert_eq!(
            whoami(&server.bearer(&text)).await.is_ok(),
            counts,
            "{audiences}"
        );
    }
    server.stop().await;
}

/// The error for an unusable pair of files names the file at fault.
#[tokio::test]
async fn a_bad_serving_certificate_is_named_in_one_line() {
    let dir = directory();
    let file = |name: &str, contents: &str| {
        let path = dir.path().join(name);
        fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let pair = |name: &str| {
        let authority = Authority::in_dir(&dir.path().join(name)).unwrap();
        let identity = authority.server(&["localhost".into()], &[]).unwrap();
        let certificate = file(&format!("{name}.crt"), &identity.certificate);
        (certificate, file(&format!("{name}.key"), &identity.key))
    };
    let (certificate, key) = pair("one");
    let (_, other) = pair("two");
    let (bad, none) = (file("bad", "nonsense"), "/does/not/exist".to_owned());
    let (of_certificate, of_key) = ("--tls-cert-file", "--tls-private-key-file");
    for (certificate, key, flag, at_fault, why) in [
        (
            &bad,
            &key,
            of_certificate,
            &bad,
            "it contains no certificate",
        ),
        (
            &key,
            &key,
            of_certificate,
            &key,
            "it contains no certificate",
        ),
        (&none, &key, of_certificate, &none, "No such file"),
        (
            &certificate,
            &bad,
            of_key,
            &bad,
            "it contains no private key",
        ),
        (&certificate, &none, of_key, &none, "No such file"),
        (
            &certificate,
            &other,
            of_key,
            &other,
            "not the key of the certificate",
        ),
    ] {
        let flags = [
            format!("{of_certificate}={certificate}"),
            format!("{of_key}={key}"),
        ];
        let options = options(&dir, &[&flags[0], &flags[1]]);
        let error = Server::start(&options).await.err().unwrap().to_string();
        assert!(
            error.starts_with(&format!("{flag}: {at_fault}: ")),
            "{error}"
        );
        assert!(error.contains(why) && error.lines().count() == 1, "{error}");
    }
}

#[tokio::test]
async fn a_bad_option_is_named_in_one_line() {
    let dir = directory();
    let file = dir.path().join("bad.key");
    fs::write(&file, "nonsense").unwrap();
    let (bad, none) = (file.display().to_string(), "/does/not/exist".to_owned());
    for (flag, value, why) in [
        ("--service-account-signing-key-file", &bad, "no key found"),
        ("--service-account-signing-key-file", &none, "No such file"),
        ("--service-account-key-file", &bad, "no key found"),
        ("--service-account-key-file", &none, "No such file"),
        ("--service-account-issuer", &String::new(), "empty"),
    ] {
        let options = options(&dir, &[&format!("{flag}={value}")]);
        let error = Server::start(&options).await.err().unwrap().to_string();
        assert!(error.starts_with(&format!("{flag}: {value}")), "{error}");
        assert!(error.contains(why) && error.lines().count() == 1, "{error}");
    }
}
