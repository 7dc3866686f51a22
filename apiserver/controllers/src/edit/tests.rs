//! What becomes of changes that others always come before: they end, after so many attempts.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::errors::{ATTEMPTS_MAX, MODIFIED};

use super::edit;
use crate::testing::{self, Contested};

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
    let store = Arc::new(Contested::open(dir.path()));
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

    store.contest();
    let lost = |outcome: Result<(), Status>| (store.take_lost(), outcome.unwrap_err().message);
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
