//! The cache over the embedded store: conformance, and guarantees beyond it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Controlled, Embedded, Mirror, eventually};
use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::{Error, Event, ListRequest, ReadAt, Storage, conformance};

const ROOT: &str = "/registry/";

async fn over(upstream: Arc<dyn Storage>) -> Cache {
    with(upstream, CacheConfig::default()).await
}

async fn with(upstream: Arc<dyn Storage>, config: CacheConfig) -> Cache {
    Cache::start(upstream, ROOT, config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_embedded() {
    let store = Embedded::new();
    conformance::run(Arc::new(over(store.storage()).await)).await;
}

#[tokio::test]
async fn existing_entries_are_loaded() {
    let store = Embedded::new();
    let old = store
        .storage()
        .create("/registry/a", Bytes::from("old"))
        .await
        .unwrap();
    let cache = over(store.storage()).await;
    let found = cache
        .get("/registry/a", ReadAt::NotOlderThan(0))
        .await
        .unwrap();
    assert!(
        Arc::ptr_eq(&found.entry.unwrap(), &old),
        "the store's own entry, with its derived value"
    );
    assert!(found.revision >= old.revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_read_their_own_writes() {
    let store = Embedded::new();
    let cache = over(store.storage()).await;
    let anything = ReadAt::NotOlderThan(0);
    for n in 0..50 {
        let key = format!("/registry/{n}");
        let one = cache.create(&key, Bytes::from("1")).await.unwrap();
        let read = cache.get(&key, anything).await.unwrap().entry.unwrap();
        assert!(Arc::ptr_eq(&read, &one));
        let two = cache
            .compare_and_swap(&key, one.revision, Bytes::from("2"))
            .await
            .unwrap();
        let list = ListRequest {
            at: anything,
            limit: 0,
            after: None,
        };
        assert_eq!(
            cache.list(&key, &list).await.unwrap().entries[0].revision,
            two.revision
        );
        cache.delete(&key, two.revision).await.unwrap();
        assert!(cache.get(&key, anything).await.unwrap().entry.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_reads_include_writes_of_others() {
    let store = Embedded::new();
    let cache = over(store.storage()).await;
    for n in 0..50 {
        let key = format!("/registry/{n}");
        let written = store.storage().create(&key, Bytes::new()).await.unwrap();
        let read = cache
            .get(&key, ReadAt::Latest)
            .await
            .unwrap()
            .entry
            .unwrap();
        assert_eq!(read.revision, written.revision);
    }
}

#[tokio::test]
async fn keys_outside_its_root_are_passed_through() {
    let store = Embedded::new();
    let cache = over(store.storage()).await;
    let entry = cache.create("/other/a", Bytes::from("x")).await.unwrap();
    let read = cache
        .get("/other/a", ReadAt::Latest)
        .await
        .unwrap()
        .entry
        .unwrap();
    assert_eq!(read.revision, entry.revision);
    assert_eq!(
        cache
            .list("/", &ListRequest::all())
            .await
            .unwrap()
            .entries
            .len(),
        1
    );
    let mut watch = cache.watch("/other/", 0).await.unwrap();
    assert_eq!(
        watch.next().await.unwrap().unwrap().revision(),
        entry.revision
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_see_writes_before_they_return() {
    let store = Embedded::new();
    store
        .storage()
        .create("/registry/roles/old", Bytes::from("0"))
        .await
        .unwrap();
    let cache = over(store.storage()).await;
    let roles = Mirror::default();
    cache.observe("/registry/roles/", Box::new(roles.clone()));
    assert_eq!(roles.keys(), ["/registry/roles/old"]);
    for n in 0..50 {
        let key = format!("/registry/roles/{n}");
        let entry = cache.create(&key, Bytes::new()).await.unwrap();
        cache
            .create(&format!("/registry/rolesx/{n}"), Bytes::new())
            .await
            .unwrap();
        assert_eq!(roles.revision_of(&key), Some(entry.revision));
        let revision = cache.delete(&key, entry.revision).await.unwrap();
        assert_eq!((roles.revision_of(&key), roles.last()), (None, revision));
    }
    assert_eq!(roles.keys(), ["/registry/roles/old"]);
    assert_eq!(roles.resets(), 1);
}

/// An observer added during a burst of writes ends up with the same entries as any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_added_during_writes_miss_nothing() {
    let store = Embedded::new();
    let cache = Arc::new(over(store.storage()).await);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for n in 0..40 {
                    let key = format!("/registry/{writer}/{}", n % 7);
                    match cache.create(&key, Bytes::new()).await {
                        Ok(_) => {}
                        Err(Error::AlreadyExists { .. }) => {
                            let found = cache.get(&key, ReadAt::Latest).await.unwrap();
                            let revision = found.entry.unwrap().revision;
                            cache.delete(&key, revision).await.unwrap();
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    let mut mirrors = Vec::new();
    while !writers.iter().all(|writer| writer.is_finished()) {
        let mirror = Mirror::default();
        cache.observe(ROOT, Box::new(mirror.clone()));
        mirrors.push(mirror);
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let page = cache.list(ROOT, &ListRequest::all()).await.unwrap();
    let keys: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.key.to_string())
        .collect();
    assert!(mirrors.len() > 1);
    assert!(mirrors.iter().all(|mirror| mirror.keys() == keys));
}

#[tokio::test]
async fn a_slow_watcher_is_ended_without_delaying_writes() {
    let store = Embedded::new();
    let config = CacheConfig {
        watcher_events: 4,
        ..CacheConfig::default()
    };
    let cache = with(store.storage(), config).await;
    let mut slow = cache.watch(ROOT, cache.reached()).await.unwrap();
    for n in 0..10 {
        cache
            .create(&format!("/registry/{n}"), Bytes::new())
            .await
            .unwrap();
    }
    for n in 0..4 {
        let event = slow.next().await.unwrap().unwrap();
        assert_eq!(event.key(), Some(&*format!("/registry/{n}")));
    }
    assert!(matches!(slow.next().await, Some(Err(Error::Slow))));
    assert!(slow.next().await.is_none());
}

#[tokio::test]
async fn a_watch_from_before_the_window_is_rejected() {
    let store = Embedded::new();
    let config = CacheConfig {
        history_events: 10,
        ..CacheConfig::default()
    };
    let cache = with(store.storage(), config).await;
    let first = cache.create("/registry/0", Bytes::new()).await.unwrap();
    for n in 1..20 {
        cache
            .create(&format!("/registry/{n}"), Bytes::new())
            .await
            .unwrap();
    }
    let error = cache.watch(ROOT, first.revision).await.err();
    assert!(matches!(error, Some(Error::Compacted { .. })), "{error:?}");
    let mut watch = cache.watch(ROOT, cache.reached() - 10).await.unwrap();
    assert_eq!(
        watch.next().await.unwrap().unwrap().key(),
        Some("/registry/10")
    );
}

#[tokio::test]
async fn idle_watchers_receive_progress() {
    let store = Embedded::new();
    let progress = Duration::from_millis(20);
    let cache = with(
        store.storage(),
        CacheConfig {
            progress,
            ..CacheConfig::default()
        },
    )
    .await;
    let mut watch = cache.watch("/registry/a/", cache.reached()).await.unwrap();
    let elsewhere = cache.create("/registry/b/x", Bytes::new()).await.unwrap();
    let event = watch.next().await.unwrap().unwrap();
    assert!(matches!(*event, Event::Progress(revision) if revision == elsewhere.revision));
}

/// A read serves all requests that arrived before it began; later ones are served by the next read.
#[tokio::test]
async fn requests_share_reads_of_the_revision() {
    let store = Embedded::new();
    let controlled = Controlled::over(store.storage());
    let cache = Arc::new(over(controlled.clone()).await);
    let get = |key: &'static str| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get(key, ReadAt::Latest).await.unwrap() })
    };
    controlled.hold_reads();
    let first = get("/registry/a");
    eventually(|| controlled.reads_begun() == 1).await;
    // Written after the first read began, and before the other requests arrive.
    store
        .storage()
        .create("/registry/a", Bytes::new())
        .await
        .unwrap();
    let others: Vec<_> = (0..100).map(|_| get("/registry/a")).collect();
    eventually(|| cache.read_counts().requests == 101).await;
    controlled.release_reads();
    first.await.unwrap();
    for other in others {
        assert!(
            other.await.unwrap().entry.is_some(),
            "the request began after the write"
        );
    }
    let counts = cache.read_counts();
    assert_eq!(counts.requests, 101);
    assert!((2..=4).contains(&counts.reads), "{counts:?}");
}

#[tokio::test]
async fn reads_time_out_when_the_store_does_not_respond() {
    let store = Embedded::new();
    let controlled = Controlled::over(store.storage());
    let read_wait = Duration::from_millis(100);
    let cache = with(
        controlled.clone(),
        CacheConfig {
            read_wait,
            ..CacheConfig::default()
        },
    )
    .await;
    controlled.hold_reads();
    let begun = Instant::now();
    let read = cache.get("/registry/a", ReadAt::Latest).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(cache.health().await.is_err());
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        cache
            .get("/registry/a", ReadAt::NotOlderThan(0))
            .await
            .is_ok()
    );
    controlled.release_reads();
    cache.health().await.unwrap();
}

/// When changes may have been missed, watches end, and observers are reset.
#[tokio::test]
async fn a_gap_ends_watches_and_reloads_the_cache() {
    let store = Embedded::new();
    let controlled = Controlled::over(store.storage());
    let cache = over(controlled.clone()).await;
    let kept = cache.create("/registry/kept", Bytes::new()).await.unwrap();
    let gone = cache.create("/registry/gone", Bytes::new()).await.unwrap();
    let mirror = Mirror::default();
    cache.observe(ROOT, Box::new(mirror.clone()));
    let mut watch = cache.watch(ROOT, cache.reached()).await.unwrap();
    controlled.cut_watches();
    let end = watch.next().await;
    assert!(matches!(end, Some(Err(Error::Compacted { .. }))), "{end:?}");
    assert!(watch.next().await.is_none());
    let upstream = store.storage();
    upstream
        .delete("/registry/gone", gone.revision)
        .await
        .unwrap();
    upstream
        .create("/registry/new", Bytes::new())
        .await
        .unwrap();
    let page = cache.list(ROOT, &ListRequest::all()).await.unwrap();
    let keys: Vec<_> = page.entries.iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["/registry/kept", "/registry/new"]);
    assert!(
        Arc::ptr_eq(&page.entries[0], &kept),
        "an unchanged entry keeps its derived value"
    );
    assert_eq!(mirror.keys(), keys);
    eventually(|| cache.is_healthy()).await;
    assert_eq!(mirror.resets(), 2);
    let before = cache.watch(ROOT, kept.revision).await.err();
    assert!(
        matches!(before, Some(Error::Compacted { .. })),
        "{before:?}"
    );
}

#[tokio::test]
async fn shutdown_ends_tasks_and_watches() {
    let store = Embedded::new();
    let upstream = store.storage();
    let cache = over(upstream.clone()).await;
    let mut watch = cache.watch(ROOT, cache.reached()).await.unwrap();
    cache.shutdown().await;
    assert!(matches!(
        watch.next().await,
        Some(Err(Error::Unavailable(_)))
    ));
    assert!(cache.watch(ROOT, cache.reached()).await.is_err());
    assert!(!cache.is_healthy());
    drop((cache, watch));
    // One here and one in `store`: the tasks have dropped theirs.
    assert_eq!(Arc::strong_count(&upstream), 2);
}
