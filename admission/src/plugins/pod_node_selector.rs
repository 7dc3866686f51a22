//! `PodNodeSelector`: pods run only on the nodes that an annotation of their namespace selects.
//!
//! Upstream: `plugin/pkg/admission/podnodeselector/admission.go`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::{GroupResource, Status};

use crate::configuration::node_selectors::{Labels, NodeSelectors, parse};
use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, ValidatingPlugin};

const ANNOTATION: &str = "scheduler.alpha.kubernetes.io/node-selector";
const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};

pub(crate) struct PodNodeSelector {
    namespaces: Arc<dyn Lookup<Namespace>>,
    configured: NodeSelectors,
}

impl PodNodeSelector {
    pub(crate) fn new(namespaces: &Arc<dyn Lookup<Namespace>>, configured: &NodeSelectors) -> Self {
        Self {
            namespaces: Arc::clone(namespaces),
            configured: configured.clone(),
        }
    }

    /// The selector of the request's namespace; denies a pod whose own selector conflicts with it.
    async fn selector(&self, attributes: &Attributes<'_>) -> Result<Labels, Status> {
        let name = attributes.namespace;
        let namespace = match self.namespaces.get("", name) {
            Some(namespace) => Some(namespace),
            None => self.namespaces.get_live("", name).await?,
        };
        let namespace = namespace.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        let annotations = namespace.metadata.annotations.as_ref();
        let text = annotations.and_then(|a| a.get(ANNOTATION));
        let selector = match text {
            Some(text) => parse(text).map_err(Status::internal)?,
            None => self.configured.default_selector(),
        };
        let spec = attributes.pod()?.spec.as_ref();
        let own = spec.and_then(|s| s.node_selector.as_ref());
        let mut own = own.into_iter().flatten();
        if own.any(|(key, value)| selector.get(key).is_some_and(|wanted| wanted != value)) {
            let why = "pod node label selector conflicts with its namespace node label selector";
            return Err(attributes.forbidden(why));
        }
        Ok(selector)
    }

    /// Denies a pod that selects nodes by labels that its namespace may not select by.
    fn check_allowed(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(allowed) = self.configured.allowed(attributes.namespace) else {
            return Ok(());
        };
        let spec = attributes.pod()?.spec.as_ref();
        let own = spec.and_then(|s| s.node_selector.as_ref());
        let mut own = own.into_iter().flatten();
        if own.any(|(key, value)| allowed.get(key) != Some(value)) {
            let why = "pod node label selector labels conflict with its namespace whitelist";
            return Err(attributes.forbidden(why));
        }
        Ok(())
    }
}

#[async_trait]
impl MutatingPlugin for PodNodeSelector {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let selector = self.selector(attributes).await?;
        if !selector.is_empty() {
            let spec = attributes.pod_mut()?.spec.get_or_insert_default();
            let own = spec.node_selector.get_or_insert_default();
            own.extend(selector);
        }
        self.check_allowed(attributes)
    }
}

#[async_trait]
impl ValidatingPlugin for PodNodeSelector {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.is_pods() {
            self.selector(attributes).await?;
            self.check_allowed(attributes)?;
        }
        Ok(())
    }
}
