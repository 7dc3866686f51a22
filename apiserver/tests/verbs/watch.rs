//! Watches: initial objects, changes, and objects that begin or cease to match.

use http::Method;
use serde_json::{Value, json};

use super::NO_OTHER_MAPS;
use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MERGE: &str = "application/merge-patch+json";

/// The events of a watch that ends after a second, each as its type and the object's name.
pub async fn events(client: &Client, query: &str) -> Vec<(String, Value)> {
    let answer = client
        .get(&format!("{MAPS}?watch=true&timeoutSeconds=1&{query}"))
        .await;
    assert_eq!(answer.code, 200, "{answer:?}");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        (
            event["type"].as_str().unwrap().to_owned(),
            event["object"].clone(),
        )
    };
    text.lines().map(event).collect()
}

/// The type of each event and the name of its object.
pub fn told(events: &[(String, Value)]) -> Vec<String> {
    events
        .iter()
        .map(|(kind, object)| {
            format!(
                "{kind} {}",
                object["metadata"]["name"].as_str().unwrap_or("-")
            )
        })
        .collect()
}

#[tokio::test]
async fn changes_come_in_order_from_where_the_list_ended() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    let list = admin.get(MAPS).await.json();
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "a"}}))
            .await
            .code,
        201
    );
    let patch = r#"{"data": {"k": "v"}}"#;
    let changed = admin
        .clone()
        .header("content-type", MERGE)
        .ask(Method::PATCH, &format!("{MAPS}/a"), patch)
        .await;
    assert_eq!(changed.code, 200, "{changed:?}");
    assert_eq!(admin.delete(&format!("{MAPS}/a")).await.code, 200);
    let events = events(&admin, &format!("resourceVersion={from}")).await;
    assert_eq!(told(&events), ["ADDED a", "MODIFIED a", "DELETED a"]);
    let version = |at: usize| {
        events[at].1["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert!(version(0) < version(1) && version(1) < version(2));
    assert_eq!(events[2].1["data"]["k"], "v", "the object as it was");
}

#[tokio::test]
async fn a_selector_turns_changes_into_arrivals_and_departures() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    let from = admin.get(MAPS).await.json()["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "a"}}))
            .await
            .code,
        201
    );
    for label in ["x", "y"] {
        let patch = json!({"metadata": {"labels": {"l": label}}}).to_string();
        let answer = admin
            .clone()
            .header("content-type", MERGE)
            .ask(Method::PATCH, &format!("{MAPS}/a"), patch)
            .await;
        assert_eq!(answer.code, 200);
    }
    let seen = events(
        &admin,
        &format!("resourceVersion={from}&labelSelector=l%3Dx"),
    )
    .await;
    assert_eq!(told(&seen), ["ADDED a", "DELETED a"]);
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_the_existing_objects() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "a"}}))
            .await
            .code,
        201
    );
    assert_eq!(told(&events(&admin, "").await), ["ADDED a"]);
    let streaming =
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let seen = events(&admin, streaming).await;
    assert_eq!(told(&seen)[..2], ["ADDED a", "BOOKMARK -"]);
    let annotations = &seen[1].1["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn an_expired_version_is_an_error_in_the_stream() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(server.admin().post(MAPS, &map).await.code, 201);
    // a server that has just started has no earlier changes
    let server = TestServer::start_in(server.stop().await, &[NO_OTHER_MAPS]).await;
    let told = events(&server.admin(), "resourceVersion=1").await;
    let [(kind, status)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(kind, "ERROR");
    assert_eq!(
        (&status["kind"], &status["code"]),
        (&json!("Status"), &json!(410))
    );
    assert_eq!(status["reason"], "Expired");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.starts_with("too old resource version: 1 ("),
        "{message}"
    );
}

#[tokio::test]
async fn a_negative_timeout_ends_a_watch_immediately() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let path = format!("{MAPS}?watch=true&timeoutSeconds=-1");
    let admin = server.admin();
    let answer = tokio::time::timeout(PATIENCE, admin.get(&path));
    let answer = answer.await.expect("an end");
    assert_eq!((answer.code, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn no_number_of_seconds_is_too_large_for_the_clock() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let mut connection = server.admin().connect().await.unwrap();
    let path = format!("{MAPS}?watch=true&timeoutSeconds={}", i64::MAX);
    let watch = connection.send(Method::GET, &path, "").await.unwrap();
    assert_eq!(watch.status(), 200);
    for options in ["timeoutSeconds=abc", "watch=true&timeoutSeconds=abc"] {
        let answer = server.admin().get(&format!("{MAPS}?{options}")).await;
        assert_eq!(answer.code, 400, "{options}");
    }
}
