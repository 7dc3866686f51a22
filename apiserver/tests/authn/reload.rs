//! Files of users, authorities and keys are reloaded when they change, unless they are invalid.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use portcullis::pki::Authority;
use serde_json::json;

use super::requests::{make_account, token, whoami};
use crate::controllers::eventually;
use crate::support::client::{Answer, Client};
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer, directory};
use crate::support::{PATIENCE, log};

/// Waits until the client is authenticated, or no longer is; files are checked every two seconds.
async fn becomes(client: &Client, known: bool) {
    let begun = Instant::now();
    while whoami(client).await.is_ok() != known {
        assert!(begun.elapsed() < PATIENCE, "known: {}", !known);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a file has been looked at that is broken.
async fn is_found_broken(path: &Path) {
    log::says(&["a changed file is invalid", &path.display().to_string()]).await;
}

fn replace(path: &Path, contents: &str) {
    let new = path.with_extension("new");
    fs::write(&new, contents).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn users_come_and_go_and_an_invalid_file_changes_nothing() {
    let dir = directory();
    let (users, tokens) = (dir.path().join("users.csv"), dir.path().join("tokens.csv"));
    let stranger = Authority::in_dir(&dir.path().join("stranger")).unwrap();
    let guest = stranger.client("guest", None).unwrap();
    let ca = dir.path().join("ca.crt");
    let first = Authority::in_dir(&dir.path().join("first")).unwrap();
    fs::write(&ca, first.certificate()).unwrap();
    let flag = format!("--client-ca-file={}", ca.display());
    let server = TestServer::start_in(dir, &[&flag]).await;
    let dave = server.anonymous().basic("dave", "new-pass-8d2c");
    let carol = server.bearer("new-token-77aa");
    let guest = server.certified(&guest);
    for client in [&dave, &carol, &guest] {
        assert_eq!(whoami(client).await, Err(401));
    }
    replace(&users, "new-pass-8d2c,dave,3000\n");
    replace(&tokens, "new-token-77aa,carol,4000\n");
    replace(&ca, stranger.certificate());
    for client in [&dave, &carol, &guest] {
        becomes(client, true).await;
    }
    assert_eq!(whoami(&server.bearer(ALICES_TOKEN)).await, Err(401));
    assert_eq!(
        whoami(&server.anonymous().basic("bob", BOBS_PASSWORD)).await,
        Err(401)
    );

    replace(&users, "new-pass-8d2c\n");
    replace(&tokens, "\"new-token-77aa,carol\n");
    replace(&ca, "nonsense");
    for file in [&users, &tokens, &ca] {
        is_found_broken(file).await;
    }
    for client in [&dave, &carol, &guest] {
        assert!(whoami(client).await.is_ok());
    }
    let log = log::so_far();
    assert!(!log.contains("new-pass-8d2c") && !log.contains("new-token-77aa"));
    server.stop().await;
}

/// Waits until new connections get a certificate that the client trusts.
async fn until_trusted(client: &Client) {
    let begun = Instant::now();
    while !client.trusts_server().await {
        assert!(begun.elapsed() < PATIENCE, "not trusted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn new_connections_see_a_new_certificate_and_old_ones_go_on() {
    let dir = directory();
    let path = |name: &str| dir.path().join(name);
    let authority = |name: &str| Authority::in_dir(&path(name)).unwrap();
    let (first, second) = (authority("first"), authority("second"));
    let here = [IpAddr::from([127, 0, 0, 1])];
    let of = |authority: &Authority| authority.server(&["localhost".into()], &here).unwrap();
    let (old, new) = (of(&first), of(&second));
    let (certificate, key) = (path("tls.crt"), path("tls.key"));
    replace(&certificate, &old.certificate);
    replace(&key, &old.key);
    let flags = [
        format!("--tls-cert-file={}", certificate.display()),
        format!("--tls-private-key-file={}", key.display()),
    ];
    let server = TestServer::start_in(dir, &[&flags[0], &flags[1]]).await;
    let (before, after) = (
        server.trusting(first.certificate()),
        server.trusting(second.certificate()),
    );
    assert!(before.trusts_server().await && !after.trusts_server().await);
    let mut open = before.connect().await.unwrap();

    // One file before the other: for a moment they do not match.
    replace(&certificate, &new.certificate);
    let unfit = format!("{}: not the key of the certificate", key.display());
    log::says(&[&unfit]).await;
    assert!(before.trusts_server().await && !after.trusts_server().await);
    replace(&key, &new.key);
    until_trusted(&after).await;
    // For new sessions only; a resumed session exchanges no certificate.
    assert!(!server.trusting(first.certificate()).trusts_server().await);
    assert_eq!(open.ask(Method::GET, "/livez", "").await.unwrap().code, 200);
    assert_eq!(after.get("/livez").await.code, 200);

    for (path, broken) in [(&certificate, "nonsense"), (&key, ""), (&key, &*old.key)] {
        let good = fs::read_to_string(path).unwrap();
        replace(path, broken);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(
            after.trusts_server().await,
            "{broken} in {}",
            path.display()
        );
        replace(path, &good);
    }
    assert!(!log::so_far().contains(new.key.lines().nth(1).unwrap()));
    server.stop().await;
}

#[tokio::test]
async fn changed_authorities_are_published() {
    const MAP: &str =
        "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let dir = directory();
    let authority = |name: &str| Authority::in_dir(&dir.path().join(name)).unwrap();
    let (first, second) = (authority("first"), authority("second"));
    let ca = dir.path().join("ca.crt");
    replace(&ca, first.certificate());
    let flag = format!("--client-ca-file={}", ca.display());
    let server = TestServer::start_in(dir, &[&flag]).await;
    let names = |authority: &Authority| {
        let line = authority.certificate().lines().nth(3).unwrap().to_owned();
        move |answer: &Answer| String::from_utf8_lossy(&answer.body).contains(&line)
    };
    eventually(&server.admin(), MAP, names(&first)).await;
    replace(&ca, "nonsense");
    is_found_broken(&ca).await;
    replace(&ca, second.certificate());
    let map = eventually(&server.admin(), MAP, names(&second)).await;
    // Other servers may still trust it: only an admin removes authorities.
    assert!(names(&first)(&map));
    server.stop().await;
}

#[tokio::test]
async fn keys_of_service_accounts_change_while_the_server_runs() {
    let dir = directory();
    let (signing, old) = (dir.path().join("sign.key"), dir.path().join("old.key"));
    let key = || rcgen::KeyPair::generate().unwrap().serialize_pem();
    let (first, second) = (key(), key());
    fs::write(&signing, &first).unwrap();
    fs::write(&old, key()).unwrap();
    let flags = [
        format!("--service-account-signing-key-file={}", signing.display()),
        format!("--service-account-key-file={}", old.display()),
    ];
    let server = TestServer::start_in(dir, &[&flags[0], &flags[1]]).await;
    make_account(&server, "robot").await;
    let before = server.bearer(&token(&server, "robot", json!({})).await);
    becomes(&before, true).await;

    let has_keys =
        |count| move |answer: &Answer| answer.json()["keys"].as_array().unwrap().len() == count;
    let jwks = "/openid/v1/jwks";
    replace(&old, &first);
    eventually(&server.admin(), jwks, has_keys(1)).await;
    replace(&signing, &second);
    eventually(&server.admin(), jwks, has_keys(2)).await;
    let after = server.bearer(&token(&server, "robot", json!({})).await);
    becomes(&after, true).await;
    becomes(&before, true).await;

    // With its key, the cached verification of a token is dropped.
    replace(&old, &key());
    becomes(&before, false).await;
    becomes(&after, true).await;
    replace(&signing, "nonsense");
    is_found_broken(&signing).await;
    let still = server.bearer(&token(&server, "robot", json!({})).await);
    becomes(&still, true).await;
    server.stop().await;
}
