//! Front proxies, which say in headers who a user is.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use portcullis::pki::Authority;
use portcullis::start::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::requests::whoami;
use crate::controllers::eventually;
use crate::custom::{WIDGETS, define, definition, widget};
use crate::support::client::Client;
use crate::support::server::{ALICES_TOKEN, TestServer, directory, options};

const MAP: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const HEADERS: [&str; 4] = [
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-uid-headers=X-Remote-Uid",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
];

/// An authority of front proxies, and the file with its certificate.
fn authority(dir: &TempDir) -> (Authority, PathBuf) {
    let authority = Authority::in_dir(&dir.path().join("proxies")).unwrap();
    let file = dir.path().join("proxies.crt");
    fs::write(&file, authority.certificate()).unwrap();
    (authority, file)
}

async fn start(dir: TempDir, file: &std::path::Path, more: &[&str]) -> TestServer {
    let authority = format!("--requestheader-client-ca-file={}", file.display());
    let flags = [&[&*authority], &HEADERS[..], more].concat();
    TestServer::start_in(dir, &flags).await
}

fn says(client: Client, user: &str, group: &str) -> Client {
    client
        .header("x-remote-user", user)
        .header("x-remote-group", group)
}

async fn name(client: &Client) -> Result<String, u16> {
    let user = whoami(client).await?;
    Ok(user["username"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn only_a_front_proxy_may_name_users() {
    let dir = directory();
    let (proxies, file) = authority(&dir);
    let names = "--requestheader-allowed-names=front,aggregator";
    let server = start(dir, &file, &[names]).await;
    let shown = |name: &str| server.certified(&proxies.client(name, None).unwrap());
    let jane = says(shown("aggregator"), "jane", "dev")
        .header("x-remote-group", "ops")
        .header("x-remote-uid", "77")
        .header("x-remote-extra-example.org%2fscope", "one");
    for client in [jane.clone(), jane.clone().over_http1(), jane.over_tls12()] {
        let user = whoami(&client).await.unwrap();
        let expected = json!({"username": "jane", "uid": "77",
            "groups": ["dev", "ops", "system:authenticated"],
            "extra": {"example.org/scope": ["one"]}});
        assert_eq!(user, expected);
    }
    // it goes before everything else that is shown
    let both = says(shown("front"), "jane", "dev");
    let both = both.header("authorization", &format!("Bearer {ALICES_TOKEN}"));
    assert_eq!(name(&both).await, Ok("jane".into()));
    // the headers are not those of a user without a certificate, and do not spoil what is shown
    let alice = says(server.alice(), "root", "system:masters");
    assert_eq!(name(&alice).await, Ok("alice".into()));
    let root = says(server.admin(), "jane", "dev");
    assert_eq!(name(&root).await, Ok("root".into()));
    // anonymous
    let anonymous = says(server.anonymous(), "root", "system:masters");
    assert_eq!(anonymous.get("/api/v1/nodes").await.code, 403);
    // another name, another authority, no name of a user
    let other = says(shown("mallory"), "root", "system:masters");
    assert_eq!(name(&other).await, Err(401));
    let forged = Authority::in_dir(&server.data("forged")).unwrap();
    let forged = server.certified(&forged.client("front", None).unwrap());
    assert_eq!(
        name(&says(forged, "root", "system:masters")).await,
        Err(401)
    );
    assert_eq!(
        name(&shown("front").header("x-remote-group", "a")).await,
        Err(401)
    );
    // the authorities that are accepted are published
    let admin = server.admin();
    let published = eventually(&admin, MAP, |answer| {
        answer.code == 200 && answer.json()["data"]["requestheader-client-ca-file"].is_string()
    });
    let published = published.await.json()["data"].clone();
    let names = json!(["front", "aggregator", "front-proxy-client"]).to_string();
    assert_eq!(published["requestheader-allowed-names"], names);
    assert_eq!(
        published["requestheader-uid-headers"],
        r#"["X-Remote-Uid"]"#
    );
    let bundle = published["requestheader-client-ca-file"].as_str().unwrap();
    assert!(bundle.contains(proxies.certificate().trim()));
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 2);
    server.stop().await;
}

#[tokio::test]
async fn any_name_will_do_and_authorities_change() {
    let dir = directory();
    let (proxies, file) = authority(&dir);
    let given = dir.path().join("given");
    let own = Authority::in_dir(&given)
        .unwrap()
        .client("own", None)
        .unwrap();
    fs::write(given.join("own.crt"), &own.certificate).unwrap();
    fs::write(given.join("own.key"), &own.key).unwrap();
    let certificate = format!("--proxy-client-cert-file={}/own.crt", given.display());
    let key = format!("--proxy-client-key-file={}/own.key", given.display());
    let server = start(dir, &file, &[&certificate, &key]).await;
    let jane = says(
        server.certified(&proxies.client("whatever", None).unwrap()),
        "jane",
        "dev",
    );
    assert_eq!(name(&jane).await, Ok("jane".into()));
    let admin = server.admin();
    let published = eventually(&admin, MAP, |answer| answer.code == 200);
    let published = published.await.json()["data"].clone();
    // as kube-apiserver does: what options say, and nothing else
    for (key, value) in [
        ("requestheader-allowed-names", "[]"),
        ("requestheader-username-headers", r#"["X-Remote-User"]"#),
        ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
        (
            "requestheader-extra-headers-prefix",
            r#"["X-Remote-Extra-"]"#,
        ),
    ] {
        assert_eq!(published[key], value, "{key}");
    }
    let second = Authority::in_dir(&server.data("second")).unwrap();
    fs::write(&file, second.certificate()).unwrap();
    let line = second.certificate().lines().nth(3).unwrap();
    eventually(&server.admin(), MAP, |answer| {
        String::from_utf8_lossy(&answer.body).contains(line)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(name(&jane).await, Err(401));
    let joe = server.certified(&second.client("p", None).unwrap());
    assert_eq!(name(&says(joe, "joe", "dev")).await, Ok("joe".into()));
    server.stop().await;
}

#[tokio::test]
async fn a_bad_option_is_named() {
    let dir = directory();
    let file = dir.path().join("bad.crt");
    fs::write(&file, "nonsense").unwrap();
    let bad = format!("--requestheader-client-ca-file={}", file.display());
    for (flag, why) in [
        (&*bad, "bad.crt: no certificate found"),
        (
            "--requestheader-client-ca-file=/none",
            "/none: No such file",
        ),
        (
            "--requestheader-group-headers=a,,b",
            "empty value in \"requestheader-group-headers\"",
        ),
        (
            "--requestheader-username-headers=a b",
            "\"a b\" is not the name of a header",
        ),
    ] {
        let error = Server::start(&options(&dir, &[flag])).await.err().unwrap();
        let error = error.to_string();
        let (option, _) = flag.split_once('=').unwrap();
        assert!(error.starts_with(option) && error.contains(why), "{error}");
    }
}

/// Lets alice do everything.
async fn bind(server: &TestServer) {
    let binding = json!({"metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]});
    assert_eq!(server.admin().post(BINDINGS, &binding).await.code, 201);
}

/// An API service of the widgets that another server has.
async fn aggregate(front: &TestServer, behind: &TestServer) {
    let admin = front.admin();
    let service = json!({"metadata": {"name": "behind"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    let services = "/api/v1/namespaces/default/services";
    assert_eq!(admin.post(services, &service).await.code, 201);
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    let api = json!({"metadata": {"name": "v1.example.com"},
        "spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1000,
            "versionPriority": 10, "insecureSkipTLSVerify": true,
            "service": {"namespace": "default", "name": "behind",
                "port": behind.address().port()}}});
    assert_eq!(admin.post(services, &api).await.code, 201);
    let path = format!("{services}/v1.example.com");
    let passed = |status: &Value| status["status"]["conditions"][0]["reason"] == "Passed";
    eventually(&admin, &path, |answer| passed(&answer.json())).await;
}

#[tokio::test]
async fn a_server_stands_behind_another() {
    let front = TestServer::start(&[]).await;
    let file = front.data("pki/front-proxy/ca.crt");
    let names = "--requestheader-allowed-names=front-proxy-client";
    let behind = start(directory(), &file, &[names]).await;
    define(&behind.admin(), &definition()).await;
    aggregate(&front, &behind).await;
    bind(&front).await;
    let alice = front.alice();
    let denied = alice.get(WIDGETS).await;
    assert_eq!(denied.code, 403);
    let why = "widgets.example.com is forbidden: User \"alice\" cannot list";
    assert!(denied.message().starts_with(why), "{}", denied.message());
    bind(&behind).await;
    let made = alice.post(WIDGETS, &widget(&json!({"color": "red"}))).await;
    assert_eq!(made.code, 201, "{made:?}");
    let stored = behind.admin().get(&format!("{WIDGETS}/a")).await.json();
    assert_eq!(stored["spec"]["color"], "red");
    // what a user claims is not forwarded
    let claims = says(front.bob(), "alice", "system:masters");
    assert_eq!(claims.get(WIDGETS).await.code, 403);
    behind.stop().await;
    front.stop().await;
}
