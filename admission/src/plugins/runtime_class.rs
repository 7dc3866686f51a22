//! `RuntimeClass`: sets the overhead of pods and the nodes on which they can run.
//!
//! Upstream: `plugin/pkg/admission/runtimeclass/admission.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::node::v1::{RuntimeClass, Scheduling};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use portcullis_api::Status;
use portcullis_api::field_error::go_quote;
use portcullis_api::quantity;

use crate::lookup::Lookup;
use crate::plugins::tolerations;
use crate::{Attributes, MutatingPlugin, ValidatingPlugin};

const OVERHEAD_MISMATCH: &str =
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

type Amounts = BTreeMap<String, Quantity>;

pub(crate) struct RuntimeClasses {
    classes: Arc<dyn Lookup<RuntimeClass>>,
}

impl RuntimeClasses {
    pub(crate) fn new(classes: &Arc<dyn Lookup<RuntimeClass>>) -> Self {
        Self {
            classes: Arc::clone(classes),
        }
    }

    /// The class of a pod, if it names one.
    async fn class_of(
        &self,
        attributes: &Attributes<'_>,
    ) -> Result<Option<Arc<RuntimeClass>>, Status> {
        let spec = attributes.pod()?.spec.as_ref();
        let Some(name) = spec.and_then(|s| s.runtime_class_name.as_deref()) else {
            return Ok(None);
        };
        let class = match self.classes.get("", name) {
            Some(class) => Some(class),
            None => self.classes.get_live("", name).await?,
        };
        let Some(class) = class else {
            let why = format!("pod rejected: RuntimeClass {} not found", go_quote(name));
            return Err(attributes.forbidden(&why));
        };
        Ok(Some(class))
    }
}

#[async_trait]
impl MutatingPlugin for RuntimeClasses {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let Some(class) = self.class_of(attributes).await? else {
            return Ok(());
        };
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        let result = set_overhead(spec, overhead_of(Some(class.as_ref()))).and_then(|()| {
            class
                .scheduling
                .as_ref()
                .map_or(Ok(()), |s| schedule(spec, s))
        });
        result.map_err(|why| attributes.forbidden(&why))
    }
}

#[async_trait]
impl ValidatingPlugin for RuntimeClasses {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let class = self.class_of(attributes).await?;
        let spec = attributes.pod()?.spec.as_ref();
        let given = spec.and_then(|s| s.overhead.as_ref());
        match (overhead_of(class.as_deref()), given) {
            (Some(overhead), given) if !is_same(overhead, given) => {
                Err(attributes.forbidden(OVERHEAD_MISMATCH))
            }
            (None, Some(_)) => Err(attributes.forbidden(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
            )),
            _ => Ok(()),
        }
    }
}

fn overhead_of(class: Option<&RuntimeClass>) -> Option<&Amounts> {
    static NONE: Amounts = BTreeMap::new();
    let overhead = class?.overhead.as_ref()?;
    Some(overhead.pod_fixed.as_ref().unwrap_or(&NONE))
}

fn is_same(overhead: &Amounts, given: Option<&Amounts>) -> bool {
    let given: Vec<_> = given.into_iter().flatten().collect();
    given.len() == overhead.len()
        && overhead
            .iter()
            .zip(given)
            .all(|((name, amount), (other, given))| {
                let amounts = (
                    quantity::Quantity::parse(&amount.0),
                    quantity::Quantity::parse(&given.0),
                );
                name == other && matches!(amounts, (Ok(a), Ok(b)) if a == b)
            })
}

fn set_overhead(spec: &mut PodSpec, overhead: Option<&Amounts>) -> Result<(), String> {
    let Some(overhead) = overhead else {
        return Ok(());
    };
    if spec.overhead.is_some() && !is_same(overhead, spec.overhead.as_ref()) {
        return Err(OVERHEAD_MISMATCH.to_owned());
    }
    spec.overhead = Some(overhead.clone());
    Ok(())
}

fn schedule(spec: &mut PodSpec, scheduling: &Scheduling) -> Result<(), String> {
    for (key, wanted) in scheduling.node_selector.iter().flatten() {
        let selector = spec.node_selector.get_or_insert_default();
        let given = selector
            .entry(key.clone())
            .or_insert_with(|| wanted.clone());
        if given != wanted {
            return Err(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {given}"
            ));
        }
    }
    let tolerations = scheduling.tolerations.as_deref();
    tolerations::merge(spec, tolerations.unwrap_or_default());
    Ok(())
}
