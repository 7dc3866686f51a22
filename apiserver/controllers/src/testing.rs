//! A registry for tests of controllers.

mod contested;

use std::path::Path;
use std::sync::Arc;

use portcullis_admission::{Lookups, Selection};
use portcullis_api::{Object, Status};
use portcullis_rbac::AlwaysAllow;
use portcullis_storage::Storage;
use portcullis_storage::embedded::EmbeddedStorage;

pub(crate) use self::contested::Contested;
use crate::edit::edit;
use portcullis_registry::permissions::AuthorizersPermissions;
use portcullis_registry::ranges::ServiceRanges;
use portcullis_registry::{Guard, Registry, Scope, metadata};

struct Unguarded;

impl Guard for Unguarded {
    fn check(&self, _: &Scope<'_>, _: &dyn Object, _: Option<&dyn Object>) -> Result<(), Status> {
        Ok(())
    }
}

/// A registry over a store, without admission.
pub(crate) fn registry_over(storage: Arc<dyn Storage>) -> Registry {
    let permissions = Arc::new(AuthorizersPermissions(Arc::new(AlwaysAllow)));
    let by_default = Selection::from_flags::<&str>(&[], &[]).unwrap();
    let nothing = Selection::from_flags(&[], &by_default.names()).unwrap();
    let admission = nothing.build(&Lookups::nothing(permissions, metadata::generate_name));
    let network = "10.0.0.0/24".parse().unwrap();
    let ports = "30000-32767".parse().unwrap();
    let ranges = ServiceRanges::new(&storage, "/registry", network, ports).unwrap();
    Registry::new(
        storage,
        "/registry",
        admission,
        Box::new(Unguarded),
        ranges,
        Arc::default(),
    )
}

/// A registry over a store in a directory.
pub(crate) fn registry(dir: &Path) -> Registry {
    registry_over(Arc::new(EmbeddedStorage::open(&dir.join("store")).unwrap()))
}

/// Creates an object as a client would.
pub(crate) async fn create(registry: &Registry, scope: &Scope<'_>, object: impl Object) {
    let mut object: Box<dyn Object> = Box::new(object);
    scope.resource.strategy.default(object.as_mut());
    registry.create(scope, object).await.unwrap();
}

/// Writes the status of an object.
pub(crate) async fn status<K: Object>(
    registry: &Registry,
    scope: &Scope<'_>,
    change: impl Fn(&mut K) + Send + Sync,
) {
    let scope = Scope {
        subresource: "status",
        ..*scope
    };
    edit(registry, &scope, change).await.unwrap();
}
