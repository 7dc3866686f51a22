//! How answers look: for people, for slow lines, and when there are too many requests.

use http::Method;
use serde_json::{Value, json};

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn people_get_lines_and_programs_one() {
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
async fn large_answers_are_compressed_for_whoever_can_read_them() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(200_000)}});
    assert_eq!(admin.post(MAPS, &large).await.code, 201);
    let gzip = admin.clone().header("accept-encoding", "gzip");
    let answer = gzip.get(&format!("{MAPS}/large")).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(answer.headers["vary"], "Accept-Encoding");
    assert!(answer.body.starts_with(&[0x1f, 0x8b]) && answer.body.len() < 20_000);
    let small = gzip.get("/api/v1/namespaces/default").await;
    assert!(!small.headers.contains_key("content-encoding"));
    let plain = admin.get(&format!("{MAPS}/large")).await;
    assert!(!plain.headers.contains_key("content-encoding") && plain.body.len() > 200_000);
}

#[tokio::test]
async fn there_is_room_for_so_many_requests_and_watches_besides() {
    let flags = [
        "--max-requests-inflight=1",
        "--max-mutating-requests-inflight=1",
        "--authorization-mode=AlwaysAllow",
    ];
    let server = TestServer::start(&flags).await;
    let alice = server.alice();
    // watches take no place, however many there are
    let mut watches = Vec::new();
    for _ in 0..4 {
        let alice = alice.clone();
        watches.push(tokio::spawn(async move {
            alice
                .get(&format!("{MAPS}?watch=1&timeoutSeconds=5"))
                .await
                .code
        }));
    }
    let mut asked = Vec::new();
    for _ in 0..40 {
        let alice = alice.clone();
        asked.push(tokio::spawn(async move { alice.get(MAPS).await }));
    }
    let mut codes = std::collections::BTreeMap::new();
    for answer in asked {
        let answer = answer.await.unwrap();
        *codes.entry(answer.code).or_insert(0) += 1;
        if answer.code == 429 {
            assert_eq!(answer.headers["retry-after"], "1");
            assert_eq!(
                answer.message(),
                "Too many requests, please try again later."
            );
        }
    }
    assert!(
        codes.keys().all(|code| matches!(code, 200 | 429)) && codes.contains_key(&200),
        "{codes:?}"
    );
    for watch in watches {
        assert_eq!(watch.await.unwrap(), 200);
    }
    let made = alice
        .ask(
            Method::POST,
            MAPS,
            json!({"metadata": {"name": "m"}}).to_string(),
        )
        .await;
    assert_eq!(made.code, 201);
    let _: Value = made.json();
}
