//! The embedded store: the suite, and what concerns its file.

use std::sync::Arc;

use portcullis_storage::conformance;
use portcullis_storage::embedded::EmbeddedStorage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStorage::open(dir.path()).unwrap();
    conformance::run(Arc::new(store)).await;
}
