//! The cache: the suite over either store.

use std::sync::Arc;

use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;
use portcullis_storage::{Storage, conformance};

async fn over(upstream: Arc<dyn Storage>) -> Arc<Cache> {
    let started = Cache::start(upstream, "/registry/", CacheConfig::default()).await;
    Arc::new(started.expect("a cache"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_embedded() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStorage::open(dir.path()).unwrap());
    conformance::run(over(store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_etcd() {
    let server = EtcdServer::start();
    let options = EtcdOptions::new([server.endpoint()]);
    let store = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let cache = over(store).await;
    conformance::run(cache.clone()).await;
    println!("{:?}", cache.read_counts());
    cache.shutdown().await;
}
