//! The format of answers: indentation and compression.

use serde_json::json;

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn answers_are_indented_for_people_only() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let lines =
        |answer: &crate::support::client::Answer| answer.body.split(|b| *b == b'\n').count();
    let path = "/api/v1/namespaces/default";
    assert!(lines(&admin.get(path).await) <= 2);
    let pretty = admin.get(&format!("{path}?pretty=true")).await;
    assert!(lines(&pretty) > 10);
    assert_eq!(pretty.json(), admin.get(path).await.json());
    let curl = admin.header("user-agent", "curl/8.5.0");
    assert!(lines(&curl.get("/api/v1/namespaces/none").await) > 5);
}

#[tokio::test]
async fn large_answers_are_compressed_for_clients_that_accept_it() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(200_000)}});
    assert_eq!(admin.post(MAPS, &large).await.code, 201);
    let gzip = admin.clone().header("accept-encoding", "gzip");
    let answer = gzip.get(&format!("{MAPS}/large")).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    let varies = answer.headers["vary"].to_str().unwrap();
    assert!(varies.eq_ignore_ascii_case("accept-encoding"), "{varies}");
    assert!(answer.body.starts_with(&[0x1f, 0x8b]) && answer.body.len() < 20_000);
    let small = gzip.get("/api/v1/namespaces/default").await;
    assert!(!small.headers.contains_key("content-encoding"));
    let plain = admin.get(&format!("{MAPS}/large")).await;
    assert!(!plain.headers.contains_key("content-encoding") && plain.body.len() > 200_000);
}
