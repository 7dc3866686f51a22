//! Versions of groups that extension servers serve, and the API services of those served here.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use portcullis::pki::{Authority, Identity};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::controllers::{eventually, gone};
use crate::custom::define;
use crate::nodes::upgrade;
use crate::support::client::Client;
use crate::support::https_server::HttpsServer;
use crate::support::kubelet::TestKubelet;
use crate::support::server::{ALICES_TOKEN, TestServer, directory};

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const REMOTE: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1.gems.example.org";
const RUBIES: &str = "/apis/gems.example.org/v1/namespaces/x/rubies";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const RUBY_SPEC: &str = "/openapi/v3/apis/gems.example.org/v1";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// What another server was asked.
type Asked = Arc<Mutex<Vec<Value>>>;

/// What OpenAPI v3 says of rubies.
fn ruby_spec() -> Value {
    json!({"openapi": "3.0.0", "info": {"title": "Gems", "version": "1"}, "paths": {RUBIES: {}},
        "components": {"schemas": {"org.example.gems.v1.Ruby":
            {"type": "object", "description": "A red stone."}}}})
}

/// What OpenAPI v2 says of them, and of what they share with other kinds.
fn ruby_swagger() -> Value {
    let metadata = json!({"$ref": format!("#/definitions/{META}")});
    json!({"swagger": "2.0", "info": {"title": "Gems", "version": "1"},
        "paths": {
            "/apis/gems.example.org/v1/rubies": {"get": {"responses": {"200": {"description": "OK",
                "schema": {"$ref": "#/definitions/org.example.gems.v1.Ruby"}}}}},
            "/apis/emeralds.example.org/v1/emeralds": {}},
        "definitions": {
            META: {"type": "object", "description": "Something else."},
            "org.example.gems.v1.Emerald": {"type": "object"},
            "org.example.gems.v1.Ruby": {"type": "object", "properties": {"metadata": metadata},
                "x-kubernetes-group-version-kind":
                    [{"group": "gems.example.org", "version": "v1", "kind": "Ruby"}]}}})
}

/// A server that has rubies, and tells of each what it was asked.
async fn other() -> (HttpsServer, Asked) {
    let asked = Asked::default();
    let kept = asked.clone();
    let server = HttpsServer::start(&["other.default.svc"], move |request: Request<Bytes>| {
        let path = request.uri().path().to_owned();
        let all = |name: &str| {
            let values = request.headers().get_all(name).iter();
            let values = values.map(|value| value.to_str().unwrap().to_owned());
            values.collect::<Vec<_>>()
        };
        let told = json!({
            "method": request.method().as_str(), "uri": request.uri().to_string(),
            "user": all("x-remote-user"), "groups": all("x-remote-group"),
            "authorization": all("authorization"),
            "body": String::from_utf8_lossy(request.body())});
        let answer = match path.as_str() {
            "/apis/gems.example.org/v1" => json!({"kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": "gems.example.org/v1", "resources": [{"name": "rubies",
                    "singularName": "ruby", "namespaced": true, "kind": "Ruby", "verbs": ["list"]}]}),
            "/openapi/v3" => json!({"paths": {"apis/gems.example.org/v1":
                {"serverRelativeURL": format!("{RUBY_SPEC}?hash=1")}}}),
            RUBY_SPEC => ruby_spec(),
            "/openapi/v2" => ruby_swagger(),
            _ => {
                kept.lock().push(told.clone());
                told
            }
        };
        let mut response = Response::new(Bytes::from(answer.to_string()));
        if path.ends_with("/teapot") {
            *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        }
        std::future::ready(response)
    });
    (server.await, asked)
}

async fn register(admin: &Client, server: &HttpsServer, trusted: bool) {
    let bundle = std::fs::read(server.dir().join("ca.crt")).unwrap();
    register_at(admin, server.address().port(), trusted.then_some(&bundle)).await;
}

