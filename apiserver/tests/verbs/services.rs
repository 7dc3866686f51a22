//! Addresses and node ports of services: each belongs to one service until it is released.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const SERVICES: &str = "/api/v1/namespaces/default/services";

async fn create(admin: &Client, name: &str, spec: Value) -> Answer {
    let service = json!({"metadata": {"name": name}, "spec": spec});
    admin.post(SERVICES, &service).await
}

async fn patch(admin: &Client, query: &str, body: Value) -> Answer {
    let client = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let path = format!("{SERVICES}/a{query}");
    client.ask(Method::PATCH, &path, body.to_string()).await
}

fn on_nodes() -> Value {
    json!({"type": "NodePort", "clusterIP": "10.0.0.77", "ports": [{"port": 80, "nodePort": 30080}]})
}

fn external() -> Value {
    json!({"spec": {"type": "ExternalName", "externalName": "x.example.com",
        "clusterIP": null, "clusterIPs": null, "ports": [{"port": 80, "nodePort": null}]}})
}

#[tokio::test]
async fn a_dry_run_releases_nothing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(create(&admin, "a", on_nodes()).await.code, 201);
    let tried = patch(&admin, "?dryRun=All", external()).await;
    assert_eq!(tried.code, 200, "{tried:?}");
    let refused = create(&admin, "b", on_nodes()).await;
    assert_eq!(refused.code, 422, "{refused:?}");
    let changed = patch(&admin, "", external()).await;
    assert_eq!(changed.code, 200, "{changed:?}");
    assert_eq!(create(&admin, "b", on_nodes()).await.code, 201);
}

#[tokio::test]
async fn addresses_are_released_after_the_last_finalizer() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(create(&admin, "a", on_nodes()).await.code, 201);
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    assert_eq!(patch(&admin, "", held).await.code, 200);
    assert_eq!(admin.delete(&format!("{SERVICES}/a")).await.code, 200);
    assert_eq!(create(&admin, "b", on_nodes()).await.code, 422);
    let mut freed = external();
    freed["metadata"] = json!({"finalizers": null});
    let gone = patch(&admin, "", freed).await;
    assert_eq!(gone.code, 200, "{gone:?}");
    assert_eq!(create(&admin, "b", on_nodes()).await.code, 201);
}
