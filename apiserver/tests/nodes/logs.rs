//! Logs.

use http::Method;
use http_body_util::BodyExt;

use super::{Cluster, PODS, until};
use crate::support::PATIENCE;

#[tokio::test]
async fn a_log_is_streamed_as_it_is_written_and_ends_with_it() {
    let cluster = Cluster::start(&["follows"], &[]).await;
    for client in [cluster.server.admin(), cluster.server.admin().over_http1()] {
        let mut connection = client.connect().await.unwrap();
        let path = format!("{PODS}/web/log?follow=true&sinceSeconds=60&timestamps=true");
        let answer = connection.send(Method::GET, &path, "").await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["content-type"]),
            (http::StatusCode::OK, &"text/plain".parse().unwrap())
        );
        let mut body = answer.into_body();
        let mut next = async || loop {
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap();
            let piece = frame.map(|frame| frame.unwrap().into_data().unwrap());
            // HTTP/2 may end with an empty frame
            if piece.as_ref().is_none_or(|piece| !piece.is_empty()) {
                return piece;
            }
        };
        assert_eq!(next().await.unwrap(), "one\n");
        cluster.kubelet.go_on();
        assert_eq!(next().await.unwrap(), "two\n");
        assert_eq!(next().await, None);
        let expected =
            "/containerLogs/default/web/follows?follow=true&sinceSeconds=60&timestamps=true";
        let asked = cluster.kubelet.last();
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("GET", expected)
        );
        assert_eq!(asked.headers.get("authorization"), None);
    }
}

#[tokio::test]
async fn a_kubelets_refusal_of_a_log_is_a_status() {
    let cluster = Cluster::start(&["waiting"], &[]).await;
    let answer = cluster
        .server
        .admin()
        .get(&format!("{PODS}/web/log?previous=true"))
        .await;
    let expected = "container \"waiting\" in pod \"web\" is waiting to start: ContainerCreating";
    assert_eq!((answer.code, answer.message().as_str()), (400, expected));
    assert_eq!(answer.json()["reason"], "BadRequest");
}

/// The kubelet waits for the reader, and so does the container.
#[tokio::test]
async fn an_unread_log_is_not_buffered() {
    const BUFFERS: usize = 32 * 1024 * 1024;
    let cluster = Cluster::start(&["endless"], &[]).await;
    let mut connection = cluster.server.admin().connect().await.unwrap();
    let path = format!("{PODS}/web/log?follow=true");
    let answer = connection.send(Method::GET, &path, "").await.unwrap();
    let mut written = 0;
    until("the kubelet does not stop writing", || {
        let before = std::mem::replace(&mut written, cluster.kubelet.written());
        written > 0 && written == before
    })
    .await;
    assert!(written < BUFFERS, "{written}");
    drop((answer, connection));
    until("a connection is left", || cluster.kubelet.open() == 0).await;
}

/// It is incomplete, and the client can tell.
#[tokio::test]
async fn a_log_that_is_followed_breaks_off_when_the_server_stops() {
    let cluster = Cluster::start(&["follows"], &[]).await;
    let mut connection = cluster.server.admin().connect().await.unwrap();
    let path = format!("{PODS}/web/log?follow=true");
    let answer = connection.send(Method::GET, &path, "").await.unwrap();
    let mut body = answer.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "one\n"
    );
    let stopped = tokio::time::timeout(PATIENCE, cluster.server.stop()).await;
    assert!(stopped.is_ok(), "it waits for a log");
    assert!(body.frame().await.unwrap().is_err());
}