/// `bundle` is the authority of the extension server, if it is to be trusted.
async fn register_at(admin: &Client, port: u16, bundle: Option<&Vec<u8>>) {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    admin
        .post("/api/v1/namespaces/default/services", &service)
        .await;
    let mut remote = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.gems.example.org"},
        "spec": {"group": "gems.example.org", "version": "v1", "groupPriorityMinimum": 17900,
            "versionPriority": 10,
            "service": {"namespace": "default", "name": "other", "port": port}}});
    if let Some(bundle) = bundle {
        remote["spec"]["caBundle"] = STANDARD.encode(bundle).into();
    } else {
        let own = admin
            .get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
        let own = own.await.json()["data"]["client-ca-file"].clone();
        remote["spec"]["caBundle"] = STANDARD.encode(own.as_str().unwrap()).into();
    }
    let created = admin.post(SERVICES, &remote).await;
    assert_eq!(created.code, 201, "{created:?}");
}

fn has_reason(service: &Value, reason: &str) -> bool {
    service["status"]["conditions"][0]["reason"] == reason
}

#[tokio::test]
async fn requests_for_another_server_are_forwarded() {
    let server = TestServer::start(&["--authorization-mode=RBAC"]).await;
    let admin = server.admin();
    let (other, asked) = other().await;
    register(&admin, &other, true).await;
    eventually(&admin, REMOTE, |answer| {
        has_reason(&answer.json(), "Passed")
    })
    .await;

    let claims = server.admin().header("x-remote-user", "mallory");
    let body = json!({"n": 1});
    let answer = claims
        .post(&format!("{RUBIES}?b=1&a=2"), &body)
        .await
        .json();
    assert_eq!(answer["method"], "POST");
    assert!(
        answer["uri"]
            .as_str()
            .unwrap()
            .ends_with(&format!("{RUBIES}?a=2&b=1"))
    );
    assert_ne!(answer["user"], json!(["mallory"]));
    assert_eq!(answer["user"].as_array().unwrap().len(), 1);
    assert!(answer["groups"].to_string().contains("system:masters"));
    assert_eq!(answer["authorization"], json!([]));
    assert_eq!(answer["body"], body.to_string());
    assert_eq!(admin.get(&format!("{RUBIES}/teapot")).await.code, 418);

    let before = asked.lock().len();
    assert_eq!(server.alice().get(RUBIES).await.code, 403);
    assert_eq!(admin.get(&format!("{RUBIES}/a%2Fb")).await.code, 400);
    assert_eq!(
        asked.lock().len(),
        before,
        "only what is allowed is forwarded"
    );

    let groups = admin.get("/apis").await.json();
    let names = groups["groups"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(
        names[..3],
        ["apiregistration.k8s.io", "gems.example.org", "apps"]
    );
    let aggregated = server.admin().header("accept", AGGREGATED);
    let aggregated = aggregated.get("/apis").await.json();
    let items = aggregated["items"].as_array().unwrap().iter();
    let gems = items
        .clone()
        .find(|item| item["metadata"]["name"] == "gems.example.org");
    let version = &gems.unwrap()["versions"][0];
    assert_eq!(version["resources"][0]["resource"], "rubies");
    assert_eq!(version["freshness"], "Current");

    admin
        .delete("/api/v1/namespaces/default/services/other")
        .await;
    eventually(&admin, REMOTE, |answer| {
        has_reason(&answer.json(), "ServiceNotFound")
    })
    .await;
    let metrics = admin.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        r#"aggregator_unavailable_apiservice{name="v1.gems.example.org"} 1"#,
        r#"aggregator_unavailable_apiservice{name="v1.apps"} 0"#,
        r#"aggregator_unavailable_apiservice_total{name="v1.gems.example.org",reason="ServiceNotFound"} 1"#,
    ] {
        assert!(
            metrics.lines().any(|l| l == line),
            "{line}\nnot in\n{metrics}"
        );
    }
    let away = admin.get(RUBIES).await;
    assert_eq!(
        (away.code, &away.body[..]),
        (503, &b"service unavailable\n"[..])
    );
    assert_eq!(admin.get("/apis/gems.example.org").await.code, 200);
    admin.delete(REMOTE).await;
    assert_eq!(admin.get("/apis/gems.example.org").await.code, 404);
}

