//! `LimitRanger`: sets the default requests and limits of a namespace, and enforces its bounds.
//!
//! Upstream: `plugin/pkg/admission/limitranger/admission.go`.

mod constraints;
mod defaults;

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod};
use portcullis_api::{Object, Status};

use crate::attributes::CLAIMS;
use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation, ValidatingPlugin};

pub(crate) struct LimitRanger {
    ranges: Arc<dyn Lookup<LimitRange>>,
}

impl LimitRanger {
    pub(crate) fn new(ranges: &Arc<dyn Lookup<LimitRange>>) -> Self {
        Self {
            ranges: Arc::clone(ranges),
        }
    }
}

#[async_trait]
impl MutatingPlugin for LimitRanger {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if attributes.is_pods() {
            for range in self.ranges.list(attributes.namespace) {
                defaults::set_defaults(attributes.pod_mut()?, items(&range));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for LimitRanger {
    /// Resources of containers are immutable, so pods are checked only when they are created.
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let creates = attributes.operation == Operation::Create;
        let is_pod = attributes.is_pods() && creates;
        let is_claim = attributes.resource == CLAIMS && attributes.subresource.is_empty();
        let old = attributes.old_object.map(Object::metadata);
        let is_terminating = old.is_some_and(|old| old.deletion_timestamp.is_some());
        if is_terminating || !is_pod && !is_claim {
            return Ok(());
        }
        for range in self.ranges.list(attributes.namespace) {
            let errors = if is_pod {
                constraints::of_pod(attributes.typed::<Pod>()?, items(&range))
            } else {
                let claim = attributes.typed::<PersistentVolumeClaim>()?;
                constraints::of_claim(claim, items(&range))
            };
            if !errors.is_empty() {
                return Err(attributes.forbidden(&aggregate(errors)));
            }
        }
        Ok(())
    }
}

fn items(range: &LimitRange) -> &[LimitRangeItem] {
    let spec = range.spec.as_ref();
    spec.map(|s| s.limits.as_slice()).unwrap_or_default()
}

/// Formats errors as upstream's `utilerrors.Aggregate` does: deduplicated, and in brackets if there
/// are several.
fn aggregate(errors: Vec<String>) -> String {
    let mut texts: Vec<String> = Vec::with_capacity(errors.len());
    for error in errors {
        if !texts.contains(&error) {
            texts.push(error);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}
