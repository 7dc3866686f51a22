//! The defaults that a policy sets in a pod. They are kept apart from the pod until a policy is
//! chosen, so that trying a policy does not copy the pod.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Pod, PodSecurityContext, SELinuxOptions, SecurityContext,
};

use super::compiled::CompiledPolicy;
use super::pod_view::{ContainerView, PodView};
use super::profiles::{APP_ARMOR_CONTAINER, SECCOMP_POD};

/// The defaults of a policy for one pod.
#[derive(Debug)]
pub(super) struct PodDefaults<'c> {
    pub(super) supplemental_group: Option<i64>,
    pub(super) fs_group: Option<i64>,
    pub(super) se_linux: Option<&'c SELinuxOptions>,
    pub(super) seccomp: Option<Cow<'c, str>>,
    runtime_class: Option<&'c str>,
    /// In the order of [`PodView::containers`].
    pub(super) containers: Vec<ContainerDefaults<'c>>,
}

/// The defaults of a policy for one container.
#[derive(Debug, PartialEq)]
pub(super) struct ContainerDefaults<'c> {
    pub(super) run_as_user: Option<i64>,
    pub(super) run_as_group: Option<i64>,
    pub(super) app_armor: Option<&'c str>,
    pub(super) run_as_non_root: Option<bool>,
    pub(super) capabilities: Option<Cow<'c, Capabilities>>,
    pub(super) read_only_root_filesystem: Option<bool>,
    pub(super) allow_privilege_escalation: Option<bool>,
}

// === impl PodDefaults ===

impl<'c> PodDefaults<'c> {
    /// Upstream: `MutatePod` in `podsecuritypolicy/provider.go`.
    pub(super) fn of(policy: &'c CompiledPolicy, pod: &PodView<'_>) -> Self {
        let context = pod.context;
        let groups = &policy.supplemental_groups;
        let runtime_class = policy.runtime_class.as_ref();
        let runtime_class = runtime_class.and_then(|r| r.default_runtime_class_name.as_deref());
        Self {
            supplemental_group: unless(context.supplemental_groups.is_some(), || {
                groups.default_group()
            }),
            fs_group: unless(context.fs_group.is_some(), || {
                policy.fs_group.default_group()
            }),
            se_linux: unless(context.se_linux_options.is_some(), || {
                policy.se_linux.default_options()
            }),
            seccomp: policy.seccomp.default_profile(pod),
            runtime_class: unless(pod.spec.runtime_class_name.is_some(), || runtime_class),
            containers: pod
                .containers
                .iter()
                .map(|container| ContainerDefaults::of(policy, container))
                .collect(),
        }
    }

    /// Whether the pod needs no defaults.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty_except(0)
    }

    /// Whether only ephemeral containers of `pod`, for which they were computed, need defaults.
    pub(super) fn are_of_ephemeral_containers(&self, pod: &Pod) -> bool {
        let spec = pod.spec.as_ref();
        let ephemeral = spec.and_then(|spec| spec.ephemeral_containers.as_ref());
        self.is_empty_except(ephemeral.map_or(0, Vec::len))
    }

    /// Whether at most the last few containers need defaults.
    fn is_empty_except(&self, last: usize) -> bool {
        let others = self.containers.len().saturating_sub(last);
        self.supplemental_group.is_none()
            && self.fs_group.is_none()
            && self.se_linux.is_none()
            && self.seccomp.is_none()
            && self.runtime_class.is_none()
            && self
                .containers
                .iter()
                .take(others)
                .all(|c| *c == ContainerDefaults::NONE)
    }

    /// Sets them in the pod for which they were computed.
    pub(super) fn apply(self, pod: &mut Pod) {
        let annotations = &mut pod.metadata.annotations;
        if let Some(profile) = self.seccomp {
            annotate(annotations, SECCOMP_POD.to_owned(), &profile);
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some(class) = self.runtime_class {
            spec.runtime_class_name = Some(class.to_owned());
        }
        if self.supplemental_group.is_some() || self.fs_group.is_some() || self.se_linux.is_some() {
            let context = spec.security_context.get_or_insert_default();
            let groups = self.supplemental_group.map(|group| vec![group]);
            set::<PodSecurityContext, _>(context, |c| &mut c.supplemental_groups, groups);
            set(context, |c| &mut c.fs_group, self.fs_group);
            set(context, |c| &mut c.se_linux_options, self.se_linux.cloned());
        }
        let mut defaults = self.containers.into_iter();
        macro_rules! apply {
            ($containers:expr) => {
                for (container, defaults) in $containers.zip(&mut defaults) {
                    defaults.apply(
                        &container.name,
                        &mut container.security_context,
                        annotations,
                    );
                }
            };
        }
        apply!(spec.init_containers.iter_mut().flatten());
        apply!(spec.containers.iter_mut());
        apply!(spec.ephemeral_containers.iter_mut().flatten());
    }
}

