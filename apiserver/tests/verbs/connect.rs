//! Connections to pods without a node, and to pods on unknown nodes.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn a_pod_without_a_node_has_no_log_and_accepts_no_connections() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pod = json!({"metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}});
    assert_eq!(admin.post(PODS, &pod).await.code, 201);
    let log = admin.get(&format!("{PODS}/web/log?container=a")).await;
    assert_eq!((log.code, log.body.len()), (204, 0));
    let no_host = "pod web does not have a host assigned";
    for (method, path, why) in [
        (Method::POST, "web/exec?container=a&command=ls", no_host),
        (Method::GET, "web/attach?container=b", no_host),
        (Method::POST, "web/portforward", no_host),
        (
            Method::GET,
            "web/log",
            "a container name must be specified for pod web, choose one of: [a b]",
        ),
        (
            Method::POST,
            "web/exec?container=c",
            "container c is not valid for pod web",
        ),
        (Method::GET, "web/proxy/x/y", "address not allowed"),
    ] {
        let answer = admin.ask(method, &format!("{PODS}/{path}"), "").await;
        assert_eq!(
            (answer.code, answer.message().as_str()),
            (400, why),
            "{path}"
        );
    }
    let lines = admin
        .get(&format!("{PODS}/web/log?container=a&tailLines=-1"))
        .await;
    assert_eq!(lines.code, 422);
    assert_eq!(admin.get(&format!("{PODS}/none/log")).await.code, 404);
    assert_eq!(
        admin
            .ask(Method::PUT, &format!("{PODS}/web/exec"), "")
            .await
            .code,
        405
    );
}

#[tokio::test]
async fn a_binding_assigns_a_node_which_must_be_known() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pod =
        json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", "image": "i"}]}});
    assert_eq!(admin.post(PODS, &pod).await.code, 201);
    let binding = json!({"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}});
    let bindings = "/api/v1/namespaces/default/bindings";
    assert_eq!(admin.post(bindings, &binding).await.code, 201);
    let bound = admin.get(&format!("{PODS}/web")).await.json();
    assert_eq!(bound["spec"]["nodeName"], "n1");
    let log = admin.get(&format!("{PODS}/web/log")).await;
    assert_eq!(
        (log.code, log.message().as_str()),
        (404, "nodes \"n1\" not found")
    );
}
