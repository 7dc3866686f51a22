//! The limits of concurrent requests, and the effect of slow clients on others.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::PATIENCE;
use crate::support::client::{Answer, Client};
use crate::support::server::{ALICES_TOKEN, TestServer};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const ONE_PERMIT: &[&str] = &[
    "--max-requests-inflight=1",
    "--max-mutating-requests-inflight=1",
    "--authorization-mode=AlwaysAllow",
];

/// More than an HTTP/2 client receives before it reads.
fn large(name: &str) -> serde_json::Value {
    json!({"metadata": {"name": name}, "data": {"x": "y".repeat(300_000)}})
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.code, 429);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(
        answer.message(),
        "Too many requests, please try again later."
    );
}

/// The code of the answer once it is not 429, which it is until the server releases a permit.
async fn eventually(client: &Client, method: Method, path: &str, body: &str) -> u16 {
    for _ in 0..600 {
        let answer = client.ask(method.clone(), path, body.to_owned()).await;
        if answer.code != 429 {
            return answer.code;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    429
}

#[tokio::test]
async fn a_permit_is_held_until_the_answer_is_read() {
    let server = TestServer::start(ONE_PERMIT).await;
    assert_eq!(server.admin().post(MAPS, &large("large")).await.code, 201);
    let (alice, bob) = (server.alice(), server.bob());
    let mut slow = alice.connect().await.unwrap();
    let unread = slow.send(Method::GET, MAPS, "").await.unwrap();
    is_refused(&bob.get(MAPS).await);
    assert_eq!(server.admin().get(MAPS).await.code, 200, "needs no permit");
    let watch = format!("{MAPS}?watch=1&timeoutSeconds=1&resourceVersion=1");
    let watched = bob.get(&watch).await;
    assert_ne!(watched.code, 429, "watches have permits of their own");
    // permits of the other sort are free
    let mut writer = alice.connect().await.unwrap();
    let object = large("other").to_string();
    let written = writer.send(Method::POST, MAPS, object).await.unwrap();
    assert_eq!(written.status(), 201);
    is_refused(&bob.post(MAPS, &large("third")).await);
    drop((unread, slow, written, writer));
    assert_eq!(eventually(&bob, Method::GET, MAPS, "").await, 200);
    let small = r#"{"metadata": {"name": "small"}}"#;
    assert_eq!(eventually(&bob, Method::POST, MAPS, small).await, 201);
}

/// The beginning of a POST over HTTP/1.1 whose body does not arrive.
async fn slow_body(client: Client, token: &str) -> TlsStream<TcpStream> {
    let mut stream = client.over_http1().raw().await;
    let head = format!(
        "POST {MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_bodies_hold_no_permits() {
    let flags = [
        "--max-mutating-requests-inflight=2",
        "--authorization-mode=AlwaysAllow",
    ];
    let server = TestServer::start(&flags).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(slow_body(server.alice(), ALICES_TOKEN).await);
    }
    for n in 0..5 {
        // the place of the one before is let go a moment after its answer was read
        let map = format!(r#"{{"metadata": {{"name": "m{n}"}}}}"#);
        assert_eq!(
            eventually(&server.bob(), Method::POST, MAPS, &map).await,
            201
        );
    }
}

#[tokio::test]
async fn clients_without_rights_are_refused_immediately_and_hold_no_permits() {
    let server = TestServer::start(&["--max-mutating-requests-inflight=2"]).await;
    for token in [ALICES_TOKEN, "nobody's"] {
        let mut slow = slow_body(server.alice(), token).await;
        let mut answer = Vec::new();
        let read = slow.read_to_end(&mut answer);
        let read = tokio::time::timeout(PATIENCE, read);
        // how the connection ends after the answer does not matter
        let _ = read.await.expect("an answer before the body");
        let answer = String::from_utf8(answer).unwrap();
        let code = if token == ALICES_TOKEN {
            " 403 "
        } else {
            " 401 "
        };
        assert!(answer.lines().next().unwrap().contains(code), "{answer}");
    }
}

/// Also while it is still being sent, over both versions of HTTP.
#[tokio::test]
async fn large_bodies_are_refused_with_an_answer() {
    let server = TestServer::start(&[]).await;
    let body = vec![b' '; 6 * 1024 * 1024];
    for (client, code) in [
        (server.bearer("nobody's"), 401),
        (server.alice(), 403),
        (server.admin(), 413),
    ] {
        for client in [client.clone(), client.over_http1()] {
            let answer = client.ask(Method::POST, MAPS, body.clone()).await;
            assert_eq!(answer.code, code, "{answer:?}");
        }
    }
}
