//! The pods that a node may create, update, evict and delete.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use portcullis_api::Status;

use super::{NodeRestriction, Request};
use crate::Operation;
use crate::attributes::NODES;
use portcullis_api::references;

const MIRROR: &str = "kubernetes.io/config.mirror";

impl NodeRestriction {
    /// A node may create mirror pods, which represent its static pods, and delete pods bound to it.
    pub(super) async fn check_pod(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let node = request.node;
        match request.attributes.operation {
            Operation::Create => {
                let pod = request.attributes.pod()?;
                request.check_created_pod(pod)?;
                self.check_owner(request, pod).await?;
                request.check_references(pod)
            }
            Operation::Delete => {
                let pod = self.pod(request, request.attributes.name).await?;
                if request.is_on_node(&pod) {
                    return Ok(());
                }
                request.deny(&format!(
                    "node {node:?} can only delete pods with spec.nodeName set to itself"
                ))
            }
            operation => request.deny(&format!(
                "unexpected operation \"{operation}\", node {node:?} can only create and delete mirror pods"
            )),
        }
    }

    pub(super) async fn check_eviction(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let pod = self.pod(request, request.attributes.name).await?;
        if request.is_on_node(&pod) {
            return Ok(());
        }
        let node = request.node;
        request.deny(&format!(
            "node {node} can only evict pods with spec.nodeName set to itself"
        ))
    }

    /// The only owner of a mirror pod must be the current node, not an earlier one of the same
    /// name.
    async fn check_owner(&self, request: &Request<'_, '_>, pod: &Pod) -> Result<(), Status> {
        let node = request.node;
        let owner = match pod.metadata.owner_references.as_deref() {
            Some([owner]) => owner,
            None | Some([]) => {
                return request.deny(&format!(
                    "node {node:?} can only create pods with an owner reference set to itself"
                ));
            }
            Some(_) => {
                return request.deny(&format!(
                    "node {node:?} can only create pods with a single owner reference set to itself"
                ));
            }
        };
        request.check_owner_reference(owner)?;
        let found = self.nodes.get("", node).await?;
        let found = found.ok_or_else(|| Status::not_found(NODES, node))?;
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        if owner.uid == uid {
            return Ok(());
        }
        let claimed = &owner.uid;
        request.deny(&format!(
            "node {node} UID mismatch: expected {claimed} got {uid}"
        ))
    }
}

impl Request<'_, '_> {
    fn check_created_pod(&self, pod: &Pod) -> Result<(), Status> {
        let node = self.node;
        let annotations = pod.metadata.annotations.as_ref();
        if !annotations.is_some_and(|a| a.contains_key(MIRROR)) {
            return self.deny(&format!(
                "pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"
            ));
        }
        if !self.is_on_node(pod) {
            return self.deny(&format!(
                "node {node:?} can only create pods with spec.nodeName set to itself"
            ));
        }
        Ok(())
    }

    fn check_owner_reference(&self, owner: &OwnerReference) -> Result<(), Status> {
        let node = self.node;
        if owner.api_version != "v1" || owner.kind != "Node" || owner.name != node {
            return self.deny(&format!(
                "node {node:?} can only create pods with an owner reference set to itself"
            ));
        }
        if owner.controller != Some(true) {
            return self.deny(&format!(
                "node {node:?} can only create pods with a controller owner reference set to itself"
            ));
        }
        if owner.block_owner_deletion == Some(true) {
            return self.deny(&format!(
                "node {node:?} must not set blockOwnerDeletion on an owner reference"
            ));
        }
        Ok(())
    }

    /// A pod that references secrets and the like would give the node access to them.
    fn check_references(&self, pod: &Pod) -> Result<(), Status> {
        let Some(spec) = &pod.spec else { return Ok(()) };
        let account = spec.service_account_name.as_deref().unwrap_or_default();
        let claims = |spec: &PodSpec| {
            let mut volumes = spec.volumes.iter().flatten();
            volumes.any(|v| v.persistent_volume_claim.is_some())
        };
        for (refers, what) in [
            (!account.is_empty(), "a service account"),
            (references::secrets_of_pod(spec).next().is_some(), "secrets"),
            (
                references::config_maps_of_pod(spec).next().is_some(),
                "configmaps",
            ),
            (claims(spec), "persistentvolumeclaims"),
        ] {
            if refers {
                let node = self.node;
                return self.deny(&format!(
                    "node {node:?} can not create pods that reference {what}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn check_pod_status(&self) -> Result<(), Status> {
        let (node, operation) = (self.node, self.attributes.operation);
        if operation != Operation::Update {
            return self.deny(&format!("unexpected operation \"{operation}\""));
        }
        let (old, new) = (self.attributes.typed_old::<Pod>()?, self.attributes.pod()?);
        if !self.is_on_node(old) {
            return self.deny(&format!(
                "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
            ));
        }
        let labels = |pod: &Pod| pod.metadata.labels.clone().unwrap_or_default();
        if labels(old) != labels(new) {
            return self.deny(&format!(
                "node {node:?} cannot update labels through pod status"
            ));
        }
        Ok(())
    }
}
