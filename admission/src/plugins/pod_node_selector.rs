//! `PodNodeSelector`: pods run only on the nodes that an annotation of their namespace selects.
//!
//! Upstream: `plugin/pkg/admission/podnodeselector/admission.go`, without its configuration file,
//! with a default selector and an allowlist of labels per namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::{GroupResource, Status, name};

use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, ValidatingPlugin};

const ANNOTATION: &str = "scheduler.alpha.kubernetes.io/node-selector";
const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};

type Labels = BTreeMap<String, String>;

pub(crate) struct PodNodeSelector(Arc<dyn Lookup<Namespace>>);

impl PodNodeSelector {
    pub(crate) fn new(namespaces: &Arc<dyn Lookup<Namespace>>) -> Self {
        Self(Arc::clone(namespaces))
    }

    /// The selector of the request's namespace; denies a pod whose own selector conflicts with it.
    async fn selector(&self, attributes: &Attributes<'_>) -> Result<Labels, Status> {
        let name = attributes.namespace;
        let namespace = match self.0.get("", name) {
            Some(namespace) => Some(namespace),
            None => self.0.get_live("", name).await?,
        };
        let namespace = namespace.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        let annotations = namespace.metadata.annotations.as_ref();
        let text = annotations.and_then(|a| a.get(ANNOTATION));
        let selector = parse(text.map_or("", String::as_str)).map_err(Status::internal)?;
        let spec = attributes.pod()?.spec.as_ref();
        let own = spec.and_then(|s| s.node_selector.as_ref());
        let mut own = own.into_iter().flatten();
        if own.any(|(key, value)| selector.get(key).is_some_and(|wanted| wanted != value)) {
            let why = "pod node label selector conflicts with its namespace node label selector";
            return Err(attributes.forbidden(why));
        }
        Ok(selector)
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
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for PodNodeSelector {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.is_pods() {
            self.selector(attributes).await?;
        }
        Ok(())
    }
}

/// `a=b,c=d` (upstream: `labels.ConvertSelectorToLabelsMap`).
fn parse(text: &str) -> Result<Labels, String> {
    let mut labels = Labels::new();
    if text.is_empty() {
        return Ok(labels);
    }
    for label in text.split(',') {
        let parts: Vec<_> = label.split('=').collect();
        let [key, value] = parts.as_slice() else {
            return Err(format!("invalid selector: [{}]", parts.join(" ")));
        };
        let (key, value) = (key.trim(), value.trim());
        let errors = [name::qualified_name(key), name::label_value(value)].concat();
        if !errors.is_empty() {
            return Err(format!("invalid selector {label:?}: {}", errors.join("; ")));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}
