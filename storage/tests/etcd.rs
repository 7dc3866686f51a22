//! The store in etcd: the suite, and what happens when etcd goes away.

use std::sync::Arc;

use portcullis_storage::conformance;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;

async fn connect(server: &EtcdServer) -> Arc<EtcdStorage> {
    let options = EtcdOptions::new([server.endpoint()]);
    Arc::new(EtcdStorage::connect(&options).await.expect("to connect"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let server = EtcdServer::start();
    conformance::run(connect(&server).await).await;
}
