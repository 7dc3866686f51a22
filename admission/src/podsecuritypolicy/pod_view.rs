//! A pod in the form that policies read: containers of all kinds alike, which inherit from the pod.
//!
//! Upstream: `pkg/securitycontext/accessors.go`, whose "effective" accessors this follows.

use std::borrow::Cow;
use std::sync::LazyLock;

use k8s_openapi::api::core::v1::{
    ContainerPort, Pod, PodSecurityContext, PodSpec, SELinuxOptions, SecurityContext, VolumeMount,
};
use portcullis_api::Path;

use super::profiles::{
    APP_ARMOR_CONTAINER, SECCOMP_CONTAINER, SECCOMP_POD, annotation, app_armor,
    container_annotation, seccomp,
};

static NO_SPEC: LazyLock<PodSpec> = LazyLock::new(PodSpec::default);
static NO_POD_CONTEXT: LazyLock<PodSecurityContext> = LazyLock::new(PodSecurityContext::default);
static NO_CONTEXT: LazyLock<SecurityContext> = LazyLock::new(SecurityContext::default);

/// A pod, with its containers in the order in which policies check them: init containers,
/// containers, ephemeral containers.
#[derive(Debug)]
pub(super) struct PodView<'p> {
    pub(super) spec: &'p PodSpec,
    pub(super) context: &'p PodSecurityContext,
    pub(super) seccomp: Option<Cow<'p, str>>,
    /// Whether it is set in the annotation, not only in the field.
    pub(super) has_seccomp_annotation: bool,
    pub(super) containers: Vec<ContainerView<'p>>,
}

/// A container of any of the three lists.
#[derive(Debug)]
pub(super) struct ContainerView<'p> {
    list: &'static str,
    index: usize,
    pub(super) name: &'p str,
    pub(super) context: &'p SecurityContext,
    pod_context: &'p PodSecurityContext,
    /// Its own profile; if unset, the pod's applies.
    pub(super) seccomp: Option<Cow<'p, str>>,
    pub(super) app_armor: Option<Cow<'p, str>>,
    pub(super) ports: &'p [ContainerPort],
    pub(super) volume_mounts: &'p [VolumeMount],
}

// === impl PodView ===

impl<'p> PodView<'p> {
    pub(super) fn new(pod: &'p Pod) -> Self {
        let spec = pod.spec.as_ref().unwrap_or(&NO_SPEC);
        let pod_context = spec.security_context.as_ref().unwrap_or(&NO_POD_CONTEXT);
        let annotations = pod.metadata.annotations.as_ref();
        let mut containers = Vec::with_capacity(spec.containers.len() + 1);
        macro_rules! view {
            ($list:literal, $containers:expr) => {
                for (index, c) in $containers.enumerate() {
                    let context = c.security_context.as_ref().unwrap_or(&NO_CONTEXT);
                    let own = |prefix| container_annotation(annotations, prefix, &c.name);
                    let app_armor_field = context.app_armor_profile.as_ref();
                    let app_armor_field =
                        app_armor_field.or(pod_context.app_armor_profile.as_ref());
                    containers.push(ContainerView {
                        list: $list,
                        index,
                        name: &c.name,
                        context,
                        pod_context,
                        seccomp: seccomp(own(SECCOMP_CONTAINER), context.seccomp_profile.as_ref()),
                        app_armor: app_armor(own(APP_ARMOR_CONTAINER), app_armor_field),
                        ports: c.ports.as_deref().unwrap_or_default(),
                        volume_mounts: c.volume_mounts.as_deref().unwrap_or_default(),
                    });
                }
            };
        }
        view!("initContainers", spec.init_containers.iter().flatten());
        view!("containers", spec.containers.iter());
        view!(
            "ephemeralContainers",
            spec.ephemeral_containers.iter().flatten()
        );
        let annotated = annotation(annotations, SECCOMP_POD).filter(|profile| !profile.is_empty());
        Self {
            spec,
            context: pod_context,
            has_seccomp_annotation: annotated.is_some(),
            seccomp: seccomp(annotated, pod_context.seccomp_profile.as_ref()),
            containers,
        }
    }
}

// === impl ContainerView ===

impl<'p> ContainerView<'p> {
    pub(super) fn path(&self) -> Path {
        Path::new("spec").child(self.list).index(self.index)
    }

    pub(super) fn context_path(&self) -> Path {
        self.path().child("securityContext")
    }

    pub(super) fn run_as_user(&self) -> Option<i64> {
        self.context.run_as_user.or(self.pod_context.run_as_user)
    }

    pub(super) fn run_as_group(&self) -> Option<i64> {
        self.context.run_as_group.or(self.pod_context.run_as_group)
    }

    pub(super) fn run_as_non_root(&self) -> Option<bool> {
        let of_pod = self.pod_context.run_as_non_root;
        self.context.run_as_non_root.or(of_pod)
    }

    pub(super) fn se_linux_options(&self) -> Option<&'p SELinuxOptions> {
        let of_pod = self.pod_context.se_linux_options.as_ref();
        self.context.se_linux_options.as_ref().or(of_pod)
    }

    pub(super) fn proc_mount(&self) -> &'p str {
        self.context.proc_mount.as_deref().unwrap_or("Default")
    }
}
