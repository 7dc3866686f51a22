//! Credentials of a megabyte are refused quickly with a Status, and do not affect other clients.
//!
//! Upstream's server reads heads of up to 1 MiB and answers 431 to larger ones.

use std::fs;

use http::Method;
use serde_json::{Value, json};

use super::oidc::{claims, flags, start};
use super::requests::{REVIEWS, counts, is_refused, now, over_websocket, whoami};
use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::issuer::{Issuer, Signer};
use crate::support::server::{ALICES_TOKEN, ISSUER, TestServer};

/// What still fits in a head, what does not, and more than the server reads of one.
const SIZES: [(usize, u16); 3] = [(1_000_000, 401), (1 << 20, 431), (1_500_000, 431)];

/// A token of `size` bytes with these claims.
fn padded(signer: &Signer, mut claims: Value, size: usize) -> String {
    let without = signer.token(&claims).len();
    claims["pad"] = "x".repeat((size - without - 32) / 4 * 3).into();
    let mut token = signer.token(&claims);
    // so that each has the exact length, also where base64 leaves a remainder
    token.extend(std::iter::repeat_n('x', size - token.len()));
    token
}

#[tokio::test]
async fn tokens_of_a_megabyte_are_refused_and_do_no_harm() {
    let issuer_key = Signer::new("one");
    let issuer = Issuer::start(vec![issuer_key.jwk()]).await;
    let server = start(&flags(&issuer, &["--enable-bootstrap-token-auth"])).await;
    let own_key = Signer::of(&fs::read_to_string(server.data("pki/sa.key")).unwrap(), "");
    let account = json!({
        "iss": ISSUER, "aud": [ISSUER], "exp": now() + 600,
        "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "a", "uid": "b"}},
    });
    let of_secret = json!({"iss": "kubernetes/serviceaccount", "sub": "x"});
    for (size, code) in SIZES {
        for (what, token) in [
            ("nobody's", "x".repeat(size)),
            ("bootstrap", format!("abc123.{}", "0".repeat(size - 7))),
            (
                "an issuer's",
                padded(&issuer_key, claims(&issuer, &json!({})), size),
            ),
            ("an account's", padded(&own_key, account.clone(), size)),
            ("a secret's", padded(&own_key, of_secret.clone(), size)),
        ] {
            let header = server.bearer(&token);
            for client in [header.clone(), header.over_http1()] {
                let what = format!("{what} token of {size} bytes");
                assert_eq!(is_refused(&client, &what).await, code, "{what}");
            }
            let browser = over_websocket(&server, &token);
            is_refused(&browser, &format!("{what} token on a websocket")).await;
            // A body may be larger than a head.
            let review = json!({"spec": {"token": token}});
            let review = server.admin().post(REVIEWS, &review).await;
            assert_eq!(review.json()["status"]["authenticated"], Value::Null);
        }
        let password = server.anonymous().basic("bob", &"x".repeat(size / 4 * 3));
        for client in [password.clone(), password.over_http1()] {
            is_refused(&client, "a long password").await;
        }
        counts(&server, ALICES_TOKEN, "alice").await;
    }
    server.stop().await;
}

/// Other requests on the connection of a large head continue, or the client is notified of its end.
#[tokio::test]
async fn a_connection_survives_a_large_head() {
    let server = TestServer::start(&[]).await;
    let large = server.bearer(&"x".repeat(1_000_000));
    for client in [large.clone(), large.over_http1()] {
        let mut connection = client.connect().await.unwrap();
        for _ in 0..3 {
            let answer = connection.ask(Method::GET, "/version", "").await.unwrap();
            assert_eq!(answer.code, 401);
        }
    }
    server.stop().await;
}

/// Many concurrent ones neither affect other requests' answers nor delay them much.
#[tokio::test]
async fn other_clients_are_served_meanwhile() {
    let server = TestServer::start(&[]).await;
    let client: Client = server.bearer(&"x".repeat(1_500_000)).over_http1();
    let large = (0..16).map(|_| is_refused(&client, "one of many"));
    let others = async {
        for _ in 0..50 {
            let alice = server.alice();
            let known = tokio::time::timeout(PATIENCE, whoami(&alice));
            assert!(known.await.unwrap().is_ok());
        }
    };
    tokio::join!(futures_util::future::join_all(large), others);
    server.stop().await;
}
