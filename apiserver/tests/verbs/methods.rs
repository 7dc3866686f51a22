//! Methods and media types that a path does not have.

use http::Method;
use serde_json::{Value, json};

use crate::custom::{WIDGETS, define, definition, widget};
use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const NOT_ALLOWED: &str = "the server does not allow this method on the requested resource";

async fn ask(client: &Client, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    client.ask(method, path, "{}").await
}

#[tokio::test]
async fn paths_outside_the_versions_of_built_in_groups_have_any_method() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    for path in [
        "/healthz",
        "/livez/etcd",
        "/readyz",
        "/metrics",
        "/",
        "/apis",
        "/apis/apps",
    ] {
        assert_eq!(ask(&admin, "POST", path).await.code, 200, "{path}");
    }
    let listed = ask(&admin, "OPTIONS", "/apis/example.com/v1").await;
    assert_eq!(listed.json()["kind"], "APIResourceList");
    let unknown = ask(&admin, "OPTIONS", "/nope").await;
    assert_eq!(unknown.code, 404);
    assert!(unknown.json()["paths"].is_array());
    for path in [
        "/version",
        "/api",
        "/api/v1",
        "/apis/apps/v1",
        "/openid/v1/jwks",
    ] {
        let answer = ask(&admin, "OPTIONS", path).await;
        assert_eq!(answer.code, 405, "{path}");
        let status = answer.json();
        assert_eq!(
            (&status["message"], &status["details"]),
            (&json!(NOT_ALLOWED), &json!({}))
        );
    }
}

#[tokio::test]
async fn custom_kinds_have_one_route_for_all_methods() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    for (method, verb) in [("OPTIONS", ""), ("BREW", ""), ("DELETE", "delete")] {
        let path = match method {
            "DELETE" => format!("{WIDGETS}/a/status"),
            _ => WIDGETS.to_owned(),
        };
        let answer = ask(&admin, method, &path).await;
        let why = format!("{verb} is not supported on resources of kind \"widgets.example.com\"");
        assert_eq!((answer.code, answer.message()), (405, why));
    }
    for (media_type, code) in [
        ("application/merge-patch+json", 400),
        ("application/apply-patch+yaml", 400),
        ("application/strategic-merge-patch+json", 415),
        ("text/plain", 415),
    ] {
        let client = admin.clone().header("content-type", media_type);
        assert_eq!(
            ask(&client, "PATCH", WIDGETS).await.code,
            code,
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn a_custom_object_may_be_created_at_its_own_path() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &definition()).await;
    let object = widget(&json!({"color": "red"}));
    let other = admin.post(&format!("{WIDGETS}/b"), &object).await;
    let why = "the name of the object (a) does not match the name on the URL (b)";
    assert_eq!((other.code, other.message().as_str()), (400, why));
    let made = admin.post(&format!("{WIDGETS}/a"), &object).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(admin.get(&format!("{WIDGETS}/a")).await.code, 200);
    let maps = "/api/v1/namespaces/default/configmaps/m";
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(admin.post(maps, &map).await.code, 405);
}

#[tokio::test]
async fn media_types_that_a_built_in_kind_does_not_have_are_no_route() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let path = "/api/v1/namespaces/default";
    let page = admin.clone().header("accept", "text/html").get(path).await;
    let page: Value = page.json();
    assert_eq!(page["message"], "406: Not Acceptable");
    assert_eq!((&page["code"], &page["details"]), (&json!(406), &json!({})));
    let text = admin.header("content-type", "text/plain");
    let patched = ask(&text, "PATCH", path).await.json();
    assert_eq!(patched["message"], "415: Unsupported Media Type");
    assert_eq!(
        (&patched["code"], &patched["details"]),
        (&json!(415), &json!({}))
    );
}
