//! A pod or pod template, in the form that checks read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::api::core::v1::{
    ContainerPort, Lifecycle, Pod, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    SecurityContext,
};

static NO_SPEC: LazyLock<PodSpec> = LazyLock::new(PodSpec::default);
static NO_POD_CONTEXT: LazyLock<PodSecurityContext> = LazyLock::new(PodSecurityContext::default);
static NO_CONTEXT: LazyLock<SecurityContext> = LazyLock::new(SecurityContext::default);
static NO_ANNOTATIONS: BTreeMap<String, String> = BTreeMap::new();

/// A pod's annotations and spec.
#[derive(Debug)]
pub(super) struct PodLike<'p> {
    pub(super) annotations: &'p BTreeMap<String, String>,
    pub(super) spec: &'p PodSpec,
    pub(super) context: &'p PodSecurityContext,
    /// Init containers, containers, ephemeral containers.
    pub(super) containers: Vec<ContainerLike<'p>>,
}

/// A container of any of the three lists.
#[derive(Debug)]
pub(super) struct ContainerLike<'p> {
    pub(super) name: &'p str,
    pub(super) context: &'p SecurityContext,
    pub(super) ports: &'p [ContainerPort],
    pub(super) probes: [Option<&'p Probe>; 3],
    pub(super) lifecycle: Option<&'p Lifecycle>,
}

impl<'p> PodLike<'p> {
    pub(super) fn of(pod: &'p Pod) -> Self {
        Self::new(pod.metadata.annotations.as_ref(), pod.spec.as_ref())
    }

    pub(super) fn of_template(template: &'p PodTemplateSpec) -> Self {
        let metadata = template.metadata.as_ref();
        let annotations = metadata.and_then(|m| m.annotations.as_ref());
        Self::new(annotations, template.spec.as_ref())
    }

    fn new(annotations: Option<&'p BTreeMap<String, String>>, spec: Option<&'p PodSpec>) -> Self {
        let spec = spec.unwrap_or(&NO_SPEC);
        let mut containers = Vec::new();
        macro_rules! add {
            ($containers:expr) => {
                containers.extend($containers.map(|c| ContainerLike {
                    name: &c.name,
                    context: c.security_context.as_ref().unwrap_or(&NO_CONTEXT),
                    ports: c.ports.as_deref().unwrap_or_default(),
                    probes: [
                        c.liveness_probe.as_ref(),
                        c.readiness_probe.as_ref(),
                        c.startup_probe.as_ref(),
                    ],
                    lifecycle: c.lifecycle.as_ref(),
                }));
            };
        }
        add!(spec.init_containers.iter().flatten());
        add!(spec.containers.iter());
        add!(spec.ephemeral_containers.iter().flatten());
        Self {
            annotations: annotations.unwrap_or(&NO_ANNOTATIONS),
            spec,
            context: spec.security_context.as_ref().unwrap_or(&NO_POD_CONTEXT),
            containers,
        }
    }

    /// The names of the containers that satisfy a predicate.
    pub(super) fn names_where(&self, is: impl Fn(&ContainerLike<'p>) -> bool) -> Vec<&'p str> {
        let matching = self.containers.iter().filter(|container| is(container));
        matching.map(|container| container.name).collect()
    }

    pub(super) fn is_windows(&self) -> bool {
        self.spec.os.as_ref().is_some_and(|os| os.name == "windows")
    }

    /// Whether the pod runs in a user namespace, where its root is an unprivileged user of the
    /// node.
    pub(super) fn has_user_namespace(&self) -> bool {
        self.spec.host_users == Some(false)
    }
}
