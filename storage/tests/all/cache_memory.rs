//! The cache's memory limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::{EmbeddedStorage, HistoryLimits, Options};
use portcullis_storage::{Error, Storage};

/// A value that counts its live instances.
struct Counted {
    value: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn bytes(alive: &Arc<AtomicUsize>, size: usize) -> Bytes {
        alive.fetch_add(1, Ordering::Relaxed);
        let (value, alive) = (vec![b'x'; size], alive.clone());
        Bytes::from_owner(Self { value, alive })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Regardless of how many watchers do not receive, the bytes of queued changes are bounded for all
/// together.
#[tokio::test]
async fn idle_receivers_hold_bounded_memory() {
    const SIZE: usize = 100 << 10;
    const WRITES: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let limits = HistoryLimits {
        events: 1000,
        bytes: 10 * SIZE,
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let store = EmbeddedStorage::open_with(dir.path(), options).unwrap();
    let config = CacheConfig {
        history_bytes: 10 * SIZE,
        ..CacheConfig::default()
    };
    let cache = Cache::start(Arc::new(store), "/", config).await.unwrap();
    let alive = Arc::new(AtomicUsize::new(0));
    let value = || Counted::bytes(&alive, SIZE);
    let mut entry = cache.create("/a", value()).await.unwrap();
    let mut reader = cache.watch("/", entry.revision).await.unwrap();
    let mut idle = Vec::new();
    for n in 0..WRITES {
        if n % 20 == 0 {
            idle.push(cache.watch("/", entry.revision).await.unwrap());
        }
        let swap = cache.compare_and_swap("/a", entry.revision, value());
        entry = swap.await.unwrap();
        let event = reader.next().await.unwrap().unwrap();
        assert_eq!(event.revision(), entry.revision);
    }
    let most = alive.load(Ordering::Relaxed);
    assert!(most <= 30, "{most} of {WRITES} values are held");
    for watch in &mut idle[..9] {
        let end = watch.next().await;
        assert!(matches!(end, Some(Err(Error::Slow))), "{end:?}");
        assert!(watch.next().await.is_none());
    }
}
