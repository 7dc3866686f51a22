//! `LimitRanger`: containers get what their namespace gives by default, and stay within its bounds.
//!
//! Upstream: `plugin/pkg/admission/limitranger/admission.go`.

mod constraints;
mod defaults;

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod};
use portcullis_api::{GroupResource, Object, Status};

use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation, ValidatingPlugin};

const NAME: &str = "LimitRanger";
const CLAIMS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "persistentvolumeclaims",
};

/// The plugin.
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
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if attributes.is_of_pods() {
            for range in self.ranges.list(attributes.namespace) {
                defaults::fill(attributes.pod_mut()?, items(&range));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for LimitRanger {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    /// Containers cannot change, so pods are judged at their creation only.
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let creates = attributes.operation == Operation::Create;
        let is_pod = attributes.is_of_pods() && creates;
        let is_claim = attributes.resource == CLAIMS && attributes.subresource.is_empty();
        let old = attributes.old_object.map(Object::metadata);
        let is_going = old.is_some_and(|old| old.deletion_timestamp.is_some());
        if is_going || !is_pod && !is_claim {
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

/// As Go's error aggregates print: one alone is itself, several stand in brackets, each once.
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
