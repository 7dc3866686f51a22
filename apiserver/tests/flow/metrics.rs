//! What `/metrics` says of requests, watches, the store, controllers and the process.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// All metrics, line by line.
async fn scraped(admin: &Client) -> Vec<String> {
    let answer = admin.get("/metrics").await;
    assert_eq!(answer.code, 200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What comes of asking again and again, until it is there.
async fn eventually<T>(asked: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = asked().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within half a minute");
}

/// The value of a metric that has all of these labels.
fn value(lines: &[String], name: &str, labels: &[&str]) -> Option<f64> {
    let mut found = lines.iter().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let of_name = series.strip_prefix(name)?;
        let has_all = labels.iter().all(|label| of_name.contains(label));
        (of_name.is_empty() || of_name.starts_with('{') && has_all).then_some(value)
    });
    found.next()?.parse().ok()
}

#[tokio::test]
async fn dashboards_find_what_they_look_for() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "a"}, "data": {"b": "c"}});
    for code in [201, 409] {
        assert_eq!(admin.post(MAPS, &map).await.code, code);
    }
    assert_eq!(admin.get(MAPS).await.code, 200);
    assert_eq!(server.bob().get("/api/v1/pods").await.code, 403);
    let lines = scraped(&admin).await;
    let of_maps = [
        r#"resource="configmaps""#,
        r#"verb="POST""#,
        r#"scope="resource""#,
    ];
    let total = |code: &str| {
        let labels = [&of_maps[..], &[code]].concat();
        value(&lines, "apiserver_request_total", &labels)
    };
    assert_eq!(
        (total(r#"code="201""#), total(r#"code="409""#)),
        (Some(1.0), Some(1.0))
    );
    let durations = "apiserver_request_duration_seconds_count";
    assert_eq!(value(&lines, durations, &of_maps), Some(2.0));
    let listed = [
        r#"resource="configmaps""#,
        r#"verb="LIST""#,
        r#"scope="namespace""#,
    ];
    let size = value(&lines, "apiserver_response_sizes_sum", &listed).unwrap();
    assert!(size > 100.0, "{size}");
    let created = [r#"operation="create""#, r#"type="configmaps""#];
    let stored = value(&lines, "etcd_request_duration_seconds_count", &created).unwrap();
    assert!(stored >= 1.0, "{stored}");
    for (name, labels) in [
        (
            "apiserver_storage_objects",
            &[r#"resource="clusterroles.rbac.authorization.k8s.io""#][..],
        ),
        (
            "apiserver_resource_objects",
            &[r#"group="""#, r#"resource="configmaps""#],
        ),
        ("workqueue_adds_total", &[r#"name="serviceaccount""#]),
        (
            "workqueue_work_duration_seconds_count",
            &[r#"name="serviceaccount""#],
        ),
        ("kubernetes_build_info", &[r#"major="1""#, r#"minor="24""#]),
        ("process_cpu_seconds_total", &[]),
        ("process_open_fds", &[]),
        ("process_max_fds", &[]),
        ("process_virtual_memory_bytes", &[]),
        ("process_resident_memory_bytes", &[]),
        ("process_start_time_seconds", &[]),
    ] {
        // controllers begin when they find the time
        eventually(async || {
            let found = value(&scraped(&admin).await, name, labels);
            found.filter(|found| *found > 0.0)
        })
        .await;
    }
}

#[tokio::test]
async fn watches_are_counted_while_they_last() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let of_maps = [r#"resource="configmaps""#, r#"verb="WATCH""#];
    let running = async || {
        let lines = scraped(&admin).await;
        let running = value(&lines, "apiserver_longrunning_requests", &of_maps);
        let total = value(&lines, "apiserver_request_total", &of_maps);
        (running.unwrap_or_default(), total.unwrap_or_default())
    };
    let mut connection = admin.connect().await.unwrap();
    let watch = format!("{MAPS}?watch=true&resourceVersion=0");
    let answer = connection.send(Method::GET, &watch, "").await.unwrap();
    assert_eq!(running().await, (1.0, 0.0));
    let map = json!({"metadata": {"name": "a"}});
    assert_eq!(admin.post(MAPS, &map).await.code, 201);
    let events = [r#"kind="ConfigMap""#];
    let sent = eventually(async || {
        let lines = scraped(&admin).await;
        value(&lines, "apiserver_watch_events_total", &events).filter(|sent| *sent >= 1.0)
    })
    .await;
    let lines = scraped(&admin).await;
    let sizes = value(&lines, "apiserver_watch_events_sizes_count", &events);
    assert!(sizes.is_some_and(|sizes| sizes >= sent), "{sizes:?}");
    drop((answer, connection));
    eventually(async || Some(running().await).filter(|ended| *ended == (0.0, 1.0))).await;
}

#[tokio::test]
async fn handshakes_that_fail_and_requests_that_are_refused_are_counted() {
    let flags = [
        "--max-requests-inflight=1",
        "--authorization-mode=AlwaysAllow",
    ];
    let server = TestServer::start(&flags).await;
    let admin = server.admin();
    let mut broken = TcpStream::connect(server.address()).await.unwrap();
    broken.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    eventually(async || {
        let lines = scraped(&admin).await;
        value(&lines, "apiserver_tls_handshake_errors_total", &[]).filter(|failed| *failed >= 1.0)
    })
    .await;
    let large = json!({"metadata": {"name": "a"}, "data": {"x": "y".repeat(300_000)}});
    assert_eq!(admin.post(MAPS, &large).await.code, 201);
    // takes the only place until it is read
    let mut slow = server.alice().connect().await.unwrap();
    let unread = slow.send(Method::GET, MAPS, "").await.unwrap();
    assert_eq!(server.bob().get(MAPS).await.code, 429);
    let lines = scraped(&admin).await;
    let refused = [
        r#"code="429""#,
        r#"verb="LIST""#,
        r#"resource="configmaps""#,
    ];
    let terminated = value(&lines, "apiserver_request_terminations_total", &refused);
    assert_eq!(terminated, Some(1.0));
    drop((unread, slow));
}
