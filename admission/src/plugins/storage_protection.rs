//! `StorageObjectInUseProtection`: adds finalizers that keep volumes and claims while they are in
//! use.
//!
//! Upstream: `plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go`.

use async_trait::async_trait;
use portcullis_api::{Object, Status};

use crate::{Attributes, MutatingPlugin};

#[derive(Debug)]
pub(crate) struct StorageObjectInUseProtection;

#[async_trait]
impl MutatingPlugin for StorageObjectInUseProtection {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let finalizer = match (attributes.resource.group, attributes.resource.resource) {
            ("", "persistentvolumes") => "kubernetes.io/pv-protection",
            ("", "persistentvolumeclaims") => "kubernetes.io/pvc-protection",
            _ => return Ok(()),
        };
        let object = attributes.object.as_deref_mut();
        let object = object.filter(|_| attributes.subresource.is_empty());
        if let Some(metadata) = object.map(Object::metadata_mut) {
            let finalizers = metadata.finalizers.get_or_insert_default();
            if !finalizers.iter().any(|f| f == finalizer) {
                finalizers.push(finalizer.to_owned());
            }
        }
        Ok(())
    }
}
