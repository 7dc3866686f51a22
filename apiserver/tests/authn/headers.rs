//! Passwords, certificates and the headers they come in.

use std::fs;

use portcullis::serving::pki::{Authority, Identity};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

use super::requests::whoami;
use crate::support::client::Client;
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer};

async fn name(client: &Client) -> Result<String, u16> {
    let user = whoami(client).await?;
    Ok(user["username"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn passwords_may_hold_colons_and_umlauts() {
    let server = TestServer::start(&[]).await;
    let basic = |user, password| server.anonymous().basic(user, password);
    assert_eq!(name(&server.bob()).await, Ok("bob".into()));
    for (user, password) in [
        ("bob", "pa"),
        ("bob", "pa:ss:word-hunter9b2e"),
        ("bob", "pa:ss:wörd-Hunter9b2e"),
        ("bob", ""),
        ("", BOBS_PASSWORD),
        ("bob:", BOBS_PASSWORD),
        ("alice", BOBS_PASSWORD),
    ] {
        let answer = name(&basic(user, password)).await;
        assert_eq!(answer, Err(401), "{user} {password}");
    }
    server.stop().await;
}

#[tokio::test]
async fn of_two_authorization_headers_the_first_counts() {
    let server = TestServer::start(&[]).await;
    let good = format!("Bearer {ALICES_TOKEN}");
    for base in [server.anonymous(), server.anonymous().over_http1()] {
        let both = |first: &str, second: &str| {
            let client = base.clone().header("authorization", first);
            client.header("authorization", second)
        };
        assert_eq!(name(&both(&good, "Bearer x")).await, Ok("alice".into()));
        assert_eq!(name(&both("Bearer x", &good)).await, Err(401));
    }
    server.stop().await;
}

#[tokio::test]
async fn only_certificates_of_the_own_authority_count() {
    let server = TestServer::start(&[]).await;
    assert_eq!(name(&server.admin()).await, Ok("root".into()));
    let dir = tempfile::tempdir().unwrap();
    let stranger = Authority::in_dir(dir.path()).unwrap();
    let forged = stranger.client("root", Some("system:masters")).unwrap();
    let answer = server.certified(&forged).get("/version").await;
    assert_eq!(
        (answer.code, answer.message()),
        (401, "Unauthorized".into())
    );
    // Nor does it become good by another name, or by a good token beside it.
    let both = server.certified(&forged);
    let both = both.header("authorization", &format!("Bearer {ALICES_TOKEN}"));
    assert_eq!(name(&both).await, Ok("alice".into()));
    server.stop().await;
}

/// A certificate of the server's own authority, valid from and to so many days from now.
fn certificate(server: &TestServer, from: i64, to: i64) -> Identity {
    let pem = |name: &str| fs::read_to_string(server.data(name)).unwrap();
    let key = KeyPair::from_pem(&pem("pki/ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&pem("pki/ca.crt"), key).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "carol");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let day = |days| OffsetDateTime::now_utc() + Duration::days(days);
    (params.not_before, params.not_after) = (day(from), day(to));
    let own = KeyPair::generate().unwrap();
    Identity {
        certificate: params.signed_by(&own, &issuer).unwrap().pem(),
        key: own.serialize_pem(),
    }
}

#[tokio::test]
async fn certificates_have_their_time() {
    let server = TestServer::start(&[]).await;
    let client = |from, to| server.certified(&certificate(&server, from, to));
    assert_eq!(name(&client(-1, 1)).await, Ok("carol".into()));
    assert_eq!(name(&client(-2, -1)).await, Err(401), "expired");
    assert_eq!(name(&client(1, 2)).await, Err(401), "not valid yet");
    server.stop().await;
}

#[tokio::test]
async fn who_may_acts_as_somebody_else() {
    let server = TestServer::start(&[]).await;
    let robot = "system:serviceaccount:default:robot";
    let user = whoami(&server.admin().header("impersonate-user", robot)).await;
    let groups = user.unwrap()["groups"].clone();
    assert_eq!(
        groups,
        serde_json::json!([
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated"
        ])
    );
    let alice = server.alice().header("impersonate-user", "bob");
    assert_eq!(
        alice.get("/version").await.message(),
        "users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
    );
    let nobody = server.admin().header("impersonate-group", "g");
    assert_eq!(nobody.get("/version").await.code, 400);
    server.stop().await;
}
