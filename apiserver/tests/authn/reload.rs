//! Files of users, authorities and keys are read again when they change; broken ones are not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis::serving::pki::Authority;
use serde_json::json;

use super::requests::{make_account, token, whoami};
use crate::support::client::Client;
use crate::support::log;
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer, directory};

/// Waits until the client is known, or no longer; files are looked at every other second.
async fn becomes(client: &Client, known: bool) {
    for _ in 0..100 {
        if whoami(client).await.is_ok() == known {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("known: {}, after ten seconds", !known);
}

fn replace(path: &Path, contents: &str) {
    let new = path.with_extension("new");
    fs::write(&new, contents).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn users_come_and_go_and_a_broken_file_changes_nothing() {
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
    // Long enough for the files to be looked at again.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for client in [&dave, &carol, &guest] {
        assert!(whoami(client).await.is_ok());
    }
    let log = log::so_far();
    for file in ["users.csv", "tokens.csv", "ca.crt"] {
        let mut lines = log
            .lines()
            .filter(|line| line.contains("a changed file is broken"));
        assert!(
            lines.any(|line| line.contains(file)),
            "{file} is not in the log"
        );
    }
    assert!(!log.contains("new-pass-8d2c") && !log.contains("new-token-77aa"));
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

    replace(&old, &first);
    tokio::time::sleep(Duration::from_secs(3)).await;
    replace(&signing, &second);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = server.bearer(&token(&server, "robot", json!({})).await);
    becomes(&after, true).await;
    becomes(&before, true).await;
    let keys = server.admin().get("/openid/v1/jwks").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");

    // What was signed with a key that is no longer there is forgotten, though it was verified.
    replace(&old, &key());
    becomes(&before, false).await;
    becomes(&after, true).await;
    replace(&signing, "nonsense");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let still = server.bearer(&token(&server, "robot", json!({})).await);
    becomes(&still, true).await;
    server.stop().await;
}
