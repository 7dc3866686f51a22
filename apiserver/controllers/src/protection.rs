//! Protects claims and volumes that are in use.
//!
//! The finalizers that admission adds are removed when they are not used any more
//! (upstream: `pkg/controller/volume/{pvcprotection,pvprotection}`).

pub mod claims;
pub mod volumes;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Object, Status};

use crate::edit::edit_any;
use portcullis_registry::{Registry, Scope};

/// How many are processed concurrently.
const AT_ONCE: usize = 16;

fn is_protected(meta: &ObjectMeta, finalizer: &str) -> bool {
    meta.finalizers.iter().flatten().any(|f| f == finalizer)
}

/// Whether there may be something to do: a deleted object may no longer need its protection, and any other
/// should have it.
fn is_wrong(meta: &ObjectMeta, finalizer: &str) -> bool {
    meta.deletion_timestamp.is_some() == is_protected(meta, finalizer)
}

/// Adds or removes a finalizer, if the object has not changed since it was read.
async fn protect(
    registry: &Registry,
    scope: &Scope<'_>,
    finalizer: &str,
    seen: &ObjectMeta,
    protect: bool,
) -> Result<(), Status> {
    let version = seen.resource_version.clone();
    let edit = |object: &mut dyn Object| {
        let meta = object.metadata_mut();
        meta.resource_version.clone_from(&version);
        let finalizers = meta.finalizers.get_or_insert_default();
        finalizers.retain(|f| f != finalizer);
        if protect {
            finalizers.push(finalizer.to_owned());
        }
        Ok(())
    };
    edit_any(registry, scope, edit).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: &str = "kubernetes.io/pvc-protection";

    #[test]
    fn protection_is_wrong_on_deleted_objects_and_required_on_others() {
        let mut meta = ObjectMeta::default();
        assert!(is_wrong(&meta, CLAIMS));
        meta.finalizers = Some(vec![CLAIMS.to_owned()]);
        assert!(!is_wrong(&meta, CLAIMS));
        meta.deletion_timestamp = Some(portcullis_kinds::time::now());
        assert!(is_wrong(&meta, CLAIMS));
        meta.finalizers = None;
        assert!(!is_wrong(&meta, CLAIMS));
    }
}
