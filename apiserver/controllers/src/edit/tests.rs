//! What becomes of changes that others always come before: they end, after so many attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::errors::{ATTEMPTS_MAX, MODIFIED};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{
    Entry, Error, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};

use super::edit;
use crate::testing;

/// A store in which, once it is contested, every write of something that is there comes too late.
struct Contested {
    inner: EmbeddedStorage,
    contested: AtomicBool,
    lost: AtomicUsize,
}

impl Contested {
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

fn service() -> Service {
    let port = ServicePort {
        port: 80,
        ..ServicePort::default()
    };
    Service {
        spec: Some(ServiceSpec {
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("default".to_owned()),
        ..ObjectMeta::default()
    }
}

#[tokio::test]
async fn a_change_that_always_comes_too_late_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Contested {
        inner: EmbeddedStorage::open(&dir.path().join("store")).unwrap(),
        contested: AtomicBool::new(false),
        lost: AtomicUsize::new(0),
    });
    let registry = testing::registry_over(store.clone());
    let user = UserInfo::default();
    let map = Scope::all(table::CONFIG_MAPS, &user).named("default", "m");
    let object = ConfigMap {
        metadata: named("m"),
        ..ConfigMap::default()
    };
    testing::create(&registry, &map, object).await;
    let services = Scope::all(table::SERVICES, &user);
    let create_service = async |name: &str| {
        let scope = services.named("default", name);
        let mut object = Box::new(Service {
            metadata: named(name),
            ..service()
        });
        scope.resource.strategy.default(object.as_mut());
        registry.create(&scope, object).await.map(drop)
    };
    create_service("first").await.unwrap();

    store.contested.store(true, Ordering::Relaxed);
    let lost = |outcome: std::result::Result<(), Status>| {
        let attempts = store.lost.swap(0, Ordering::Relaxed);
        (attempts, outcome.unwrap_err().message)
    };
    let edited = edit::<ConfigMap>(&registry, &map, |map| map.immutable = Some(true)).await;
    let (attempts, why) = lost(edited.map(drop));
    assert_eq!(attempts, ATTEMPTS_MAX);
    assert!(why.ends_with(MODIFIED), "{why}");
    let deleted = registry.delete(&map, &DeleteOptions::default()).await;
    let (attempts, why) = lost(deleted.map(drop));
    assert_eq!(attempts, ATTEMPTS_MAX);
    assert!(why.ends_with(MODIFIED), "{why}");
    // its address comes from a set that others change as well
    let (attempts, why) = lost(create_service("second").await);
    assert_eq!(attempts, ATTEMPTS_MAX);
    assert!(why.contains("changed concurrently every time"), "{why}");
}
