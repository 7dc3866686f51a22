//! Collections of custom objects: pages, selectors and changes, as for any other kind.

use http::Method;
use serde_json::{Value, json};

use super::{WIDGETS, define, definition, widget};
use crate::support::client::Client;
use crate::support::server::TestServer;

fn named(name: &str, color: &str) -> Value {
    let mut widget = widget(&json!({ "color": color }));
    widget["metadata"] = json!({"name": name, "labels": {"color": color}});
    widget
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

async fn served() -> (TestServer, Client) {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "red"), ("d", "blue")] {
        assert_eq!(admin.post(WIDGETS, &named(name, color)).await.code, 201);
    }
    (server, admin)
}

#[tokio::test]
async fn pages_have_one_version() {
    let (_server, admin) = served().await;
    let first = admin.get(&format!("{WIDGETS}?limit=3")).await.json();
    assert_eq!(names(&first), ["a", "b", "c"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    assert_eq!(admin.post(WIDGETS, &named("e", "red")).await.code, 201);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = format!("{WIDGETS}?limit=3&continue={token}");
    let second = admin.get(&second).await.json();
    assert_eq!(names(&second), ["d"]);
    let version = &first["metadata"]["resourceVersion"];
    assert_eq!(&second["metadata"]["resourceVersion"], version);
    let red = format!("{WIDGETS}?labelSelector=color%3Dred&limit=2");
    assert_eq!(names(&admin.get(&red).await.json()), ["a", "c"]);
}

#[tokio::test]
async fn a_watcher_sees_selected_objects_only() {
    let (_server, admin) = served().await;
    let list = admin.get(WIDGETS).await.json();
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    for (name, color) in [("a", "blue"), ("b", "red"), ("c", "red")] {
        let patch = json!({"metadata": {"labels": {"color": color, "seen": "yes"}}});
        let path = format!("{WIDGETS}/{name}");
        let patched = merge.ask(Method::PATCH, &path, patch.to_string()).await;
        assert_eq!(patched.code, 200, "{}", patched.message());
    }
    assert_eq!(admin.delete(&format!("{WIDGETS}/c")).await.code, 200);
    let watch = format!(
        "{WIDGETS}?watch=true&timeoutSeconds=1&labelSelector=color%3Dred&resourceVersion={from}"
    );
    let told = admin.get(&watch).await;
    let told = String::from_utf8(told.body.to_vec()).unwrap();
    let told: Vec<_> = told
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let (kind, object) = (event["type"].as_str().unwrap(), &event["object"]);
            assert_eq!(object["spec"]["size"], 3, "what is defaulted is there");
            format!("{kind} {}", object["metadata"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told, ["DELETED a", "ADDED b", "MODIFIED c", "DELETED c"]);
}
