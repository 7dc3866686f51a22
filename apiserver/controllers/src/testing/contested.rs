//! A store in which others always come first.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_registry::errors::ATTEMPTS_MAX;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{
    Entry, Error, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};

/// A store in which, once it is contested, every write of something that is there comes too late.
pub(crate) struct Contested {
    inner: EmbeddedStorage,
    contested: AtomicBool,
    lost: AtomicUsize,
}

impl Contested {
    /// A store in a directory, not contested yet.
    pub(crate) fn open(dir: &Path) -> Self {
        Self {
            inner: EmbeddedStorage::open(&dir.join("store")).unwrap(),
            contested: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
        }
    }

    /// From now on every write comes too late.
    pub(crate) fn contest(&self) {
        self.contested.store(true, Ordering::Relaxed);
    }

    /// How many writes came too late since this was last asked.
    pub(crate) fn take_lost(&self) -> usize {
        self.lost.swap(0, Ordering::Relaxed)
    }

    async fn lose(&self, key: &str) -> Error {
        // An attempt without a bound has to end as well for its test to fail.
        if self.lost.fetch_add(1, Ordering::Relaxed) >= 2 * ATTEMPTS_MAX {
            return Error::Unavailable("far too many attempts".to_owned());
        }
        match self.inner.get(key, ReadAt::Latest).await {
            Ok(found) => Error::Conflict {
                key: key.to_owned(),
                actual: found.entry,
            },
            Err(error) => error,
        }
    }

    fn is_contested(&self) -> bool {
        self.contested.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Storage for Contested {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        self.inner.create(key, value).await
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        self.inner.get(key, at).await
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        self.inner.list(prefix, request).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        if self.is_contested() {
            return Err(self.lose(key).await);
        }
        self.inner.compare_and_swap(key, expected, value).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        if self.is_contested() {
            return Err(self.lose(key).await);
        }
        self.inner.delete(key, expected).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        self.inner.watch(prefix, after).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.inner.revision().await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.inner.compact(revision).await
    }
}
