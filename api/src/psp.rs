//! `PodSecurityPolicy`, which Kubernetes had until 1.24 and `k8s-openapi` has no longer.
//!
//! The fields are those of `k8s.io/api/policy/v1beta1`. The kind is stored as
//! `policy/v1beta1` and served as `extensions/v1beta1` too, which had the same fields. What is unset
//! is left out by [`crate::encode`], so nothing here says so again.

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use k8s_openapi::api::core::v1::SELinuxOptions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, ListableResource, Metadata, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A policy that pods must satisfy to be created or changed by those who may use it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicy")]
pub struct PodSecurityPolicy {
    /// Name, labels, annotations. Annotations hold the seccomp and AppArmor rules.
    pub metadata: ObjectMeta,
    /// What the policy allows, requires and sets.
    pub spec: Option<PodSecurityPolicySpec>,
}

impl Resource for PodSecurityPolicy {
    const API_VERSION: &'static str = "policy/v1beta1";
    const GROUP: &'static str = "policy";
    const KIND: &'static str = "PodSecurityPolicy";
    const VERSION: &'static str = "v1beta1";
    const URL_PATH_SEGMENT: &'static str = "podsecuritypolicies";
    type Scope = ClusterResourceScope;
}

impl ListableResource for PodSecurityPolicy {
    const LIST_KIND: &'static str = "PodSecurityPolicyList";
}

impl Metadata for PodSecurityPolicy {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What a policy allows, requires and sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicySpec")]
pub struct PodSecurityPolicySpec {
    /// Whether containers may be privileged.
    pub privileged: Option<bool>,
    /// Capabilities that every container gets unless it drops them. They are allowed without being listed in allowedCapabilities; none may also be in requiredDropCapabilities.
    pub default_add_capabilities: Option<Vec<String>>,
    /// Capabilities that every container loses, and none may add.
    pub required_drop_capabilities: Option<Vec<String>>,
    /// Capabilities that containers may add; '*' stands for all. None may also be in requiredDropCapabilities.
    pub allowed_capabilities: Option<Vec<String>>,
    /// The types of volumes that pods may have; '*' stands for all, an empty list for none.
    pub volumes: Option<Vec<String>>,
    /// Whether pods may use their node's network.
    pub host_network: Option<bool>,
    /// Ranges of ports of the node that containers may be bound to; without any, they may be bound to none.
    pub host_ports: Option<Vec<HostPortRange>>,
    /// Whether pods may see their node's processes.
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    /// Whether pods may use their node's interprocess communication.
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// The SELinux labels that containers must or may have.
    pub se_linux: SELinuxStrategyOptions,
    /// The users that containers must or may run as.
    pub run_as_user: RunAsUserStrategyOptions,
    /// The groups that containers must or may run as. Unset, any group will do.
    pub run_as_group: Option<RunAsGroupStrategyOptions>,
    /// The further groups that the processes of a pod must or may be in.
    pub supplemental_groups: SupplementalGroupsStrategyOptions,
    /// The group that must or may own a pod's volumes.
    pub fs_group: FSGroupStrategyOptions,
    /// Whether containers must have a root file system that cannot be written. It is set where it is unset, and its contrary refused.
    pub read_only_root_filesystem: Option<bool>,
    /// Whether processes may gain more privileges than their parents, for containers that do not say.
    pub default_allow_privilege_escalation: Option<bool>,
    /// Whether containers may ask for processes that gain more privileges than their parents. True if unset.
    pub allow_privilege_escalation: Option<bool>,
    /// Paths of the node that pods may mount, if volumes allows hostPath at all. Empty, any path will do.
    pub allowed_host_paths: Option<Vec<AllowedHostPath>>,
    /// Drivers of flexVolumes that pods may use, if volumes allows flexVolume at all. Empty, any driver will do.
    pub allowed_flex_volumes: Option<Vec<AllowedFlexVolume>>,
    /// Drivers of inline CSI volumes that pods may use, if volumes allows csi at all. Empty, any driver will do.
    #[serde(rename = "allowedCSIDrivers")]
    pub allowed_csi_drivers: Option<Vec<AllowedCSIDriver>>,
    /// Sysctls outside the safe set that pods may set: names, or beginnings of names that end in '*'.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// Sysctls that pods may not set, safe ones included: names, or beginnings of names that end in '*'.
    pub forbidden_sysctls: Option<Vec<String>>,
    /// Ways of mounting /proc that containers may ask for. Empty, only Default.
    pub allowed_proc_mount_types: Option<Vec<String>>,
    /// The runtime classes that pods must or may have. Unset, any will do.
    pub runtime_class: Option<RuntimeClassStrategyOptions>,
}

/// A range of ports, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.HostPortRange")]
pub struct HostPortRange {
    /// The first port.
    pub min: i32,
    /// The last port.
    pub max: i32,
}

/// A range of user or group ids, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.IDRange")]
pub struct IDRange {
    /// The first id.
    pub min: i64,
    /// The last id.
    pub max: i64,
}

/// A rule about SELinux labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.SELinuxStrategyOptions")]
pub struct SELinuxStrategyOptions {
    /// RunAsAny, or MustRunAs with the labels of seLinuxOptions.
    pub rule: String,
    /// The labels that MustRunAs asks for.
    pub se_linux_options: Option<SELinuxOptions>,
}

/// A rule about user ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RunAsUserStrategyOptions")]
pub struct RunAsUserStrategyOptions {
    /// RunAsAny, MustRunAsNonRoot, or MustRunAs with ranges.
    pub rule: String,
    /// The ids allowed. MustRunAs sets the first of them where none is given.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule about group ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RunAsGroupStrategyOptions")]
pub struct RunAsGroupStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: String,
    /// The ids allowed. MustRunAs sets the first of them where none is given.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule about the group of volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.FSGroupStrategyOptions")]
pub struct FSGroupStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: Option<String>,
    /// The ids allowed. MustRunAs sets the first of them where none is given.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule about further groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.SupplementalGroupsStrategyOptions")]
pub struct SupplementalGroupsStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: Option<String>,
    /// The ids allowed. MustRunAs sets the first of them where none is given.
    pub ranges: Option<Vec<IDRange>>,
}

/// A part of the node that pods may mount.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedHostPath")]
pub struct AllowedHostPath {
    /// Where it begins: /foo allows /foo and /foo/bar, but not /food.
    pub path_prefix: Option<String>,
    /// Whether it may only be mounted to be read.
    pub read_only: Option<bool>,
}

/// A driver of flexVolumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedFlexVolume")]
pub struct AllowedFlexVolume {
    /// The driver's name.
    pub driver: String,
}

/// A driver of CSI volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedCSIDriver")]
pub struct AllowedCSIDriver {
    /// The driver's name.
    pub name: String,
}

/// A rule about runtime classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RuntimeClassStrategyOptions")]
pub struct RuntimeClassStrategyOptions {
    /// Names that pods may give; '*' stands for all and must then be alone. Empty, pods must give none.
    pub allowed_runtime_class_names: Vec<String>,
    /// The name that is set where a pod gives none; it must be an allowed one.
    pub default_runtime_class_name: Option<String>,
}
