//! Passwords, certificates and the headers that carry credentials.

use std::fs;

use portcullis::pki::{Authority, Identity};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

use super::requests::whoami;
use crate::support::client::Client;
use crate::support::old_certificate::of_version_1;
use crate::support::process::Process;
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
async fn the_first_of_two_authorization_headers_is_used() {
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
async fn only_certificates_of_the_clients_authority_are_valid() {
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
    // Neither another name nor a valid token beside it makes it valid.
    let both = server.certified(&forged);
    let both = both.header("authorization", &format!("Bearer {ALICES_TOKEN}"));
    assert_eq!(name(&both).await, Ok("alice".into()));
    server.stop().await;
}

#[tokio::test]
async fn a_password_precedes_a_certificate_which_precedes_a_token() {
    let server = TestServer::start(&[]).await;
    let both = |user, password| server.admin().basic(user, password);
    assert_eq!(name(&both("bob", BOBS_PASSWORD)).await, Ok("bob".into()));
    // An invalid one does not affect other credentials.
    assert_eq!(name(&both("bob", "wrong")).await, Ok("root".into()));
    let token = format!("Bearer {ALICES_TOKEN}");
    let both = server.admin().header("authorization", &token);
    assert_eq!(name(&both).await, Ok("root".into()));
    server.stop().await;
}

/// A certificate signed by the server's own authority, valid from `from` to `to`, in days from now.
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
async fn certificates_are_valid_for_their_time_only() {
    let server = TestServer::start(&[]).await;
    let client = |from, to| server.certified(&certificate(&server, from, to));
    assert_eq!(name(&client(-1, 1)).await, Ok("carol".into()));
    assert_eq!(name(&client(-2, -1)).await, Err(401), "expired");
    assert_eq!(name(&client(1, 2)).await, Err(401), "not valid yet");
    server.stop().await;
}

/// `openssl x509 -req` without extensions signs certificates of version 1.
#[tokio::test]
async fn certificates_of_version_1_are_valid() {
    let server = TestServer::start(&[]).await;
    let key = fs::read_to_string(server.data("pki/ca.key")).unwrap();
    let client =
        |from, to, key: &str| server.certified(&of_version_1(&certificate(&server, from, to), key));
    let good = client(-1, 1, &key);
    for client in [good.clone(), good.over_tls12()] {
        assert_eq!(name(&client).await, Ok("carol".into()));
    }
    assert_eq!(name(&client(-2, -1, &key)).await, Err(401), "expired");
    assert_eq!(name(&client(1, 2, &key)).await, Err(401), "not valid yet");
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(name(&client(-1, 1, &other)).await, Err(401), "forged");
    // A client with the certificate but without its key gets no connection.
    let mut stolen = of_version_1(&certificate(&server, -1, 1), &key);
    stolen.key = other;
    for client in [
        server.certified(&stolen),
        server.certified(&stolen).over_tls12(),
    ] {
        assert!(client.over_http1().try_get("/version").await.is_none());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_names_the_scheme_and_escapes_names() {
    let server = TestServer::start(&[]).await;
    let refused = server.bearer("nobodys").get("/version").await;
    assert_eq!(
        refused.headers["www-authenticate"],
        "Basic realm=\"kubernetes-master\""
    );
    let carol = server.admin().header("impersonate-user", "<b>\t&c");
    let refused = carol.get("/api/v1/pods").await;
    assert_eq!(refused.code, 403);
    assert_eq!(refused.headers["x-content-type-options"], "nosniff");
    assert!(!refused.headers.contains_key("www-authenticate"));
    let user = "User \"&lt;b&gt;\\t&amp;c\"";
    assert_eq!(
        refused.message(),
        format!(
            "pods is forbidden: {user} cannot list resource \"pods\" in API group \"\" at the cluster scope"
        )
    );
    let dir = server.stop().await;
    // Without a password file, no basic authentication is offered.
    let process = Process::start(dir.path().join("other"), &[]);
    let nobodys = process
        .anonymous()
        .header("authorization", "Bearer nobodys");
    let refused = nobodys.get("/version").await;
    assert_eq!(refused.code, 401);
    assert!(!refused.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn impersonation_needs_permission() {
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
