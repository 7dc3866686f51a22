//! The cache over etcd: conformance, and outages of etcd.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Mirror, eventually};
use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;
use portcullis_storage::{Error, ReadAt, Storage, conformance};

async fn both(server: &EtcdServer) -> (Arc<EtcdStorage>, Cache) {
    let options = EtcdOptions::new([server.endpoint()]);
    let store = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let cache = Cache::start(store.clone(), "/registry/", CacheConfig::default())
        .await
        .unwrap();
    (store, cache)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let server = EtcdServer::start();
    let (_, cache) = both(&server).await;
    conformance::run(Arc::new(cache)).await;
}

/// Two caches on one etcd see each other's writes.
#[tokio::test]
async fn two_caches_agree() {
    let server = EtcdServer::start();
    let ((_, one), (_, two)) = (both(&server).await, both(&server).await);
    for n in 0..50 {
        let key = format!("/registry/{n}");
        let written = one.create(&key, Bytes::new()).await.unwrap();
        let read = two.get(&key, ReadAt::Latest).await.unwrap().entry.unwrap();
        assert_eq!(read.revision, written.revision);
        let read = two
            .get(&key, ReadAt::NotOlderThan(written.revision))
            .await
            .unwrap();
        assert!(read.entry.is_some());
    }
}

/// Writes outside the root advance the revision, but do not delay reads.
#[tokio::test]
async fn writes_outside_the_root_do_not_delay_reads() {
    let server = EtcdServer::start();
    let (store, cache) = both(&server).await;
    let begun = Instant::now();
    for n in 0..20 {
        let outside = store
            .create(&format!("/elsewhere/{n}"), Bytes::new())
            .await
            .unwrap();
        let found = cache.get("/registry/a", ReadAt::Latest).await.unwrap();
        assert!(found.revision >= outside.revision);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn previous_entries_come_from_the_cache() {
    let server = EtcdServer::start();
    let (_, cache) = both(&server).await;
    let one = cache.create("/registry/a", Bytes::new()).await.unwrap();
    let mut watch = cache.watch("/registry/", one.revision).await.unwrap();
    cache
        .compare_and_swap(&one.key, one.revision, Bytes::from("2"))
        .await
        .unwrap();
    match &*watch.next().await.unwrap().unwrap() {
        portcullis_storage::Event::Put {
            previous: Some(previous),
            ..
        } => {
            assert!(
                Arc::ptr_eq(previous, &one),
                "the cached entry, with its derived value"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_cache_reports_an_outage_of_etcd_and_recovers() {
    let mut server = EtcdServer::start();
    let (_, cache) = both(&server).await;
    let before = cache.create("/registry/a", Bytes::new()).await.unwrap();
    let mut watch = cache.watch("/registry/", before.revision).await.unwrap();
    cache.health().await.unwrap();
    server.kill();
    let begun = Instant::now();
    assert!(cache.health().await.is_err());
    let read = cache.get("/registry/a", ReadAt::Latest).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    let write = cache.create("/registry/b", Bytes::new()).await;
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let stale = cache
        .get("/registry/a", ReadAt::NotOlderThan(0))
        .await
        .unwrap();
    assert!(stale.entry.is_some());
    server.restart();
    let begun = Instant::now();
    while cache.health().await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the cache does not recover"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = cache.create("/registry/c", Bytes::new()).await.unwrap();
    let event = watch.next().await.unwrap().unwrap();
    assert_eq!(
        event.revision(),
        after.revision,
        "nothing was compacted, so no change is missed"
    );
}

/// After etcd lost all data, watches end and the cache is reloaded.
#[tokio::test]
async fn a_wiped_etcd_is_reloaded() {
    let mut server = EtcdServer::start();
    let (_, cache) = both(&server).await;
    for n in 0..5 {
        cache
            .create(&format!("/registry/{n}"), Bytes::new())
            .await
            .unwrap();
    }
    let mirror = Mirror::default();
    cache.observe("/registry/", Box::new(mirror.clone()));
    let mut watch = cache.watch("/registry/", cache.reached()).await.unwrap();
    server.wipe();
    server.restart();
    let end = tokio::time::timeout(Duration::from_secs(20), watch.next())
        .await
        .unwrap();
    assert!(matches!(end, Some(Err(Error::Compacted { .. }))), "{end:?}");
    eventually(|| cache.is_healthy()).await;
    assert!(mirror.keys().is_empty());
    assert_eq!(cache.reached(), 1);
    cache.create("/registry/new", Bytes::new()).await.unwrap();
    assert_eq!(mirror.keys(), ["/registry/new"]);
}