// === impl ContainerDefaults ===

impl<'c> ContainerDefaults<'c> {
    const NONE: Self = Self {
        run_as_user: None,
        run_as_group: None,
        app_armor: None,
        run_as_non_root: None,
        capabilities: None,
        read_only_root_filesystem: None,
        allow_privilege_escalation: None,
    };

    /// Upstream: `mutateContainer` in `podsecuritypolicy/provider.go`. `seLinuxOptions` are not
    /// among them: they are set in the pod, and containers inherit them.
    fn of(policy: &'c CompiledPolicy, container: &ContainerView<'_>) -> Self {
        let (own, user) = (container.context, container.run_as_user());
        let run_as_user = unless(user.is_some(), || policy.run_as_user.default_user());
        let unset = user.is_none() && container.run_as_non_root().is_none();
        let escalation = policy.default_allow_privilege_escalation;
        let escalation = escalation.or(forced(!policy.allow_privilege_escalation, false));
        Self {
            run_as_user,
            run_as_group: unless(container.run_as_group().is_some(), || {
                policy.run_as_group.default_group()
            }),
            app_armor: policy.app_armor.default_profile(container),
            run_as_non_root: forced(unset && policy.run_as_user.forbids_root(), true),
            capabilities: policy
                .capabilities
                .default_capabilities(own.capabilities.as_ref()),
            read_only_root_filesystem: unless(own.read_only_root_filesystem.is_some(), || {
                forced(policy.read_only_root_filesystem, true)
            }),
            allow_privilege_escalation: unless(own.allow_privilege_escalation.is_some(), || {
                escalation
            }),
        }
    }

    fn apply(
        self,
        name: &str,
        context: &mut Option<SecurityContext>,
        annotations: &mut Option<BTreeMap<String, String>>,
    ) {
        if let Some(profile) = self.app_armor {
            annotate(annotations, format!("{APP_ARMOR_CONTAINER}{name}"), profile);
        }
        let only_annotated = Self {
            app_armor: self.app_armor,
            ..Self::NONE
        };
        if self == only_annotated {
            return;
        }
        let context = context.get_or_insert_default();
        set(context, |c| &mut c.run_as_user, self.run_as_user);
        set(context, |c| &mut c.run_as_group, self.run_as_group);
        set(context, |c| &mut c.run_as_non_root, self.run_as_non_root);
        let capabilities = self.capabilities.map(Cow::into_owned);
        set(context, |c| &mut c.capabilities, capabilities);
        let read_only = self.read_only_root_filesystem;
        set(context, |c| &mut c.read_only_root_filesystem, read_only);
        let escalation = self.allow_privilege_escalation;
        set(context, |c| &mut c.allow_privilege_escalation, escalation);
    }
}

fn unless<T>(set: bool, default: impl FnOnce() -> Option<T>) -> Option<T> {
    if set { None } else { default() }
}

const fn forced(by_policy: bool, value: bool) -> Option<bool> {
    if by_policy { Some(value) } else { None }
}

fn set<C, T>(context: &mut C, field: fn(&mut C) -> &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field(context) = value;
    }
}

fn annotate(annotations: &mut Option<BTreeMap<String, String>>, key: String, value: &str) {
    let annotations = annotations.get_or_insert_default();
    annotations.insert(key, value.to_owned());
}
