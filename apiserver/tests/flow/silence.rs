//! Connections of clients that are silent, incomplete or do not read are closed.

use std::time::Duration;

use http::Method;
use portcullis::config::Deadlines;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::PATIENCE;
use crate::support::client::{Client, Connection};
use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SOON: Duration = Duration::from_millis(300);

/// Whether the server closes the connection; it may send something before.
async fn is_closed(client: &Client, said: &[u8]) -> bool {
    let mut stream = client.raw().await;
    stream.write_all(said).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .is_ok()
}

#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let deadlines = Deadlines {
        first: SOON,
        head: SOON,
        idle: SOON,
        ..Deadlines::default()
    };
    let server = TestServer::start_with(&[], deadlines).await;
    let http2 = server.anonymous();
    let http1 = http2.clone().over_http1();
    let request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    // a head of 100 bytes of which one arrives
    let headers = [&settings[..], &[0, 0, 100, 1, 0, 0, 0, 0, 1, 0]].concat();
    let closed = tokio::join!(
        is_closed(&http1, b""),
        is_closed(&http1, b"GET / HT"),
        is_closed(&http1, request),
        is_closed(&http2, b""),
        is_closed(&http2, preface.split_at(12).0),
        is_closed(&http2, &settings),
        is_closed(&http2, &headers),
    );
    assert_eq!(closed, (true, true, true, true, true, true, true));
}

/// The deadline of a head that arrived completely applies neither to its request nor to the pause after it.
#[tokio::test]
async fn requests_and_pauses_may_last_longer_than_heads() {
    let deadlines = Deadlines {
        head: SOON,
        ..Deadlines::default()
    };
    let server = TestServer::start_with(&[], deadlines).await;
    for client in [server.admin(), server.admin().over_http1()] {
        let mut connection = client.connect().await.unwrap();
        for path in [
            "/version",
            &format!("{MAPS}?watch=1&timeoutSeconds=2"),
            MAPS,
        ] {
            let answer = connection.ask(Method::GET, path, "").await;
            assert_eq!(answer.unwrap().code, 200, "{path}");
            tokio::time::sleep(SOON * 3).await;
        }
    }
}

/// Also without TLS.
#[tokio::test]
async fn connections_without_a_handshake_are_closed() {
    let deadlines = Deadlines {
        handshake: SOON,
        ..Deadlines::default()
    };
    let server = TestServer::start_with(&[], deadlines).await;
    let mut stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    stream.write_all(&[22, 3, 1]).await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
}

/// Makes more maps than an HTTP/2 client receives before it reads.
async fn with_maps(server: &TestServer) {
    for n in 0..3 {
        let map =
            json!({"metadata": {"name": format!("m{n}")}, "data": {"x": "y".repeat(300_000)}});
        assert_eq!(server.admin().post(MAPS, &map).await.code, 201);
    }
}

/// Whether the server closes a connection, though it could serve more requests.
async fn ends(connection: &mut Connection) -> bool {
    let broken = async {
        while connection.ask(Method::GET, "/version", "").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, broken).await.is_ok()
}

#[tokio::test]
async fn connections_with_an_unread_answer_are_closed() {
    let deadlines = Deadlines {
        stalled: SOON,
        ..Deadlines::default()
    };
    let server = TestServer::start_with(&[], deadlines).await;
    with_maps(&server).await;
    let admin = server.admin();
    for path in [MAPS.to_owned(), format!("{MAPS}?watch=1")] {
        let mut connection = admin.connect().await.unwrap();
        let unread = connection.send(Method::GET, &path, "").await.unwrap();
        assert_eq!(unread.status(), 200);
        assert!(ends(&mut connection).await, "{path}");
    }
}

/// However long nothing happens.
#[tokio::test]
async fn connections_that_read_stay_open() {
    let deadlines = Deadlines {
        // a busy machine may keep the test itself from reading for a while
        stalled: SOON * 10,
        ..Deadlines::default()
    };
    let server = TestServer::start_with(&[], deadlines).await;
    with_maps(&server).await;
    let mut connection = server.admin().connect().await.unwrap();
    let quiet = format!("{MAPS}?watch=1&timeoutSeconds=5");
    let answer = connection.ask(Method::GET, &quiet, "").await.unwrap();
    assert!(answer.body.len() > 900_000, "{}", answer.body.len());
    assert_eq!(
        connection.ask(Method::GET, MAPS, "").await.unwrap().code,
        200
    );
}

#[tokio::test]
async fn an_unread_watch_ends_in_time() {
    let server = TestServer::start(&[]).await;
    with_maps(&server).await;
    let mut connection = server.admin().connect().await.unwrap();
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1");
    let unread = connection.send(Method::GET, &path, "").await.unwrap();
    assert_eq!(unread.status(), 200);
    assert!(ends(&mut connection).await);
}

#[tokio::test]
async fn an_answer_must_be_read_before_the_timeout_of_its_request() {
    let server = TestServer::start(&["--request-timeout=10s"]).await;
    with_maps(&server).await;
    let mut connection = server.admin().connect().await.unwrap();
    let unread = connection.send(Method::GET, MAPS, "").await.unwrap();
    assert_eq!(unread.status(), 200);
    assert!(ends(&mut connection).await);
}
