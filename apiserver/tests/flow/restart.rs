//! State over a restart.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

#[tokio::test]
async fn objects_keep_their_uid_and_version_over_a_restart() {
    let server = TestServer::start(&[]).await;
    let maps = "/api/v1/namespaces/default/configmaps";
    let made = server
        .admin()
        .post(maps, &json!({"metadata": {"name": "m"}}))
        .await
        .json();
    let roles = server
        .admin()
        .get("/apis/rbac.authorization.k8s.io/v1/clusterroles")
        .await
        .json();
    let dir = server.stop().await;
    let server = TestServer::start_in(dir, &[]).await;
    let found = server.admin().get(&format!("{maps}/m")).await.json();
    assert_eq!(found, made);
    let again = server
        .admin()
        .get("/apis/rbac.authorization.k8s.io/v1/clusterroles")
        .await
        .json();
    assert_eq!(
        again["items"], roles["items"],
        "a start that finds everything writes nothing"
    );
}

/// A server that logs to a file of its own, so that what it says of its end can be read.
fn logging() -> (tempfile::TempDir, std::path::PathBuf, Process) {
    let dir = directory();
    let path = dir.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let server = Process::start_logging(dir.path().join("data"), &[], log);
    (dir, path, server)
}

/// HTTP/2's goodbye waits for the client's answer; a server that stops does not, where nothing is under way.
#[tokio::test]
async fn a_client_that_answers_nothing_does_not_hold_up_the_end() {
    let (_dir, path, server) = logging();
    let mut connection = server.admin().connect().await.unwrap();
    let version = connection.ask(http::Method::GET, "/version", "").await;
    assert_eq!(version.unwrap().code, 200);
    // this thread drives the client's connection, and is blocked
    server.terminate();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("did not finish"), "{log}");
}

/// It waits for requests that are carried out, and not for those whose clients neither send nor read.
#[tokio::test]
async fn a_client_that_does_not_go_on_does_not_hold_up_the_end() {
    let (_dir, path, server) = logging();
    let mut stream = server.admin().over_http1().raw().await;
    let head = "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\n\
        Content-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(300_000)}});
    let mut unread = server.admin().connect().await.unwrap();
    let maps = "/api/v1/namespaces/default/configmaps";
    let written = unread.send(http::Method::POST, maps, large.to_string());
    let written = written.await.unwrap();
    assert_eq!(written.status(), 201);
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100", "the body is waited for");
    stream.write_all(b"{").await.unwrap();
    server.terminate();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("did not finish"), "{log}");
    drop(written);
}
