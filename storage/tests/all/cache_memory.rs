//! What the cache holds on to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::{EmbeddedStorage, History};
use portcullis_storage::{Error, Storage};

/// A value that counts itself.
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

/// However many watchers do not read, what waits for them is bounded for all together, and in bytes.
#[tokio::test]
async fn watchers_that_never_read_hold_on_to_little() {
    const SIZE: usize = 100 << 10;
    const WRITES: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let history = History {
        events: 1000,
        bytes: 10 * SIZE,
    };
    let store = EmbeddedStorage::open_with(dir.path(), history).unwrap();
    let config = CacheConfig {
        history_bytes: 10 * SIZE,
        ..CacheConfig::default()
    };
    let cache = Cache::start(Arc::new(store), "/", config).await.unwrap();
    let alive = Arc::new(AtomicUsize::new(0));
    let value = || Counted::bytes(&alive, SIZE);
    let mut entry = cache.create("/a", value()).await.unwrap();
    let mut reader = cache.watch("/", entry.revision).await.unwrap();
    let mut silent = Vec::new();
    for n in 0..WRITES {
        if n % 20 == 0 {
            silent.push(cache.watch("/", entry.revision).await.unwrap());
        }
        let swap = cache.compare_and_swap("/a", entry.revision, value());
        entry = swap.await.unwrap();
        let told = reader.next().await.unwrap().unwrap();
        assert_eq!(told.revision(), entry.revision);
    }
    let most = alive.load(Ordering::Relaxed);
    assert!(most <= 30, "{most} of {WRITES} values are held");
    for watch in &mut silent[..9] {
        let end = watch.next().await;
        assert!(matches!(end, Some(Err(Error::Slow))), "{end:?}");
        assert!(watch.next().await.is_none());
    }
}
