//! Kubelets that are down, silent, untrusted, or refuse requests.

use std::net::{Ipv4Addr, SocketAddr};

use http::Method;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use portcullis::start::server::Server;
use tokio::runtime::Handle;

use super::{Cluster, PODS, SPDY, Upgraded, node, pod, until, upgrade};
use crate::support::client::Client;
use crate::support::server::{TestServer, directory, options};

/// The Status of an answer other than 101.
async fn status(mut answer: Upgraded) -> Value {
    let size = answer.header("content-length").parse().unwrap();
    let mut body = vec![0; size];
    answer.stream.read_exact(&mut body).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn exec(admin: &Client, query: &str) -> (u16, String) {
    let path = format!("{PODS}/web/exec?command=x{query}");
    let answer = upgrade(admin, "POST", &path, SPDY).await;
    let code = answer.code;
    (
        code,
        status(answer).await["message"].as_str().unwrap().to_owned(),
    )
}

/// A server, and a pod on a node with a kubelet at this address.
async fn with_kubelet_at(address: SocketAddr, flags: &[&str]) -> TestServer {
    let server = TestServer::start(flags).await;
    let admin = server.admin();
    node(&admin, "n1", address).await;
    pod(&admin, "n1", &["a"]).await;
    server
}

#[tokio::test]
async fn a_kubelet_that_is_down_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = with_kubelet_at(address, &[]).await;
    let admin = server.admin();
    let refused = format!("dial tcp {address}: connect: connection refused");
    let path = format!("{PODS}/web/exec?command=x");
    let answer = status(upgrade(&admin, "POST", &path, SPDY).await).await;
    assert_eq!(
        answer["message"],
        format!("error dialing backend: {refused}")
    );
    assert_eq!(
        (&answer["code"], &answer["reason"]),
        (&500.into(), &Value::Null)
    );
    let log = admin.get(&format!("{PODS}/web/log?tailLines=3")).await;
    let url = format!("https://{address}/containerLogs/default/web/a?tailLines=3");
    assert_eq!(
        (log.code, log.message()),
        (500, format!("Get {url:?}: {refused}"))
    );
    let proxied = admin.get("/api/v1/nodes/n1/proxy/healthz").await;
    let expected = format!("error trying to reach service: {refused}");
    assert_eq!((proxied.code, proxied.message()), (503, expected));
}

#[tokio::test]
async fn a_kubelet_may_take_longer_to_answer_than_to_connect() {
    let cluster = Cluster::start(&["slow"], &["--kubelet-timeout=1s"]).await;
    let path = format!("{PODS}/web/exec?command=x");
    let answer = upgrade(&cluster.server.admin(), "POST", &path, SPDY).await;
    assert_eq!(answer.code, 101);
}

#[tokio::test]
async fn a_silent_kubelet_is_waited_for_with_a_limit() {
    // connections are never accepted
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = with_kubelet_at(address, &["--kubelet-timeout=1s"]).await;
    let expected = format!("error dialing backend: dial tcp {address}: i/o timeout");
    assert_eq!(exec(&server.admin(), "").await, (500, expected.clone()));
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    assert_eq!(exec(&server.admin(), "").await, (500, expected));
    until("a task is left", || tasks() <= before).await;

    let cluster = Cluster::start(&["silent"], &["--kubelet-timeout=1s"]).await;
    let expected = "error dialing backend: context deadline exceeded".to_owned();
    assert_eq!(exec(&cluster.server.admin(), "").await, (500, expected));
}

