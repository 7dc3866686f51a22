//! Policies compiled to rules, once per change.
//!
//! Upstream (`podsecuritypolicy/factory.go`) builds the same strategies for every request.

use portcullis_api::psp::{PodSecurityPolicy, PodSecurityPolicySpec, RuntimeClassStrategyOptions};

use super::apparmor::AppArmorRule;
use super::capabilities::CapabilityRule;
use super::group::GroupRule;
use super::host_ports::HostPortRule;
use super::invalid::InvalidPolicy;
use super::seccomp::SeccompRule;
use super::selinux::SeLinuxRule;
use super::sysctls::SysctlRule;
use super::user::UserRule;
use super::volumes::VolumeRule;

/// A policy ready to validate pods.
#[derive(Debug)]
pub(super) struct CompiledPolicy {
    pub(super) name: String,
    pub(super) run_as_user: UserRule,
    pub(super) run_as_group: GroupRule,
    pub(super) se_linux: SeLinuxRule,
    pub(super) fs_group: GroupRule,
    pub(super) supplemental_groups: GroupRule,
    pub(super) capabilities: CapabilityRule,
    pub(super) sysctls: SysctlRule,
    pub(super) seccomp: SeccompRule,
    pub(super) app_armor: AppArmorRule,
    pub(super) volumes: VolumeRule,
    pub(super) host_ports: HostPortRule,
    pub(super) privileged: bool,
    pub(super) host_network: bool,
    pub(super) host_pid: bool,
    pub(super) host_ipc: bool,
    pub(super) read_only_root_filesystem: bool,
    pub(super) default_allow_privilege_escalation: Option<bool>,
    pub(super) allow_privilege_escalation: bool,
    pub(super) proc_mount_types: Vec<String>,
    pub(super) runtime_class: Option<RuntimeClassStrategyOptions>,
}

impl CompiledPolicy {
    pub(super) fn compile(policy: &PodSecurityPolicy) -> Result<Self, InvalidPolicy> {
        let no_spec = PodSecurityPolicySpec::default();
        let spec = policy.spec.as_ref().unwrap_or(&no_spec);
        let annotations = policy.metadata.annotations.as_ref();
        let run_as_user = UserRule::compile(&spec.run_as_user)?;
        let run_as_group = match &spec.run_as_group {
            None => GroupRule::Any,
            Some(group) => GroupRule::compile("RunAsGroup", &group.rule, group.ranges.as_deref())?,
        };
        let se_linux = SeLinuxRule::compile(&spec.se_linux)?;
        let app_armor = AppArmorRule::compile(annotations);
        let seccomp = SeccompRule::compile(annotations);
        let group = |field, rule: &Option<String>, ranges| {
            GroupRule::compile(field, rule.as_deref().unwrap_or_default(), ranges)
        };
        let (fs, extra) = (&spec.fs_group, &spec.supplemental_groups);
        let fs_group = group("FSGroup", &fs.rule, fs.ranges.as_deref())?;
        let supplemental_groups =
            group("SupplementalGroups", &extra.rule, extra.ranges.as_deref())?;
        let yes = Option::unwrap_or_default;
        Ok(Self {
            name: policy.metadata.name.clone().unwrap_or_default(),
            run_as_user,
            run_as_group,
            se_linux,
            fs_group,
            supplemental_groups,
            capabilities: CapabilityRule::compile(spec),
            sysctls: SysctlRule::compile(spec),
            seccomp,
            app_armor,
            volumes: VolumeRule::compile(spec),
            host_ports: HostPortRule::compile(spec.host_ports.as_deref()),
            privileged: yes(spec.privileged),
            host_network: yes(spec.host_network),
            host_pid: yes(spec.host_pid),
            host_ipc: yes(spec.host_ipc),
            read_only_root_filesystem: yes(spec.read_only_root_filesystem),
            default_allow_privilege_escalation: spec.default_allow_privilege_escalation,
            // the API's default; the book's policies rely on it
            allow_privilege_escalation: spec.allow_privilege_escalation.unwrap_or(true),
            proc_mount_types: proc_mount_types(spec),
            runtime_class: spec.runtime_class.clone(),
        })
    }
}

fn proc_mount_types(spec: &PodSecurityPolicySpec) -> Vec<String> {
    match spec.allowed_proc_mount_types.as_deref() {
        None | Some([]) => vec!["Default".to_owned()],
        Some(types) => types.to_vec(),
    }
}
