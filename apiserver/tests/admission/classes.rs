//! Objects that name no class get the default class.

use serde_json::json;

use crate::support::server::TestServer;

#[tokio::test]
async fn an_ingress_without_a_class_gets_the_default_one() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let group = "/apis/networking.k8s.io/v1";
    let class = json!({"metadata": {"name": "nginx",
        "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "example.com/nginx"}});
    let made = admin.post(&format!("{group}/ingressclasses"), &class).await;
    assert_eq!(made.code, 201, "{made:?}");
    let ingress = json!({"metadata": {"name": "i"}, "spec": {"defaultBackend":
        {"service": {"name": "s", "port": {"number": 80}}}}});
    let path = format!("{group}/namespaces/default/ingresses");
    let made = admin.post(&path, &ingress).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["spec"]["ingressClassName"], "nginx");
}
