//! `PodSecurityPolicy`, which Kubernetes had until 1.24 and `k8s-openapi` no longer has.
//!
//! The fields are those of `k8s.io/api/policy/v1beta1`. The kind is stored as `policy/v1beta1` and also
//! served as `extensions/v1beta1`, which had the same fields. [`crate::encode`] omits unset fields, so
//! they need no serde attributes.

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use k8s_openapi::api::core::v1::SELinuxOptions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, ListableResource, Metadata, Resource};
#[cfg(feature = "schemas")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A policy that pods must satisfy to be created or changed by those who may use it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicy")
)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicySpec")
)]
pub struct PodSecurityPolicySpec {
    /// Whether containers may be privileged.
    pub privileged: Option<bool>,
    /// Capabilities that every container gets unless it drops them. They are allowed without being listed in allowedCapabilities; none may also be in requiredDropCapabilities.
    pub default_add_capabilities: Option<Vec<String>>,
    /// Capabilities that every container must drop and none may add.
    pub required_drop_capabilities: Option<Vec<String>>,
    /// Capabilities that containers may add; '*' allows all. None may also be in requiredDropCapabilities.
    pub allowed_capabilities: Option<Vec<String>>,
    /// The types of volumes that pods may have; '*' allows all types, an empty list none.
    pub volumes: Option<Vec<String>>,
    /// Whether pods may use their node's network.
    pub host_network: Option<bool>,
    /// The ranges of host ports that containers may use; if empty, they may use none.
    pub host_ports: Option<Vec<HostPortRange>>,
    /// Whether pods may use their node's process ID namespace.
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    /// Whether pods may use their node's IPC namespace.
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// The SELinux options that containers must or may have.
    pub se_linux: SELinuxStrategyOptions,
    /// The users that containers must or may run as.
    pub run_as_user: RunAsUserStrategyOptions,
    /// The groups that containers must or may run as. If unset, any group is allowed.
    pub run_as_group: Option<RunAsGroupStrategyOptions>,
    /// The supplemental groups that a pod must or may have.
    pub supplemental_groups: SupplementalGroupsStrategyOptions,
    /// The fsGroup that a pod must or may have.
    pub fs_group: FSGroupStrategyOptions,
    /// Whether containers must have a read-only root file system. If so, readOnlyRootFilesystem defaults to true, and false is rejected.
    pub read_only_root_filesystem: Option<bool>,
    /// The default of allowPrivilegeEscalation, which controls whether a process can gain more privileges than its parent.
    pub default_allow_privilege_escalation: Option<bool>,
    /// Whether containers may set allowPrivilegeEscalation. True if unset.
    pub allow_privilege_escalation: Option<bool>,
    /// The host paths that pods may mount, if volumes allows hostPath. If empty, any path is allowed.
    pub allowed_host_paths: Option<Vec<AllowedHostPath>>,
    /// The drivers of flexVolumes that pods may use, if volumes allows flexVolume. If empty, any driver is allowed.
    pub allowed_flex_volumes: Option<Vec<AllowedFlexVolume>>,
    /// The drivers of inline CSI volumes that pods may use, if volumes allows csi. If empty, any driver is allowed.
    #[serde(rename = "allowedCSIDrivers")]
    pub allowed_csi_drivers: Option<Vec<AllowedCSIDriver>>,
    /// The unsafe sysctls that pods may set: names, or prefixes followed by '*'.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// The sysctls that pods may not set, including safe ones: names, or prefixes followed by '*'.
    pub forbidden_sysctls: Option<Vec<String>>,
    /// The procMount types that containers may have. If empty, only Default.
    pub allowed_proc_mount_types: Option<Vec<String>>,
    /// The runtime classes that pods must or may have. If unset, any is allowed.
    pub runtime_class: Option<RuntimeClassStrategyOptions>,
}

/// A range of ports, both bounds included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.HostPortRange")
)]
pub struct HostPortRange {
    /// The first port.
    pub min: i32,
    /// The last port.
    pub max: i32,
}

/// A range of user or group ids, both bounds included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.IDRange")
)]
pub struct IDRange {
    /// The first id.
    pub min: i64,
    /// The last id.
    pub max: i64,
}

/// A rule for SELinux options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.SELinuxStrategyOptions")
)]
pub struct SELinuxStrategyOptions {
    /// RunAsAny, or MustRunAs with seLinuxOptions.
    pub rule: String,
    /// The options that MustRunAs requires.
    pub se_linux_options: Option<SELinuxOptions>,
}

/// A rule for user ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.RunAsUserStrategyOptions")
)]
pub struct RunAsUserStrategyOptions {
    /// RunAsAny, MustRunAsNonRoot, or MustRunAs with ranges.
    pub rule: String,
    /// The allowed ids. MustRunAs sets the first of them by default.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule for group ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.RunAsGroupStrategyOptions")
)]
pub struct RunAsGroupStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: String,
    /// The allowed ids. MustRunAs sets the first of them by default.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule for the fsGroup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.FSGroupStrategyOptions")
)]
pub struct FSGroupStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: Option<String>,
    /// The allowed ids. MustRunAs sets the first of them by default.
    pub ranges: Option<Vec<IDRange>>,
}

/// A rule for supplemental groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.SupplementalGroupsStrategyOptions")
)]
pub struct SupplementalGroupsStrategyOptions {
    /// RunAsAny, or MayRunAs or MustRunAs with ranges.
    pub rule: Option<String>,
    /// The allowed ids. MustRunAs sets the first of them by default.
    pub ranges: Option<Vec<IDRange>>,
}

/// A host path that pods may mount.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.AllowedHostPath")
)]
pub struct AllowedHostPath {
    /// The path prefix: /foo allows /foo and /foo/bar, but not /food.
    pub path_prefix: Option<String>,
    /// Whether it may only be mounted read-only.
    pub read_only: Option<bool>,
}

/// A driver of flexVolumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.AllowedFlexVolume")
)]
pub struct AllowedFlexVolume {
    /// The driver's name.
    pub driver: String,
}

/// A driver of CSI volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.AllowedCSIDriver")
)]
pub struct AllowedCSIDriver {
    /// The driver's name.
    pub name: String,
}

/// A rule for runtime classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.policy.v1beta1.RuntimeClassStrategyOptions")
)]
pub struct RuntimeClassStrategyOptions {
    /// The names that pods may set; '*' allows all and must be the only one. If empty, pods may set none.
    pub allowed_runtime_class_names: Vec<String>,
    /// The name that is set by default; it must be an allowed one.
    pub default_runtime_class_name: Option<String>,
}
