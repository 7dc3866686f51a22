//! The common fields of containers and ephemeral containers, which are two types.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EphemeralContainer, Lifecycle, PodSpec, Probe,
    ResourceRequirements, SecurityContext,
};

/// The fields of a container that defaulting and preparing change.
pub(super) struct Parts<'a> {
    pub(super) name: &'a str,
    pub(super) image: Option<&'a str>,
    pub(super) image_pull_policy: &'a mut Option<String>,
    pub(super) termination_message_path: &'a mut Option<String>,
    pub(super) termination_message_policy: &'a mut Option<String>,
    pub(super) ports: &'a mut Option<Vec<ContainerPort>>,
    pub(super) env: &'a mut Option<Vec<EnvVar>>,
    pub(super) resources: &'a mut Option<ResourceRequirements>,
    pub(super) probes: [&'a mut Option<Probe>; 3],
    pub(super) lifecycle: &'a mut Option<Lifecycle>,
    pub(super) security_context: &'a mut Option<SecurityContext>,
}

macro_rules! parts_of {
    ($($t:ty),*) => {$(
        impl<'a> From<&'a mut $t> for Parts<'a> {
            fn from(container: &'a mut $t) -> Self {
                Self {
                    name: &container.name,
                    image: container.image.as_deref(),
                    image_pull_policy: &mut container.image_pull_policy,
                    termination_message_path: &mut container.termination_message_path,
                    termination_message_policy: &mut container.termination_message_policy,
                    ports: &mut container.ports,
                    env: &mut container.env,
                    resources: &mut container.resources,
                    probes: [
                        &mut container.liveness_probe,
                        &mut container.readiness_probe,
                        &mut container.startup_probe,
                    ],
                    lifecycle: &mut container.lifecycle,
                    security_context: &mut container.security_context,
                }
            }
        }
    )*};
}
parts_of!(Container, EphemeralContainer);

/// All containers of a pod, of every kind.
pub(super) fn all_containers(spec: &mut PodSpec) -> impl Iterator<Item = Parts<'_>> {
    let init = spec.init_containers.iter_mut().flatten().map(Parts::from);
    let main = spec.containers.iter_mut().map(Parts::from);
    let ephemeral = spec.ephemeral_containers.iter_mut().flatten();
    init.chain(main).chain(ephemeral.map(Parts::from))
}
