//! The permissions of kubelets by the authorizer `Node`.

use serde_json::json;

use crate::support::client::Client;
use crate::support::server::TestServer;

const NAMESPACED: &str = "/api/v1/namespaces/default";

fn node(server: &TestServer, name: &str) -> Client {
    let user = format!("system:node:{name}");
    let identity = server.authority().client(&user, Some("system:nodes"));
    server.certified(&identity.unwrap())
}

async fn create(client: &Client, path: &str, body: serde_json::Value) {
    let made = client.post(path, &body).await;
    assert_eq!(made.code, 201, "{made:?}");
}

/// A pod's secret can be read as soon as the pod is bound, and no longer once the pod is gone.
#[tokio::test]
async fn nodes_may_read_the_references_of_their_pods() {
    let flags = [
        "--authorization-mode=Node,RBAC",
        "--disable-admission-plugins=ServiceAccount",
    ];
    let server = TestServer::start(&flags).await;
    let admin = server.admin();
    let (own, other) = (node(&server, "n1"), node(&server, "n2"));
    let secret = json!({"metadata": {"name": "s1"}, "stringData": {"a": "b"}});
    create(&admin, &format!("{NAMESPACED}/secrets"), secret).await;
    let path = format!("{NAMESPACED}/secrets/s1");
    let refused = own.get(&path).await;
    assert_eq!(refused.code, 403, "{refused:?}");
    assert_eq!(
        refused.message(),
        "secrets \"s1\" is forbidden: User \"system:node:n1\" cannot get resource \"secrets\" in API group \"\" \
         in the namespace \"default\": no relationship found between node 'n1' and this object"
    );
    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n1",
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", "secret": {"secretName": "s1"}}]}});
    create(&admin, &format!("{NAMESPACED}/pods"), pod).await;
    assert_eq!(own.get(&path).await.code, 200);
    let one = format!("{NAMESPACED}/secrets?fieldSelector=metadata.name%3Ds1");
    assert_eq!(
        own.get(&one).await.json()["items"][0]["metadata"]["name"],
        "s1"
    );
    assert_eq!(other.get(&path).await.code, 403);
    assert_eq!(own.get(&format!("{NAMESPACED}/secrets")).await.code, 403);
    let gone = admin
        .delete(&format!("{NAMESPACED}/pods/p?gracePeriodSeconds=0"))
        .await;
    assert_eq!(gone.code, 200, "{gone:?}");
    assert_eq!(own.get(&path).await.code, 403);
}
