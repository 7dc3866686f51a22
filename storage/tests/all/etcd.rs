//! The etcd store: conformance, and outages of etcd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage, EtcdTls};
use portcullis_storage::etcd_server::{EtcdServer, ServerTls};
use portcullis_storage::{Error, ListRequest, ReadAt, Revision, Storage, Watch, conformance};
use rustix::process::{Pid, Signal, kill_process};

async fn connect(server: &EtcdServer) -> Arc<EtcdStorage> {
    let options = EtcdOptions::new([server.endpoint()]);
    Arc::new(EtcdStorage::connect(&options).await.unwrap())
}

/// The revisions of the next changes.
async fn revisions(watch: &mut Watch, count: usize) -> Vec<Revision> {
    let changes = watch.filter_map(|event| async move {
        let event = event.unwrap();
        event.key().map(|_| event.revision())
    });
    let collect = changes.take(count).collect();
    tokio::time::timeout(Duration::from_secs(20), collect)
        .await
        .expect("the changes in time")
}

/// Retries a write until it succeeds; returns its revision.
async fn write_when_possible(store: &EtcdStorage, key: &str) -> Revision {
    let mut failures = 0;
    loop {
        match store.create(key, Bytes::new()).await {
            Ok(entry) => return entry.revision,
            Err(Error::Unavailable(_)) if failures < 200 => failures += 1,
            // An earlier attempt was committed but not acknowledged.
            Err(Error::AlreadyExists { .. }) if failures > 0 => {
                let found = store.get(key, ReadAt::Latest).await.unwrap();
                return found.entry.unwrap().revision;
            }
            Err(error) => panic!("{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn signal(server: &EtcdServer, signal: Signal) {
    let pid = i32::try_from(server.pid().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let server = EtcdServer::start();
    conformance::run(connect(&server).await).await;
}

#[tokio::test]
async fn a_failed_connect_names_the_endpoints() {
    let begun = Instant::now();
    let options = EtcdOptions::new(["http://127.0.0.1:1", "http://127.0.0.1:2"]);
    let error = EtcdStorage::connect(&options).await.err().unwrap();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    for part in ["http://127.0.0.1:1", "http://127.0.0.1:2"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        EtcdStorage::connect(&EtcdOptions::new([""; 0]))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_dead_member_is_skipped() {
    let server = EtcdServer::start();
    let options = EtcdOptions::new(["http://127.0.0.1:1".to_owned(), server.endpoint()]);
    let store = EtcdStorage::connect(&options).await.unwrap();
    let mut watch = store.watch("/", 0).await.unwrap();
    let entry = store.create("/registry/a", Bytes::new()).await.unwrap();
    assert_eq!(revisions(&mut watch, 1).await, [entry.revision]);
}

#[tokio::test]
async fn the_store_reconnects_after_a_restart_of_etcd() {
    let mut server = EtcdServer::start();
    let store = connect(&server).await;
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    let first = store.create("/registry/a", Bytes::new()).await.unwrap();
    assert_eq!(revisions(&mut watch, 1).await, [first.revision]);
    server.kill();
    let begun = Instant::now();
    let write = store.create("/registry/b", Bytes::new()).await;
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    let read = store.get("/registry/a", ReadAt::Latest).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(store.watch("/", 0).await.is_err());
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    server.restart();
    let second = write_when_possible(&store, "/registry/c").await;
    assert_eq!(revisions(&mut watch, 1).await, [second]);
    let found = store.get("/registry/a", ReadAt::Latest).await.unwrap();
    assert_eq!(found.entry.unwrap().revision, first.revision);
}

#[tokio::test]
async fn calls_to_a_paused_etcd_time_out() {
    let server = EtcdServer::start();
    let mut options = EtcdOptions::new([server.endpoint()]);
    options.timeout = Duration::from_secs(1);
    let store = EtcdStorage::connect(&options).await.unwrap();
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    signal(&server, Signal::STOP);
    // Its threads stop one by one, so it may still respond once.
    let mut attempts = 0;
    let (error, took) = loop {
        let begun = Instant::now();
        if let Err(error) = store.revision().await {
            break (error, begun.elapsed());
        }
        attempts += 1;
        assert!(attempts < 100, "it responds although it is stopped");
    };
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    signal(&server, Signal::CONT);
    let revision = write_when_possible(&store, "/registry/a").await;
    assert_eq!(revisions(&mut watch, 1).await, [revision]);
}

/// When the leader of three is killed under load, writes continue on the others, no acknowledged
/// write is lost, and the watch delivers each change once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_survives_the_loss_of_its_leader() {
    let mut servers = EtcdServer::start_cluster(3);
    let endpoints: Vec<_> = servers.iter().map(EtcdServer::endpoint).collect();
    let leader = leader_of(&endpoints).await;
    // The first endpoint is the one in use.
    let mut ordered = endpoints.clone();
    ordered.swap(0, leader);
    let store = Arc::new(
        EtcdStorage::connect(&EtcdOptions::new(ordered))
            .await
            .unwrap(),
    );
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    let mut acknowledged = Vec::new();
    for n in 0..100 {
        if n == 30 {
            servers[leader].kill();
        }
        let key = format!("/registry/{n}");
        let revision = write_when_possible(&store, &key).await;
        acknowledged.push((key, revision));
    }
    let page = store.list("/registry/", &ListRequest::all()).await.unwrap();
    let stored = page
        .entries
        .iter()
        .map(|entry| (entry.revision, entry.key.to_string()));
    let stored: BTreeMap<_, _> = stored.collect();
    for (key, revision) in &acknowledged {
        assert_eq!(
            stored.get(revision),
            Some(key),
            "an acknowledged write is missing"
        );
    }
    let delivered = revisions(&mut watch, stored.len()).await;
    assert!(delivered.iter().eq(stored.keys()), "{delivered:?}");
}

/// A watch switches away from a stalled member, so that reads through the cache continue although
/// the connection still looks healthy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watch_switches_away_from_a_stalled_member() {
    let servers = EtcdServer::start_cluster(3);
    let mut endpoints: Vec<_> = servers.iter().map(EtcdServer::endpoint).collect();
    let stalled = (leader_of(&endpoints).await + 1) % 3;
    // Stalls a follower, so that the quorum and its leader stay.
    endpoints.swap(0, stalled);
    let store = EtcdStorage::connect(&EtcdOptions::new(endpoints)).await;
    let cache = Cache::start(
        Arc::new(store.unwrap()),
        "/registry/",
        CacheConfig::default(),
    )
    .await
    .unwrap();
    let first = cache.create("/registry/a", Bytes::new()).await.unwrap();
    let mut watch = cache.watch("/registry/", first.revision).await.unwrap();
    signal(&servers[stalled], Signal::STOP);
    let begun = Instant::now();
    let second = loop {
        // A write that was not acknowledged may still have been committed.
        let key = format!("/registry/{}", begun.elapsed().as_nanos());
        if let Ok(entry) = cache.create(&key, Bytes::new()).await
            && let Ok(found) = cache.get(&key, ReadAt::Latest).await
        {
            assert_eq!(found.entry.unwrap().revision, entry.revision);
            break entry;
        }
    };
    let took = begun.elapsed();
    println!("written and read again after {took:.1?}");
    // Keep-alive takes 13 s to detect the stall.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let mut last = first.revision;
    while last < second.revision {
        last = revisions(&mut watch, 1).await[0];
    }
    signal(&servers[stalled], Signal::CONT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_waits_for_etcd_to_start() {
    let mut server = EtcdServer::start();
    server.kill();
    let mut options = EtcdOptions::new([server.endpoint()]);
    options.startup_timeout = Duration::from_millis(200);
    let error = EtcdStorage::connect(&options).await.err().unwrap();
    assert!(error.to_string().contains("connection refused"), "{error}");
    options.startup_timeout = Duration::from_secs(60);
    let connected = tokio::spawn(async move { EtcdStorage::connect(&options).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!connected.is_finished(), "connect is still waiting");
    let restarted = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = restarted.await.unwrap();
    connected.await.unwrap().unwrap();
}

async fn leader_of(endpoints: &[String]) -> usize {
    let begun = Instant::now();
    loop {
        for (n, endpoint) in endpoints.iter().enumerate() {
            let mut client = etcd_client::Client::connect([endpoint], None)
                .await
                .unwrap();
            let Ok(status) = client.status().await else {
                continue;
            };
            if status.leader() != 0 && status.header().unwrap().member_id() == status.leader() {
                return n;
            }
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no leader is elected"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Other clients may change several keys in one transaction, that is at one revision; a watch that
/// reconnects right after it delivers each change once.
#[tokio::test]
async fn changes_of_one_revision_are_delivered_once() {
    let mut server = EtcdServer::start();
    let store = connect(&server).await;
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    let mut client = etcd_client::Client::connect([server.endpoint()], None)
        .await
        .unwrap();
    let keys = ["/registry/a", "/elsewhere/b", "/registry/c"];
    let txn = etcd_client::Txn::new();
    let txn = txn.and_then(keys.map(|key| etcd_client::TxnOp::put(key, "", None)));
    let revision = client.txn(txn).await.unwrap().header().unwrap().revision() as Revision;
    assert_eq!(revisions(&mut watch, 2).await, [revision, revision]);
    server.restart();
    let next = write_when_possible(&store, "/registry/d").await;
    assert_eq!(revisions(&mut watch, 1).await, [next]);
}

/// A wiped store has a different history, in which a watch must not continue.
#[tokio::test]
async fn a_wiped_store_ends_watches() {
    let mut server = EtcdServer::start();
    let store = connect(&server).await;
    for n in 0..5 {
        store
            .create(&format!("/registry/{n}"), Bytes::new())
            .await
            .unwrap();
    }
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    revisions(&mut watch, 5).await;
    server.wipe();
    server.restart();
    let end = tokio::time::timeout(Duration::from_secs(20), watch.next())
        .await
        .unwrap();
    assert!(matches!(end, Some(Err(Error::Compacted { .. }))), "{end:?}");
}

#[tokio::test]
async fn a_value_over_the_size_limit_is_rejected() {
    let server = EtcdServer::start();
    let store = connect(&server).await;
    let write = store
        .create("/registry/a", Bytes::from(vec![0; 3 << 20]))
        .await;
    assert!(matches!(write, Err(Error::TooLarge(_))), "{write:?}");
}

/// Lists over 64 MiB are read in smaller pages.
#[tokio::test]
async fn huge_lists_are_read() {
    const COUNT: usize = 70;
    let server = EtcdServer::start();
    let store = connect(&server).await;
    let value = Bytes::from(vec![b'x'; 1 << 20]);
    for n in 0..COUNT {
        store
            .create(&format!("/registry/{n:03}"), value.clone())
            .await
            .unwrap();
    }
    let all = ListRequest::all();
    let page = store.list("/registry/", &all).await.unwrap();
    assert_eq!((page.entries.len(), page.remaining), (COUNT, 0));
    assert!(page.entries.is_sorted_by(|one, next| one.key < next.key));
}

/// A write outside the prefix advances the revision, which the watch reports as progress.
#[tokio::test]
async fn a_watch_reports_writes_outside_its_prefix() {
    let server = EtcdServer::start();
    let store = connect(&server).await;
    let mut watch = store.watch("/registry/", 0).await.unwrap();
    let outside = store.create("/elsewhere/a", Bytes::new()).await.unwrap();
    let event = watch.next().await.unwrap().unwrap();
    assert!(event.key().is_none(), "{event:?}");
    assert_eq!(event.revision(), outside.revision);
}

#[tokio::test]
async fn certificates_are_sent_and_verified() {
    let tls = ServerTls::new();
    let server = EtcdServer::start_tls(&tls);
    let mut options = EtcdOptions::new([server.endpoint()]);
    let identity = Some((tls.client_certificate.clone(), tls.client_key.clone()));
    options.tls = Some(EtcdTls {
        ca: Some(tls.ca.clone()),
        identity,
    });
    let store = EtcdStorage::connect(&options).await.unwrap();
    store.create("/registry/a", Bytes::new()).await.unwrap();

    // TLS failures are not retried.
    options.startup_timeout = Duration::from_secs(3600);
    options.tls = Some(EtcdTls {
        ca: Some(tls.ca.clone()),
        identity: None,
    });
    assert!(
        EtcdStorage::connect(&options).await.is_err(),
        "without a certificate"
    );
    let identity = Some((tls.client_certificate.clone(), tls.client_key.clone()));
    options.tls = Some(EtcdTls {
        ca: Some(ServerTls::new().ca),
        identity,
    });
    assert!(
        EtcdStorage::connect(&options).await.is_err(),
        "an unknown CA"
    );
}