#[tokio::test]
async fn documents_of_another_server_are_among_those_of_this_one() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let tag = |answer: &crate::support::client::Answer| answer.headers["etag"].clone();
    // making them takes a while, in which no other server could answer here
    admin.get("/openapi/v3").await;
    let alone = tag(&admin.get("/openapi/v2").await);
    let (other, _) = other().await;
    register(&admin, &other, true).await;
    eventually(&admin, REMOTE, |answer| {
        has_reason(&answer.json(), "Passed")
    })
    .await;
    eventually(&admin, "/openapi/v3", |answer| {
        answer.json()["paths"]["apis/gems.example.org/v1"].is_object()
    })
    .await;
    let index = admin.get("/openapi/v3").await.json();
    let url = index["paths"]["apis/gems.example.org/v1"]["serverRelativeURL"].clone();
    let url = url.as_str().unwrap();
    assert!(url.starts_with(&format!("{RUBY_SPEC}?hash=")), "{url}");
    let spec = admin.get(url).await;
    assert_eq!(spec.json(), ruby_spec());
    assert_eq!(spec.headers["cache-control"], "public, immutable");
    let etag = tag(&spec);
    let known = server
        .admin()
        .header("if-none-match", etag.to_str().unwrap());
    assert_eq!(known.get(RUBY_SPEC).await.code, 304);

    eventually(&admin, "/openapi/v2", |answer| tag(answer) != alone).await;
    let swagger = admin.get("/openapi/v2").await.json();
    let definitions = swagger["definitions"].as_object().unwrap();
    let renamed = format!("{META}_v2");
    assert_eq!(definitions[&renamed]["description"], "Something else.");
    assert_ne!(definitions[META]["description"], "Something else.");
    let metadata = &definitions["org.example.gems.v1.Ruby"]["properties"]["metadata"];
    assert_eq!(metadata["$ref"], format!("#/definitions/{renamed}"));
    assert!(!definitions.contains_key("org.example.gems.v1.Emerald"));
    let paths = swagger["paths"].as_object().unwrap();
    assert!(paths.contains_key("/apis/gems.example.org/v1/rubies"));
    assert!(!paths.contains_key("/apis/emeralds.example.org/v1/emeralds"));
    let protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let protobuf = server
        .admin()
        .header("accept", protobuf)
        .get("/openapi/v2")
        .await;
    let text = String::from_utf8_lossy(&protobuf.body).into_owned();
    assert!(text.contains("org.example.gems.v1.Ruby"));

    // a server that does not respond any more delays no client, and a version that is gone is removed
    drop(other);
    assert_eq!(admin.get(url).await.code, 200);
    admin.delete(REMOTE).await;
    eventually(&admin, "/openapi/v3", |answer| {
        answer.json()["paths"]["apis/gems.example.org/v1"].is_null()
    })
    .await;
    assert_eq!(admin.get(RUBY_SPEC).await.code, 404);
}

#[tokio::test]
async fn upgrades_are_forwarded_too() {
    let server = TestServer::start(&["--authorization-mode=RBAC"]).await;
    let admin = server.admin();
    let other = TestKubelet::start(&["other.default.svc"]).await;
    let bundle = other.authority().as_bytes().to_vec();
    register_at(&admin, other.address().port(), Some(&bundle)).await;
    eventually(&admin, REMOTE, |answer| {
        has_reason(&answer.json(), "Passed")
    })
    .await;
    let path = format!("{RUBIES}/big/console?b=1&a=2");
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nX-Remote-User: mallory\r\n\
        Sec-WebSocket-Protocol: binary\r\n";
    let mut tunnel = upgrade(&admin, "GET", &path, headers).await;
    assert_eq!(
        (tunnel.code, tunnel.header("upgrade").as_str()),
        (101, "websocket")
    );
    tunnel.stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    tunnel.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    // its OpenAPI documents are read meanwhile
    let mut asked = other.asked().into_iter();
    let asked = asked
        .find(|asked| asked.target.starts_with(RUBIES))
        .unwrap();
    assert_eq!(asked.target, format!("{RUBIES}/big/console?a=2&b=1"));
    assert_eq!(asked.headers["x-remote-user"], "root");
    assert_eq!(asked.headers["sec-websocket-protocol"], "binary");
    assert_eq!(asked.shown, "CN=front-proxy-client");
    let token = format!("{headers}Authorization: Bearer {ALICES_TOKEN}\r\n");
    let denied = upgrade(&server.anonymous(), "GET", &path, &token).await;
    assert_eq!(denied.code, 403);

    drop(other);
    let away = upgrade(&admin, "GET", &path, headers).await;
    assert_eq!(away.code, 503);
}

