//! The store, from its options.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_storage::Storage;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::{self, EmbeddedStorage, Survives};
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage, EtcdTls};

use crate::config::{Etcd, Serve};
use crate::health::Health;
use crate::metrics::{StoreMetrics, Timed};
use crate::outbound::https::HttpsError;
use crate::outbound::url::has_credentials;
use crate::start::StartError;

/// The store behind the cache.
pub enum Store {
    /// In the data directory, or in memory.
    Embedded(Arc<EmbeddedStorage>),
    /// etcd, possibly shared with other servers.
    Etcd,
}

impl Store {
    /// The option that names its location.
    pub const fn option(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "--data-dir",
            Self::Etcd => "--etcd-servers",
        }
    }
}

/// The store that options name. What the registry reads and writes passes the cache, then [`Timed`], then the
/// backend: the embedded store or etcd.
pub(super) struct OpenStore {
    pub(super) store: Store,
    pub(super) backend: Arc<dyn Storage>,
    pub(super) cache: Arc<Cache>,
    /// The prefix of keys.
    pub(super) prefix: String,
}

impl OpenStore {
    /// Opens the store that options name.
    ///
    /// # Errors
    /// [`StartError`], if it cannot be read.
    pub(super) async fn open(options: &Serve, metrics: &StoreMetrics) -> Result<Self, StartError> {
        let (store, backend) = open(options).await?;
        let prefix = key_prefix(&options.etcd.etcd_prefix);
        let root = format!("{prefix}/");
        let timed = Arc::new(Timed::new(backend.clone(), &prefix, metrics.clone()));
        let cache = Cache::start(timed, &root, CacheConfig::default());
        let cache = cache
            .await
            .map_err(|e| StartError::option(store.option(), e))?;
        Ok(Self {
            store,
            backend,
            cache: Arc::new(cache),
            prefix,
        })
    }
}

/// Opens the backend.
///
/// # Errors
/// [`StartError`], after waiting for an etcd that does not respond.
async fn open(options: &Serve) -> Result<(Store, Arc<dyn Storage>), StartError> {
    let etcd = &options.etcd;
    if etcd.etcd_servers.is_empty() {
        let embedded = &options.embedded;
        if embedded.in_memory {
            let limits = embedded::HistoryLimits::default();
            let store = Arc::new(EmbeddedStorage::in_memory(limits));
            return Ok((Store::Embedded(store.clone()), store));
        }
        let dir = embedded.dir.clone();
        let dir = dir.unwrap_or_else(|| options.data_dir.join("store"));
        let how = embedded::Options {
            survives: match embedded.unsafe_no_fsync {
                true => Survives::Kill,
                false => Survives::PowerFailure,
            },
            ..embedded::Options::default()
        };
        let store = EmbeddedStorage::open_with(&dir, how)
            .map_err(|e| StartError::option("--data-dir", e))?;
        let store = Arc::new(store);
        return Ok((Store::Embedded(store.clone()), store));
    }
    let mut servers = etcd.etcd_servers.iter();
    if let Some(server) = servers.find(|server| has_credentials(server)) {
        let why = HttpsError::Credentials(server.clone());
        return Err(StartError::option("--etcd-servers", why));
    }
    let mut reach = EtcdOptions::new(etcd.etcd_servers.iter().cloned());
    reach.tls = tls(etcd)?;
    reach.startup_timeout = etcd.etcd_startup_timeout;
    let store = EtcdStorage::connect(&reach)
        .await
        .map_err(|e| StartError::option("--etcd-servers", e))?;
    Ok((Store::Etcd, Arc::new(store)))
}

fn tls(etcd: &Etcd) -> Result<Option<EtcdTls>, StartError> {
    let read = |option: &'static str, path: &Option<PathBuf>| {
        let read = path
            .as_ref()
            .map(|p| std::fs::read(p).map_err(|e| format!("{}: {e}", p.display())));
        read.transpose()
            .map_err(|why| StartError::option(option, why))
    };
    let ca = read("--etcd-cafile", &etcd.etcd_cafile)?;
    let certificate = read("--etcd-certfile", &etcd.etcd_certfile)?;
    let key = read("--etcd-keyfile", &etcd.etcd_keyfile)?;
    if ca.is_none() && certificate.is_none() {
        return Ok(None);
    }
    Ok(Some(EtcdTls {
        ca,
        identity: certificate.zip(key),
    }))
}

/// The checks of a server over a cache: whether the store behind it responds, and whether it accepts writes.
pub fn health(cache: &Arc<Cache>) -> Health {
    let (read, written) = (cache.clone(), cache.clone());
    Health::new(
        Box::new(move || {
            let cache = read.clone();
            Box::pin(async move { cache.health().await.map_err(|e| e.to_string()) })
        }),
        Box::new(move || {
            let cache = written.clone();
            Box::pin(async move { cache.writable().await.map_err(|e| e.to_string()) })
        }),
    )
}

/// The prefix of keys, without a slash at the end: a path below the root, with or without slashes (upstream:
/// `path.Join("/", prefix)` in `pkg/storage/etcd3/store.go`).
pub fn key_prefix(given: &str) -> String {
    let mut parts = Vec::new();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.iter().map(|part| format!("/{part}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prefix_is_a_path_below_the_root() {
        for (given, prefix) in [
            ("/registry", "/registry"),
            ("registry", "/registry"),
            ("/a//b/./c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("", ""),
            ("/", ""),
        ] {
            assert_eq!(key_prefix(given), prefix, "{given}");
        }
    }
}
