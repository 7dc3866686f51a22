//! The status of a claim, of which a node may report the size after resizing its volume.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use portcullis_api::Status;

use super::Request;
use crate::Operation;

impl Request<'_, '_> {
    pub(super) fn check_claim_status(&self) -> Result<(), Status> {
        let (node, operation) = (self.node, self.attributes.operation);
        if operation != Operation::Update {
            return self.deny(&format!("unexpected operation \"{operation}\""));
        }
        let (old, new) = (self.attributes.typed_old()?, self.attributes.typed()?);
        if without_size(old) == without_size(new) {
            return Ok(());
        }
        self.deny(&format!(
            "node {node:?} is not allowed to update fields other than status.capacity and status.conditions"
        ))
    }
}

fn without_size(claim: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut claim = claim.clone();
    claim.metadata.resource_version = None;
    claim.metadata.managed_fields = None;
    let status = claim.status.get_or_insert_default();
    status.capacity = None;
    status.conditions = None;
    claim
}