#[tokio::test]
async fn kubelets_are_verified_if_their_authority_is_known() {
    let other = Cluster::start(&["a"], &[]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.crt");
    std::fs::write(&file, other.kubelet.authority()).unwrap();
    let flag = format!("--kubelet-certificate-authority={}", file.display());
    let known = with_kubelet_at(other.kubelet.address(), &[&flag]).await;
    let path = format!("{PODS}/web/exec?command=x");
    let accepted = upgrade(&known.admin(), "POST", &path, SPDY).await;
    assert_eq!(accepted.code, 101);

    let stranger = Cluster::start(&["a"], &[&flag]).await;
    let admin = stranger.server.admin();
    let unknown = "x509: certificate signed by unknown authority";
    let expected = format!("error dialing backend: {unknown}");
    assert_eq!(exec(&admin, "").await, (500, expected));
    let log = admin.get(&format!("{PODS}/web/log")).await;
    assert!(
        log.code == 500 && log.message().ends_with(unknown),
        "{log:?}"
    );
    let insecure = format!("{PODS}/web/log?insecureSkipTLSVerifyBackend=true");
    assert_eq!(admin.get(&insecure).await.body, "one\ntwo\n");
}

#[tokio::test]
async fn a_kubelets_refusal_is_forwarded() {
    let cluster = Cluster::start(&["refuses", "answers"], &[]).await;
    let exec_in = |container: &str| format!("{PODS}/web/exec?command=x&container={container}");
    let mut refused = cluster.upgrade("POST", &exec_in("refuses"), SPDY).await;
    assert_eq!(refused.code, 403);
    let mut body = [0; 7];
    refused.stream.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"not you");
    let admin = cluster.server.admin();
    let expected = "invalid upgrade response: status code 200".to_owned();
    assert_eq!(exec(&admin, "&container=answers").await, (500, expected));

    let without = admin.ask(Method::POST, &exec_in("answers"), "").await;
    let expected = "Upgrade request required".to_owned();
    assert_eq!((without.code, without.message()), (400, expected));
    let over_http2 = format!("{PODS}/web/portforward");
    assert_eq!(admin.get(&over_http2).await.code, 400);
}

/// The client requested no upgrade.
#[tokio::test]
async fn a_kubelet_that_switches_the_protocol_unasked_is_not_followed() {
    let cluster = Cluster::start(&["switches"], &[]).await;
    let admin = cluster.server.admin();
    let unexpected = "unexpected response: status code 101";
    for client in [admin.clone(), admin.over_http1()] {
        let log = client.get(&format!("{PODS}/web/log")).await;
        assert!(
            log.code == 500 && log.message().ends_with(unexpected),
            "{log:?}"
        );
        let proxied = client.get("/api/v1/nodes/n1/proxy/switches").await;
        let expected = format!("error trying to reach service: {unexpected}");
        assert_eq!((proxied.code, proxied.message()), (503, expected));
    }
}

#[tokio::test]
async fn unusable_files_are_named() {
    let dir = directory();
    let missing = dir.path().join("missing").display().to_string();
    let empty = dir.path().join("empty").display().to_string();
    std::fs::write(&empty, "").unwrap();
    for (flag, file) in [
        ("--kubelet-certificate-authority", &missing),
        ("--kubelet-certificate-authority", &empty),
        ("--kubelet-client-certificate", &missing),
        ("--kubelet-client-certificate", &empty),
    ] {
        let mut flags = vec![format!("{flag}={file}")];
        if flag == "--kubelet-client-certificate" {
            flags.push(format!("--kubelet-client-key={file}"));
        }
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let started = Server::start(&options(&dir, &flags)).await;
        let error = started.err().unwrap().to_string();
        assert!(error.contains(flag), "{error}");
        assert!(!dir.path().join("data").exists(), "nothing was made");
    }
}

#[tokio::test]
async fn a_node_without_an_address_is_not_reached() {
    let server = with_kubelet_at(
        (Ipv4Addr::LOCALHOST, 1).into(),
        &["--kubelet-preferred-address-types=Hostname,ExternalIP"],
    )
    .await;
    let expected =
        "no preferred addresses found; known addresses: [{InternalIP 127.0.0.1}]".to_owned();
    assert_eq!(exec(&server.admin(), "").await, (500, expected));
}
