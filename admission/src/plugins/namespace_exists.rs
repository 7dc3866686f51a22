//! `NamespaceExists`: denies requests in namespaces that do not exist.
//!
//! Upstream: `plugin/pkg/admission/namespace/exists/admission.go`; `NamespaceLifecycle` does more.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::{GroupResource, Status};

use crate::lookup::Lookup;
use crate::{Attributes, ValidatingPlugin};

const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};

pub(crate) struct NamespaceExists(Arc<dyn Lookup<Namespace>>);

impl NamespaceExists {
    pub(crate) fn new(namespaces: &Arc<dyn Lookup<Namespace>>) -> Self {
        Self(Arc::clone(namespaces))
    }
}

#[async_trait]
impl ValidatingPlugin for NamespaceExists {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let name = attributes.namespace;
        let is_namespace = attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace";
        if name.is_empty() || is_namespace || self.0.get("", name).is_some() {
            return Ok(());
        }
        match self.0.get_live("", name).await? {
            Some(_) => Ok(()),
            None => Err(Status::not_found(NAMESPACES, name)),
        }
    }
}
