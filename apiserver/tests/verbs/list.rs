//! Lists: pages, selectors, Tables.

use serde_json::{Value, json};

use super::NO_OTHER_MAPS;
use crate::support::client::Client;
use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn five_maps(admin: &Client) {
    for n in 0..5 {
        let parity = if n % 2 == 0 { "even" } else { "odd" };
        let map = json!({"metadata": {"name": format!("m{n}"), "labels": {"parity": parity}}});
        assert_eq!(admin.post(MAPS, &map).await.code, 201);
    }
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_have_one_version() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    five_maps(&admin).await;
    let first = admin.get(&format!("{MAPS}?limit=2")).await.json();
    assert_eq!(names(&first), ["m0", "m1"]);
    assert_eq!(first["kind"], "ConfigMapList");
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    assert_eq!(admin.delete(&format!("{MAPS}/m3")).await.code, 200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = admin
        .get(&format!("{MAPS}?limit=9&continue={token}"))
        .await
        .json();
    assert_eq!(
        names(&rest),
        ["m2", "m3", "m4"],
        "what was there when the first page was read"
    );
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert!(rest["metadata"]["continue"].is_null());
    assert_eq!(
        admin
            .get(&format!("{MAPS}?limit=9&continue=nonsense"))
            .await
            .code,
        400
    );
}

/// A page of an expired version gets upstream's text, and a token to continue with the current version.
#[tokio::test]
async fn an_expired_list_can_be_continued_at_the_current_version() {
    let server = TestServer::start(&["--etcd-compaction-interval=1s", NO_OTHER_MAPS]).await;
    let admin = server.admin();
    five_maps(&admin).await;
    let first = admin.get(&format!("{MAPS}?limit=2")).await.json();
    let metadata = &first["metadata"];
    let (token, version) = (
        metadata["continue"].as_str(),
        metadata["resourceVersion"].as_str(),
    );
    let next = format!("{MAPS}?limit=9&continue={}", token.unwrap());
    assert_eq!(admin.delete(&format!("{MAPS}/m3")).await.code, 200);
    let mut answer = admin.get(&next).await;
    for _ in 0..200 {
        if answer.code != 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = admin.get(&next).await;
    }
    let status = answer.json();
    assert_eq!((answer.code, &status["reason"]), (410, &json!("Expired")));
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("The provided continue parameter is too old to display a consistent list result. You can start a new list"), "{message}");
    let token = status["metadata"]["continue"].as_str().unwrap();
    let rest = admin.get(&format!("{MAPS}?limit=9&continue={token}")).await;
    assert_eq!(names(&rest.json()), ["m2", "m4"], "what is there now");
    let exactly = format!(
        "{MAPS}?resourceVersionMatch=Exact&resourceVersion={}",
        version.unwrap()
    );
    assert_eq!(
        admin.get(&exactly).await.message(),
        "The resourceVersion for the provided list is too old."
    );
}

#[tokio::test]
async fn selectors_filter_lists() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    five_maps(&admin).await;
    for (query, expected) in [
        ("labelSelector=parity%3Deven", &["m0", "m2", "m4"][..]),
        ("labelSelector=parity%20notin%20(even)", &["m1", "m3"]),
        ("fieldSelector=metadata.name%3Dm2", &["m2"]),
        ("labelSelector=!parity", &[]),
    ] {
        let list = admin.get(&format!("{MAPS}?{query}")).await.json();
        assert_eq!(names(&list), expected, "{query}");
    }
    let answer = admin.get(&format!("{MAPS}?fieldSelector=data.x%3D1")).await;
    assert_eq!(answer.code, 400);
    assert_eq!(
        answer.message(),
        "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
}

#[tokio::test]
async fn a_table_has_the_kinds_columns_and_the_objects_metadata() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table = server
        .admin()
        .header("accept", accept)
        .get("/api/v1/namespaces")
        .await
        .json();
    assert_eq!(table["kind"], "Table");
    let columns: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(columns, ["Name", "Status", "Age"]);
    let row = &table["rows"][0];
    assert_eq!(row["cells"][0], "default");
    assert_eq!(row["cells"][1], "Active");
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["name"], "default");
    let answer = server
        .admin()
        .header("accept", "text/html")
        .get("/api/v1/namespaces")
        .await;
    assert_eq!(answer.code, 406);
}
