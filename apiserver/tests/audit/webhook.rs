//! Events for a webhook.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::{policy_flag, until};
use crate::support::https_server::HttpsServer;
use crate::support::server::{TestServer, directory};

/// The behavior of the server that receives events.
#[derive(Default)]
struct Taker {
    lists: Mutex<Vec<Value>>,
    calls: AtomicUsize,
    is_down: AtomicBool,
    hangs: AtomicBool,
    goes_on: Notify,
}

impl Taker {
    /// The ids of the recorded requests, each with a stage.
    fn told(&self) -> Vec<String> {
        let lists = self.lists.lock();
        let items = lists
            .iter()
            .flat_map(|list| list["items"].as_array().unwrap());
        let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
        items
            .map(|event| format!("{} {}", text(event, "auditID"), text(event, "stage")))
            .collect()
    }
}

async fn take(taker: Arc<Taker>, request: Request<Bytes>) -> Response<Bytes> {
    taker.calls.fetch_add(1, Ordering::SeqCst);
    if taker.hangs.load(Ordering::SeqCst) {
        taker.goes_on.notified().await;
    }
    let mut response = Response::default();
    if taker.is_down.load(Ordering::SeqCst) {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    }
    assert_eq!(
        request.uri().path_and_query().unwrap(),
        "/audit?timeout=30s"
    );
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer of-the-server");
    taker
        .lists
        .lock()
        .push(serde_json::from_slice(request.body()).unwrap());
    response
}

/// Starts a server that sends its events to a receiver.
async fn start(taker: &Arc<Taker>, flags: &[&str]) -> (TestServer, HttpsServer) {
    let taker = taker.clone();
    let elsewhere = HttpsServer::start(&[], move |request| take(taker.clone(), request)).await;
    let dir = directory();
    let rules = json!({"rules": [{"level": "None", "nonResourceURLs": ["/metrics"]}, {"level": "Metadata"}]});
    let policy = policy_flag(&dir, &rules);
    let config = kubeconfig(&dir, &elsewhere);
    let quick = "--audit-webhook-initial-backoff=1ms";
    let flags = [&[&*policy, &*config, quick], flags].concat();
    (TestServer::start_in(dir, &flags).await, elsewhere)
}

fn kubeconfig(dir: &TempDir, elsewhere: &HttpsServer) -> String {
    let path = dir.path().join("webhook.kubeconfig");
    elsewhere.write_kubeconfig(&path, "/audit");
    format!("--audit-webhook-config-file={}", path.display())
}

async fn ask(server: &TestServer, id: &str) {
    let client = server.admin().header("audit-id", id);
    assert_eq!(client.get("/version").await.code, 200);
}

async fn lost(server: &TestServer) -> usize {
    let metrics = server.admin().get("/metrics").await.body;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    let mut lines = metrics.lines();
    let lost =
        lines.find_map(|l| l.strip_prefix("apiserver_audit_error_total{plugin=\"webhook\"} "));
    lost.map_or(0, |lost| lost.parse().unwrap())
}

#[tokio::test]
async fn events_are_sent_in_batches_and_the_rest_at_shutdown() {
    let taker = Arc::<Taker>::default();
    let flags = [
        "--audit-webhook-batch-max-size=3",
        "--audit-webhook-batch-max-wait=1h",
    ];
    let (server, _elsewhere) = start(&taker, &flags).await;
    ask(&server, "1").await;
    ask(&server, "2").await;
    until("a batch is full", async || !taker.lists.lock().is_empty()).await;
    assert_eq!(
        taker.told(),
        [
            "1 RequestReceived",
            "1 ResponseComplete",
            "2 RequestReceived"
        ]
    );
    let list = taker.lists.lock()[0].clone();
    assert_eq!(list["kind"], "EventList");
    assert_eq!(list["apiVersion"], "audit.k8s.io/v1");
    assert_eq!(list["metadata"], json!({}));
    let event = &list["items"][1];
    assert!(event.get("kind").is_none() && event.get("apiVersion").is_none());
    assert_eq!(
        event["responseStatus"],
        json!({"metadata": {}, "code": 200})
    );
    server.stop().await;
    assert_eq!(taker.told().last().unwrap(), "2 ResponseComplete");
    assert_eq!(taker.lists.lock().len(), 2);
}

#[tokio::test]
async fn a_webhook_that_is_down_is_retried() {
    let taker = Arc::<Taker>::default();
    taker.is_down.store(true, Ordering::SeqCst);
    let flags = ["--audit-webhook-batch-max-size=2"];
    let (server, _elsewhere) = start(&taker, &flags).await;
    ask(&server, "lost").await;
    until("the events are lost", async || lost(&server).await == 2).await;
    assert_eq!(taker.calls.load(Ordering::SeqCst), 5);
    taker.is_down.store(false, Ordering::SeqCst);
    ask(&server, "told").await;
    server.stop().await;
    assert_eq!(
        taker.told(),
        ["told RequestReceived", "told ResponseComplete"]
    );
}

#[tokio::test]
async fn a_webhook_that_hangs_loses_events_but_delays_no_request() {
    let taker = Arc::<Taker>::default();
    taker.hangs.store(true, Ordering::SeqCst);
    let flags = [
        "--audit-webhook-batch-max-size=1",
        "--audit-webhook-batch-buffer-size=4",
        "--audit-webhook-batch-throttle-enable=false",
    ];
    let (server, _elsewhere) = start(&taker, &flags).await;
    for at in 0..20 {
        ask(&server, &at.to_string()).await;
    }
    let lost = lost(&server).await;
    assert!(lost > 0, "{lost}");
    taker.hangs.store(false, Ordering::SeqCst);
    until("all events that waited are delivered", async || {
        taker.goes_on.notify_waiters();
        taker.told().len() == 40 - lost
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn in_blocking_mode_requests_wait_for_the_webhook() {
    let taker = Arc::<Taker>::default();
    let (server, _elsewhere) = start(&taker, &["--audit-webhook-mode=blocking"]).await;
    ask(&server, "1").await;
    assert_eq!(taker.told(), ["1 RequestReceived", "1 ResponseComplete"]);
    taker.is_down.store(true, Ordering::SeqCst);
    ask(&server, "2").await;
    assert_eq!(lost(&server).await, 2);
    let (strict, _elsewhere) = start(&taker, &["--audit-webhook-mode=blocking-strict"]).await;
    let answer = strict.admin().get("/version").await;
    assert_eq!(answer.code, 500);
    assert_eq!(
        answer.message(),
        "Internal error occurred: failed to store audit event"
    );
}
