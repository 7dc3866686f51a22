//! `PersistentVolumeClaimResize`: a claim may be resized only if its storage class allows
//! expansion.
//!
//! Upstream: `plugin/pkg/admission/storage/persistentvolume/resize/admission.go`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use portcullis_api::quantity::Quantity;
use portcullis_api::{Object, Status};

use crate::amounts::read;
use crate::attributes::CLAIMS;
use crate::claims::class_of_claim;
use crate::lookup::Lookup;
use crate::{Attributes, ValidatingPlugin};

pub(crate) struct ClaimResize(Arc<dyn Lookup<StorageClass>>);

impl ClaimResize {
    pub(crate) fn new(classes: &Arc<dyn Lookup<StorageClass>>) -> Self {
        Self(Arc::clone(classes))
    }

    /// Whether the claim keeps its class, and that class allows expansion.
    fn may_grow(&self, claim: &PersistentVolumeClaim, old: &PersistentVolumeClaim) -> bool {
        let (class, before) = (class_of_claim(claim), class_of_claim(old));
        if class.is_empty() || class != before {
            return false;
        }
        let class = self.0.get("", class);
        class.is_some_and(|class| class.allow_volume_expansion == Some(true))
    }
}

#[async_trait]
impl ValidatingPlugin for ClaimResize {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != CLAIMS || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let claim: &PersistentVolumeClaim = attributes.typed()?;
        let old = attributes.old_object.and_then(<dyn Object>::as_kind);
        let Some(old) = old.filter(|old| size(claim) > size(old)) else {
            return Ok(());
        };
        let phase = old.status.as_ref().and_then(|s| s.phase.as_deref());
        if phase != Some("Bound") {
            let why = "Only bound persistent volume claims can be expanded";
            return Err(attributes.forbidden(why));
        }
        if !self.may_grow(claim, old) {
            let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
            return Err(attributes.forbidden(why));
        }
        Ok(())
    }
}

fn size(claim: &PersistentVolumeClaim) -> Quantity {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    let requests = read(resources.and_then(|r| r.requests.as_ref()));
    requests.get("storage").copied().unwrap_or(Quantity::ZERO)
}
