//! What a server leaves is what the next one finds.

use serde_json::json;

use crate::support::server::TestServer;

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
