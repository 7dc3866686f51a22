//! `Priority`: resolves a pod's priority class to its value, and allows only one default class.
//!
//! Upstream: `plugin/pkg/admission/priority/admission.go`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use portcullis_api::{GroupResource, Status};

use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation, ValidatingPlugin};

const CLASSES: GroupResource<'static> = GroupResource {
    group: "scheduling.k8s.io",
    resource: "priorityclasses",
};
const PREEMPT_LOWER: &str = "PreemptLowerPriority";
/// Classes that always exist; upstream creates objects of them at start.
const SYSTEM: [(&str, i32); 2] = [
    ("system-node-critical", 2_000_001_000),
    ("system-cluster-critical", 2_000_000_000),
];

pub(crate) struct Priority {
    classes: Arc<dyn Lookup<PriorityClass>>,
}

/// The priority of a pod, from its class or from the default.
struct Resolved {
    class: Option<String>,
    value: i32,
    preemption_policy: Option<String>,
}

// === impl Priority ===

impl Priority {
    pub(crate) fn new(classes: &Arc<dyn Lookup<PriorityClass>>) -> Self {
        Self {
            classes: Arc::clone(classes),
        }
    }

    /// The default class; of several, which is not supposed to happen, the one of the lowest value.
    fn default_class(&self) -> Option<Arc<PriorityClass>> {
        let all = self.classes.list("").into_iter();
        all.filter(|class| class.global_default.unwrap_or_default())
            .min_by_key(|class| class.value.unwrap_or_default())
    }

    async fn resolve(&self, class: &str) -> Result<Option<Resolved>, Status> {
        if class.is_empty() {
            return Ok(Some(match self.default_class() {
                Some(class) => Resolved::from(class.as_ref()),
                None => Resolved::default(),
            }));
        }
        if let Some(class) = self.classes.get("", class) {
            return Ok(Some(Resolved::from(class.as_ref())));
        }
        if let Some((name, value)) = SYSTEM.iter().find(|(name, _)| *name == class) {
            return Ok(Some(Resolved {
                class: Some((*name).to_owned()),
                value: *value,
                ..Resolved::default()
            }));
        }
        let live = self.classes.get_live("", class).await?;
        Ok(live.as_deref().map(Resolved::from))
    }

    async fn resolve_for(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let spec = attributes.pod()?.spec.as_ref();
        let class = spec.and_then(|s| s.priority_class_name.clone());
        let class = class.unwrap_or_default();
        let Some(resolved) = self.resolve(&class).await? else {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(attributes.forbidden(&why));
        };
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        resolved
            .apply(spec)
            .map_err(|why| attributes.forbidden(&why))
    }
}

#[async_trait]
impl MutatingPlugin for Priority {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        if attributes.operation == Operation::Create {
            return self.resolve_for(attributes).await;
        }
        let old = attributes.old_object.and_then(|old| old.as_kind::<Pod>());
        if let Some(old) = old.and_then(|old| old.spec.as_ref()) {
            keep_old(attributes.pod_mut()?.spec.get_or_insert_default(), old);
        }
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for Priority {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != CLASSES || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let class: &PriorityClass = attributes.typed()?;
        if !class.global_default.unwrap_or_default() {
            return Ok(());
        }
        let Some(other) = self.default_class() else {
            return Ok(());
        };
        let creates = attributes.operation == Operation::Create;
        if creates || other.metadata.name != class.metadata.name {
            let name = other.metadata.name.as_deref().unwrap_or_default();
            let why = format!(
                "PriorityClass {name} is already marked as default. Only one default can exist"
            );
            return Err(attributes.forbidden(&why));
        }
        Ok(())
    }
}

/// Keeps what this plugin set when the pod was created, where an update leaves it out.
fn keep_old(spec: &mut PodSpec, old: &PodSpec) {
    if spec.priority.is_none() {
        spec.priority = old.priority;
    }
    if spec.preemption_policy.is_none() {
        spec.preemption_policy.clone_from(&old.preemption_policy);
    }
}

// === impl Resolved ===

impl Default for Resolved {
    /// The priority without any class.
    fn default() -> Self {
        Self {
            class: None,
            value: 0,
            preemption_policy: Some(PREEMPT_LOWER.to_owned()),
        }
    }
}

impl From<&PriorityClass> for Resolved {
    fn from(class: &PriorityClass) -> Self {
        Self {
            class: class.metadata.name.clone(),
            value: class.value.unwrap_or_default(),
            preemption_policy: class.preemption_policy.clone(),
        }
    }
}

impl Resolved {
    fn apply(self, spec: &mut PodSpec) -> Result<(), String> {
        let value = self.value;
        if let Some(given) = spec.priority.filter(|given| *given != value) {
            return Err(format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
            ));
        }
        if let Some(policy) = self.preemption_policy {
            if let Some(given) = spec.preemption_policy.as_ref().filter(|p| **p != policy) {
                return Err(format!(
                    "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
                ));
            }
            spec.preemption_policy = Some(policy);
        }
        spec.priority = Some(value);
        if self.class.is_some() {
            spec.priority_class_name = self.class;
        }
        Ok(())
    }
}
