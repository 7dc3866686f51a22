//! What a server leaves is what the next one finds.

use serde_json::json;

use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

#[tokio::test]
async fn objects_keep_identity_and_version_over_a_restart() {
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

/// HTTP/2's goodbye waits for the client's answer; a server that stops does not, where nothing is under way.
#[tokio::test]
async fn a_client_that_answers_nothing_does_not_hold_up_the_end() {
    let dir = directory();
    let path = dir.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let server = Process::start_logging(dir.path().join("data"), &[], log);
    let mut connection = server.admin().connect().await.unwrap();
    let version = connection.ask(http::Method::GET, "/version", "").await;
    assert_eq!(version.unwrap().code, 200);
    // this thread is what the client's connection lives on, and waits
    server.terminate();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("did not finish"), "{log}");
}
