//! The pods that a node may make, change and delete.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use portcullis_api::Status;

use super::{NodeRestriction, Request};
use crate::Operation;
use crate::attributes::NODES;
use crate::plugins::references;

const MIRROR: &str = "kubernetes.io/config.mirror";

impl NodeRestriction {
    /// A node makes mirror pods, which show what it runs on its own, and deletes what is bound to it.
    pub(super) async fn judge_pod(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let node = request.node;
        match request.attributes.operation {
            Operation::Create => {
                let pod = request.attributes.pod()?;
                request.judge_new_pod(pod)?;
                self.judge_owner(request, pod).await?;
                request.judge_references(pod)
            }
            Operation::Delete => {
                let pod = self.pod(request, request.attributes.name).await?;
                if request.is_here(&pod) {
                    return Ok(());
                }
                request.refuse(&format!(
                    "node {node:?} can only delete pods with spec.nodeName set to itself"
                ))
            }
            operation => request.refuse(&format!(
                "unexpected operation \"{operation}\", node {node:?} can only create and delete mirror pods"
            )),
        }
    }

    pub(super) async fn judge_eviction(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let pod = self.pod(request, request.attributes.name).await?;
        if request.is_here(&pod) {
            return Ok(());
        }
        let node = request.node;
        request.refuse(&format!(
            "node {node} can only evict pods with spec.nodeName set to itself"
        ))
    }

    /// The one owner of a mirror pod is the node as it is now, not one of that name before.
    async fn judge_owner(&self, request: &Request<'_, '_>, pod: &Pod) -> Result<(), Status> {
        let node = request.node;
        let owner = match pod.metadata.owner_references.as_deref() {
            Some([owner]) => owner,
            None | Some([]) => {
                return request.refuse(&format!(
                    "node {node:?} can only create pods with an owner reference set to itself"
                ));
            }
            Some(_) => {
                return request.refuse(&format!(
                    "node {node:?} can only create pods with a single owner reference set to itself"
                ));
            }
        };
        request.judge_owner_reference(owner)?;
        let found = self.nodes.get("", node).await?;
        let found = found.ok_or_else(|| Status::not_found(NODES, node))?;
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        if owner.uid == uid {
            return Ok(());
        }
        let claimed = &owner.uid;
        request.refuse(&format!(
            "node {node} UID mismatch: expected {claimed} got {uid}"
        ))
    }
}

impl Request<'_, '_> {
    fn judge_new_pod(&self, pod: &Pod) -> Result<(), Status> {
        let node = self.node;
        let annotations = pod.metadata.annotations.as_ref();
        if !annotations.is_some_and(|a| a.contains_key(MIRROR)) {
            return self.refuse(&format!(
                "pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"
            ));
        }
        if !self.is_here(pod) {
            return self.refuse(&format!(
                "node {node:?} can only create pods with spec.nodeName set to itself"
            ));
        }
        Ok(())
    }

    fn judge_owner_reference(&self, owner: &OwnerReference) -> Result<(), Status> {
        let node = self.node;
        if owner.api_version != "v1" || owner.kind != "Node" || owner.name != node {
            return self.refuse(&format!(
                "node {node:?} can only create pods with an owner reference set to itself"
            ));
        }
        if owner.controller != Some(true) {
            return self.refuse(&format!(
                "node {node:?} can only create pods with a controller owner reference set to itself"
            ));
        }
        if owner.block_owner_deletion == Some(true) {
            return self.refuse(&format!(
                "node {node:?} must not set blockOwnerDeletion on an owner reference"
            ));
        }
        Ok(())
    }

    /// Through a pod that names them a node could read what it may not.
    fn judge_references(&self, pod: &Pod) -> Result<(), Status> {
        let Some(spec) = &pod.spec else { return Ok(()) };
        let account = spec.service_account_name.as_deref().unwrap_or_default();
        let claims = |spec: &PodSpec| {
            let mut volumes = spec.volumes.iter().flatten();
            volumes.any(|v| v.persistent_volume_claim.is_some())
        };
        for (refers, what) in [
            (!account.is_empty(), "a service account"),
            (references::names_secrets(spec), "secrets"),
            (references::names_config_maps(spec), "configmaps"),
            (claims(spec), "persistentvolumeclaims"),
        ] {
            if refers {
                let node = self.node;
                return self.refuse(&format!(
                    "node {node:?} can not create pods that reference {what}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn judge_pod_status(&self) -> Result<(), Status> {
        let (node, operation) = (self.node, self.attributes.operation);
        if operation != Operation::Update {
            return self.refuse(&format!("unexpected operation \"{operation}\""));
        }
        let (old, new) = (self.attributes.typed_old::<Pod>()?, self.attributes.pod()?);
        if !self.is_here(old) {
            return self.refuse(&format!(
                "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
            ));
        }
        let labels = |pod: &Pod| pod.metadata.labels.clone().unwrap_or_default();
        if labels(old) != labels(new) {
            return self.refuse(&format!(
                "node {node:?} cannot update labels through pod status"
            ));
        }
        Ok(())
    }
}
