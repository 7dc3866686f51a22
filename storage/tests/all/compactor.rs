//! The compactor: history older than an interval is compacted, younger history is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_storage::compactor::Compactor;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{Error, ReadAt, Storage};

const INTERVAL: Duration = Duration::from_millis(200);

#[tokio::test]
async fn history_is_compacted_after_an_interval() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStorage::open(dir.path()).unwrap());
    let old = store.create("/registry/a", Bytes::new()).await.unwrap();
    store
        .compare_and_swap(&old.key, old.revision, Bytes::new())
        .await
        .unwrap();
    let begun = Instant::now();
    let compactor = Compactor::start(store.clone(), INTERVAL);
    let error = loop {
        match store.get(&old.key, ReadAt::Exactly(old.revision)).await {
            Err(error) => break error,
            Ok(_) => tokio::time::sleep(INTERVAL / 10).await,
        }
        assert!(begun.elapsed() < INTERVAL * 50, "nothing was compacted");
    };
    assert!(matches!(error, Error::Compacted { .. }), "{error}");
    assert!(begun.elapsed() >= INTERVAL, "compacted too early");
    compactor.shutdown().await;
    assert_eq!(Arc::strong_count(&store), 1, "the task has ended");
}
