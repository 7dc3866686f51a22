//! PUT: whose version wins, what may change, dry runs.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_none_is_not() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let first = admin
        .post(MAPS, &json!({"metadata": {"name": "m"}}))
        .await
        .json();
    let path = format!("{MAPS}/m");
    let put = |body: serde_json::Value| admin.ask(Method::PUT, &path, body.to_string());
    assert_eq!(
        put(json!({"metadata": {"name": "m"}, "data": {"a": "1"}}))
            .await
            .code,
        200
    );
    let version = &first["metadata"]["resourceVersion"];
    let stale = put(json!({"metadata": {"name": "m", "resourceVersion": version}})).await;
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.message(),
        "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let made = admin
        .post(MAPS, &json!({"metadata": {"name": "m"}}))
        .await
        .json();
    let same = admin
        .ask(Method::PUT, &format!("{MAPS}/m"), made.to_string())
        .await;
    assert_eq!(same.code, 200);
    assert_eq!(
        same.json()["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn a_dry_run_goes_all_the_way_but_the_last_step() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=All"), &map).await.code,
        201
    );
    assert_eq!(admin.get(&format!("{MAPS}/m")).await.code, 404);
    let bad = json!({"metadata": {"name": "NOT A NAME"}});
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=All"), &bad).await.code,
        422
    );
    assert_eq!(
        admin.post(&format!("{MAPS}?dryRun=Some"), &map).await.code,
        422
    );
}

#[tokio::test]
async fn unknown_fields_are_refused_or_warned_of_as_asked() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m"}, "datum": {}});
    let strict = admin
        .post(&format!("{MAPS}?fieldValidation=Strict"), &map)
        .await;
    assert_eq!(strict.code, 400);
    assert_eq!(
        strict.message(),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"datum\""
    );
    let warned = admin
        .post(&format!("{MAPS}?fieldValidation=Warn&dryRun=All"), &map)
        .await;
    assert_eq!(warned.code, 201);
    assert_eq!(
        warned.headers["warning"],
        "299 - \"unknown field \\\"datum\\\"\""
    );
}
