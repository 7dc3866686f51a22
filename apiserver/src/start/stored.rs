//! The store of a server, opened.

use std::sync::Arc;

use portcullis_storage::Storage;
use portcullis_storage::cache::{Cache, CacheConfig};

use super::error::StartError;
use super::store::{self, Store};
use crate::config::Serve;
use crate::metrics::{StoreMetrics, Timed};

/// The store, and the cache in front of it.
pub(super) struct Stored {
    pub(super) store: Store,
    pub(super) upstream: Arc<dyn Storage>,
    pub(super) cache: Arc<Cache>,
    /// The prefix of keys.
    pub(super) prefix: String,
}

impl Stored {
    /// Opens the store that options name.
    ///
    /// # Errors
    /// [`StartError`], if it cannot be read.
    pub(super) async fn open(options: &Serve, metrics: &StoreMetrics) -> Result<Self, StartError> {
        let (store, upstream) = store::open(options).await?;
        let prefix = store::key_prefix(&options.etcd.etcd_prefix);
        let root = format!("{prefix}/");
        let timed = Arc::new(Timed::new(upstream.clone(), &prefix, metrics.clone()));
        let cache = Cache::start(timed, &root, CacheConfig::default());
        let cache = cache
            .await
            .map_err(|e| StartError::option(store.option(), e))?;
        Ok(Self {
            store,
            upstream,
            cache: Arc::new(cache),
            prefix,
        })
    }
}