#[tokio::test]
async fn an_untrusted_server_receives_no_request() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let (other, asked) = other().await;
    register(&admin, &other, false).await;
    let failed = |answer: &Value| has_reason(answer, "FailedDiscoveryCheck");
    eventually(&admin, REMOTE, |answer| failed(&answer.json())).await;
    let condition = &admin.get(REMOTE).await.json()["status"]["conditions"][0];
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("x509: "), "{message}");
    assert_eq!(admin.get(RUBIES).await.code, 503);
    assert!(asked.lock().is_empty());
}

#[tokio::test]
async fn versions_served_here_have_api_services() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let apps = format!("{SERVICES}/v1.apps");
    eventually(&admin, &apps, |answer| answer.code == 200).await;
    let apps = admin.get(&apps).await.json();
    assert!(has_reason(&apps, "Local"));
    assert_eq!(apps["spec"]["groupPriorityMinimum"], 17_800);

    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "opals.stones.example.org"},
        "spec": {"group": "stones.example.org", "scope": "Cluster",
            "names": {"plural": "opals", "kind": "Opal"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    define(&admin, &definition).await;
    let own = format!("{SERVICES}/v1.stones.example.org");
    let right = |answer: &crate::support::client::Answer| {
        answer.code == 200 && answer.json()["spec"]["versionPriority"] == 100
    };
    eventually(&admin, &own, right).await;
    let uid = admin.get(&own).await.json()["metadata"]["uid"].clone();
    admin.delete(&own).await;
    eventually(&admin, &own, |answer| {
        right(answer) && answer.json()["metadata"]["uid"] != uid
    })
    .await;
    let patch = json!({"spec": {"versionPriority": 7}}).to_string();
    let merge = server
        .admin()
        .header("content-type", "application/merge-patch+json");
    assert_eq!(merge.ask(Method::PATCH, &own, patch).await.code, 200);
    eventually(&admin, &own, right).await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    admin
        .delete(&format!("{definitions}/opals.stones.example.org"))
        .await;
    gone(&admin, &own).await;
}

#[tokio::test]
async fn the_front_proxy_presents_what_its_files_say_now() {
    let dir = directory();
    let files = ["crt", "key"].map(|end| dir.path().join(format!("proxy.{end}")));
    let authority = Authority::in_dir(&dir.path().join("proxies")).unwrap();
    let put = |identity: &Identity| {
        std::fs::write(&files[0], &identity.certificate).unwrap();
        std::fs::write(&files[1], &identity.key).unwrap();
    };
    let [one, two] = ["one", "two"].map(|name| authority.client(name, None).unwrap());
    put(&one);
    let flags = [
        format!("--proxy-client-cert-file={}", files[0].display()),
        format!("--proxy-client-key-file={}", files[1].display()),
    ];
    let server = TestServer::start_in(dir, &[&flags[0], &flags[1]]).await;
    let admin = server.admin();
    let other = TestKubelet::start(&["other.default.svc"]).await;
    let bundle = other.authority().as_bytes().to_vec();
    register_at(&admin, other.address().port(), Some(&bundle)).await;
    eventually(&admin, REMOTE, |answer| {
        has_reason(&answer.json(), "Passed")
    })
    .await;
    let path = format!("{RUBIES}/big/console");
    let shown = async || {
        let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        assert_eq!(upgrade(&admin, "GET", &path, headers).await.code, 101);
        other.last().shown
    };
    assert_eq!(shown().await, "CN=one");
    // a pair that does not belong together is of no use
    std::fs::write(&files[0], &two.certificate).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown().await, "CN=one");
    put(&two);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown().await, "CN=two");
    server.stop().await;
}
