//! `NodeRestriction`: a kubelet, identified by its user name and group, may write only its own node
//! and the pods bound to it.
//!
//! Upstream: `plugin/pkg/admission/noderestriction/admission.go`.

mod claims;
mod nodes;
mod pods;

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Node, Pod};
use portcullis_api::Status;

use crate::attributes::PODS;
use crate::lookup::Stored;
use crate::{Attributes, MutatingPlugin, Operation};

const LEASE_NAMESPACE: &str = "kube-node-lease";

pub(crate) struct NodeRestriction {
    pods: Arc<dyn Stored<Pod>>,
    nodes: Arc<dyn Stored<Node>>,
}

/// A request sent by a node.
struct Request<'r, 'a> {
    node: &'r str,
    attributes: &'r Attributes<'a>,
}

impl NodeRestriction {
    pub(crate) fn new(pods: &Arc<dyn Stored<Pod>>, nodes: &Arc<dyn Stored<Node>>) -> Self {
        Self {
            pods: Arc::clone(pods),
            nodes: Arc::clone(nodes),
        }
    }

    async fn check(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let attributes = request.attributes;
        let (resource, subresource) = (attributes.resource, attributes.subresource);
        match (resource.group, resource.resource) {
            ("", "pods") => match subresource {
                "" => self.check_pod(request).await,
                "status" => request.check_pod_status(),
                "eviction" => self.check_eviction(request).await,
                other => request.deny(&format!(
                    "unexpected pod subresource {other:?}, only 'status' and 'eviction' are allowed"
                )),
            },
            ("", "nodes") => request.check_node(),
            ("", "persistentvolumeclaims") => match subresource {
                "status" => request.check_claim_status(),
                _ => request.deny("may only update PVC status"),
            },
            ("", "serviceaccounts") => self.check_token(request).await,
            ("coordination.k8s.io", "leases") => request.check_lease(),
            ("storage.k8s.io", "csinodes") => request
                .check_name("can only access CSINode with the same name as the requesting node"),
            _ => Ok(()),
        }
    }

    /// A node may request a token of a service account only for a pod that is bound to the node.
    async fn check_token(&self, request: &Request<'_, '_>) -> Result<(), Status> {
        let attributes = request.attributes;
        if attributes.operation != Operation::Create || attributes.subresource != "token" {
            return Ok(());
        }
        let token: &TokenRequest = attributes.typed()?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let spec = token.spec.as_ref();
        let bound = spec
            .and_then(|s| s.bound_object_ref.as_ref())
            .filter(|bound| {
                text(&bound.api_version) == "v1"
                    && text(&bound.kind) == "Pod"
                    && !text(&bound.name).is_empty()
            });
        let Some(bound) = bound else {
            return request.deny("node requested token not bound to a pod");
        };
        let uid = text(&bound.uid);
        if uid.is_empty() {
            return request.deny("node requested token with a pod binding without a uid");
        }
        let pod = self.pod(request, &text(&bound.name)).await?;
        if pod.metadata.uid.as_deref() != Some(&uid) {
            return request.deny(&format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            ));
        }
        if !request.is_on_node(&pod) {
            return request
                .deny("node requested token bound to a pod scheduled on a different node");
        }
        Ok(())
    }

    /// A pod of the request's namespace.
    async fn pod(&self, request: &Request<'_, '_>, name: &str) -> Result<Arc<Pod>, Status> {
        let found = self.pods.get(request.attributes.namespace, name).await?;
        found.ok_or_else(|| Status::not_found(PODS, name))
    }
}

#[async_trait]
impl MutatingPlugin for NodeRestriction {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let Some(node) = attributes.user.node() else {
            return Ok(());
        };
        let request = Request { node, attributes };
        if node.is_empty() {
            let user = &attributes.user.name;
            return request.deny(&format!("could not determine node from user {user:?}"));
        }
        self.check(&request).await
    }
}

impl Request<'_, '_> {
    fn deny(&self, why: &str) -> Result<(), Status> {
        Err(self.attributes.forbidden(why))
    }

    fn is_on_node(&self, pod: &Pod) -> bool {
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref());
        node == Some(self.node)
    }

    fn check_lease(&self) -> Result<(), Status> {
        if self.attributes.namespace != LEASE_NAMESPACE {
            return self.deny(&format!(
                "can only access leases in the {LEASE_NAMESPACE:?} system namespace"
            ));
        }
        self.check_name("can only access node lease with the same name as the requesting node")
    }

    /// Denies objects that are not named after the node.
    fn check_name(&self, why: &str) -> Result<(), Status> {
        let object = self.attributes.object.as_deref();
        let name = match self.attributes.operation {
            Operation::Create => object.and_then(|o| o.metadata().name.as_deref()),
            _ => Some(self.attributes.name),
        };
        if name == Some(self.node) {
            Ok(())
        } else {
            self.deny(why)
        }
    }
}
