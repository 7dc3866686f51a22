//! Lists that are too long to be sent at once.

use std::io::Read;

use flate2::read::GzDecoder;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::NO_OTHER_MAPS;
use super::watch::events;
use crate::custom::{WIDGETS, define, definition};
use crate::support::client::Client;
use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SCALERS: &str = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";

/// The forms of a list, and the field of its items.
const FORMS: [(&str, &str, &str); 5] = [
    ("application/json", "", "items"),
    (
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "",
        "items",
    ),
    (
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "includeObject=None&",
        "rows",
    ),
    (
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "includeObject=Metadata&",
        "rows",
    ),
    (
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "includeObject=Object&",
        "rows",
    ),
];

/// Objects of which a few make one piece, and one that is larger than a piece.
async fn fill(admin: &Client, path: &str, object: Value) {
    for (at, size) in [9_000; 30].into_iter().chain([200_000, 10]).enumerate() {
        let mut object = object.clone();
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(format!("object-{at:02}"));
        metadata["annotations"] = json!({"padding": "é\"".repeat(size / 4)});
        // a table without objects is long by its cells
        metadata["labels"] = json!({"at": format!("{at}")});
        let answer = admin.post(path, &object).await;
        assert_eq!(answer.code, 201, "{answer:?}");
    }
}

/// All items, read one by one.
async fn one_by_one(client: &Client, path: &str, query: &str, items: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = client
            .get(&format!("{path}?{query}limit=1&continue={token}"))
            .await
            .json();
        all.extend(page[items].as_array().unwrap().clone());
        // empty in lists of custom objects
        match page["metadata"]["continue"].as_str().unwrap_or_default() {
            "" => return all,
            next => token = next.to_owned(),
        }
    }
}

/// An age differs from one request to the next.
fn without_ages(mut items: Vec<Value>) -> Vec<Value> {
    for item in &mut items {
        if let Some(cells) = item["cells"].as_array_mut() {
            cells.pop();
        }
    }
    items
}

async fn is_the_same_as_its_pages(admin: &Client, path: &str) {
    for (accept, query, items) in FORMS {
        for client in [admin.clone(), admin.clone().over_http1()] {
            let client = client.header("accept", accept);
            let whole = client.get(&format!("{path}?{query}")).await;
            assert_eq!(whole.code, 200, "{accept} {query}");
            let length = whole.headers["content-length"].to_str().unwrap();
            assert_eq!(length, whole.body.len().to_string(), "{accept} {query}");
            let pages = one_by_one(&client, path, query, items).await;
            let whole = whole.json()[items].as_array().unwrap().clone();
            assert_eq!(whole.len(), 32, "{accept} {query}");
            assert_eq!(without_ages(whole), without_ages(pages), "{accept} {query}");
        }
    }
}

#[tokio::test]
async fn a_long_list_is_the_same_as_its_pages() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    fill(&admin, MAPS, json!({"metadata": {}})).await;
    is_the_same_as_its_pages(&admin, MAPS).await;
}

#[tokio::test]
async fn a_long_list_in_another_version_is_the_same_as_its_pages() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let scaler = json!({"metadata": {}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}}});
    fill(&admin, SCALERS, scaler).await;
    is_the_same_as_its_pages(&admin, SCALERS).await;
}

#[tokio::test]
async fn a_long_list_is_compressed_while_it_is_sent() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    fill(&admin, MAPS, json!({"metadata": {}})).await;
    let plain = admin.get(MAPS).await;
    let packed = admin.header("accept-encoding", "gzip");
    for client in [packed.clone(), packed.over_http1()] {
        let packed = client.get(MAPS).await;
        assert_eq!(packed.headers["content-encoding"], "gzip");
        assert!(packed.body.len() * 20 < plain.body.len());
        let mut text = Vec::new();
        GzDecoder::new(&packed.body[..])
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text, plain.body);
    }
}

#[tokio::test]
async fn a_long_list_of_a_defined_kind_is_the_same_as_its_pages() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    // The text before the first row takes more than one piece.
    let mut definition = definition();
    let column = &mut definition["spec"]["versions"][0]["additionalPrinterColumns"][0];
    column["description"] = json!("long ".repeat(20_000));
    define(&admin, &definition).await;
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {},
        "spec": {"color": "red"}});
    fill(&admin, WIDGETS, widget).await;
    is_the_same_as_its_pages(&admin, WIDGETS).await;
}

#[tokio::test]
async fn a_long_list_is_indented_for_people() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    fill(&admin, MAPS, json!({"metadata": {}})).await;
    let plain = admin.get(MAPS).await;
    let lines = admin.get(&format!("{MAPS}?pretty=true")).await;
    assert!(
        lines
            .body
            .starts_with(b"{\n  \"kind\": \"ConfigMapList\",\n")
    );
    assert_eq!(lines.json(), plain.json());
}

/// One stream ends, and the connection goes on.
#[tokio::test]
async fn a_client_may_stop_reading_a_long_list() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    fill(&admin, MAPS, json!({"metadata": {}})).await;
    let mut connection = admin.connect().await.unwrap();
    for _ in 0..20 {
        let listed = connection.send(Method::GET, MAPS, "").await.unwrap();
        let mut body = listed.into_body();
        assert!(
            !body
                .frame()
                .await
                .unwrap()
                .unwrap()
                .data_ref()
                .unwrap()
                .is_empty()
        );
        drop(body);
    }
    let whole = connection.ask(Method::GET, MAPS, "").await.unwrap();
    assert_eq!(whole.json()["items"].as_array().unwrap().len(), 32);
}

/// The pieces of a list show what was there when it was asked for.
#[tokio::test]
async fn changes_do_not_reach_a_list_that_is_being_sent() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    fill(&admin, MAPS, json!({"metadata": {}})).await;
    let mut connection = admin.connect().await.unwrap();
    let listed = connection.send(Method::GET, MAPS, "").await.unwrap();
    assert_eq!(admin.delete(MAPS).await.code, 200);
    let text = listed.into_body().collect().await.unwrap().to_bytes();
    let list: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 32);
}

/// Upstream: `NoHeaders` in `k8s.io/apiserver/pkg/endpoints/handlers/get.go`.
#[tokio::test]
async fn the_first_table_of_a_watch_describes_the_columns() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    for name in ["a", "b", "c"] {
        let map = json!({"metadata": {"name": name}});
        assert_eq!(admin.post(MAPS, &map).await.code, 201);
    }
    let table = admin.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let events = events(&table, "").await;
    let columns = |at: usize| events[at].1["columnDefinitions"].clone();
    assert_eq!(columns(0)[0]["name"], "Name");
    assert_eq!((columns(1), columns(2)), (Value::Null, Value::Null));
    assert_eq!(events[2].1["rows"][0]["cells"][0], "c");
}
