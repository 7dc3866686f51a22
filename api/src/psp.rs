//! `PodSecurityPolicy`, which Kubernetes had until 1.24 and `k8s-openapi` has no longer.
//!
//! Fields and their descriptions follow `k8s.io/api/policy/v1beta1`. The kind is stored as
//! `policy/v1beta1` and served as `extensions/v1beta1` too, which had the same fields. What is unset
//! is left out by [`crate::encode`], so nothing here says so again.

use k8s_openapi::api::core::v1::SELinuxOptions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, ListableResource, Metadata, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `PodSecurityPolicy` governs the ability to make requests that affect the security context that will be applied to a pod and container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicy")]
pub struct PodSecurityPolicy {
    /// Standard object's metadata.
    pub metadata: ObjectMeta,
    /// spec defines the policy enforced.
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

/// `PodSecurityPolicySpec` defines the policy enforced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.PodSecurityPolicySpec")]
pub struct PodSecurityPolicySpec {
    /// privileged determines if a pod can request to be run as privileged.
    pub privileged: Option<bool>,
    /// defaultAddCapabilities is the default set of capabilities that will be added to the container unless the pod spec specifically drops the capability. You may not list a capability in both defaultAddCapabilities and requiredDropCapabilities. Capabilities added here are implicitly allowed, and need not be included in the allowedCapabilities list.
    pub default_add_capabilities: Option<Vec<String>>,
    /// requiredDropCapabilities are the capabilities that will be dropped from the container. These are required to be dropped and cannot be added.
    pub required_drop_capabilities: Option<Vec<String>>,
    /// allowedCapabilities is a list of capabilities that can be requested to add to the container. Capabilities in this field may be added at the pod author's discretion. You must not list a capability in both allowedCapabilities and requiredDropCapabilities.
    pub allowed_capabilities: Option<Vec<String>>,
    /// volumes is an allowlist of volume plugins. Empty indicates that no volumes may be used. To allow all volumes you may use '*'.
    pub volumes: Option<Vec<String>>,
    /// hostNetwork determines if the policy allows the use of HostNetwork in the pod spec.
    pub host_network: Option<bool>,
    /// hostPorts determines which host port ranges are allowed to be exposed.
    pub host_ports: Option<Vec<HostPortRange>>,
    /// hostPID determines if the policy allows the use of HostPID in the pod spec.
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    /// hostIPC determines if the policy allows the use of HostIPC in the pod spec.
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// seLinux is the strategy that will dictate the allowable labels that may be set.
    pub se_linux: SELinuxStrategyOptions,
    /// runAsUser is the strategy that will dictate the allowable RunAsUser values that may be set.
    pub run_as_user: RunAsUserStrategyOptions,
    /// runAsGroup is the strategy that will dictate the allowable RunAsGroup values that may be set. If this field is omitted, the pod's RunAsGroup can take any value.
    pub run_as_group: Option<RunAsGroupStrategyOptions>,
    /// supplementalGroups is the strategy that will dictate what supplemental groups are used by the SecurityContext.
    pub supplemental_groups: SupplementalGroupsStrategyOptions,
    /// fsGroup is the strategy that will dictate what fs group is used by the SecurityContext.
    pub fs_group: FSGroupStrategyOptions,
    /// readOnlyRootFilesystem when set to true will force containers to run with a read only root file system. If the container specifically requests to run with a non-read only root file system the PSP should deny the pod. If set to false the container may run with a read only root file system if it wishes but it will not be forced to.
    pub read_only_root_filesystem: Option<bool>,
    /// defaultAllowPrivilegeEscalation controls the default setting for whether a process can gain more privileges than its parent process.
    pub default_allow_privilege_escalation: Option<bool>,
    /// allowPrivilegeEscalation determines if a pod can request to allow privilege escalation. If unspecified, defaults to true.
    pub allow_privilege_escalation: Option<bool>,
    /// allowedHostPaths is an allowlist of host paths. Empty indicates that all host paths may be used.
    pub allowed_host_paths: Option<Vec<AllowedHostPath>>,
    /// allowedFlexVolumes is an allowlist of Flexvolumes. Empty or nil indicates that all Flexvolumes may be used. This parameter is effective only when the usage of the Flexvolumes is allowed in the "volumes" field.
    pub allowed_flex_volumes: Option<Vec<AllowedFlexVolume>>,
    /// AllowedCSIDrivers is an allowlist of inline CSI drivers that must be explicitly set to be embedded within a pod spec. An empty value indicates that any CSI driver can be used for inline ephemeral volumes.
    #[serde(rename = "allowedCSIDrivers")]
    pub allowed_csi_drivers: Option<Vec<AllowedCSIDriver>>,
    /// allowedUnsafeSysctls is a list of explicitly allowed unsafe sysctls, defaults to none. Each entry is either a plain sysctl name or ends in "*" in which case it is considered as a prefix of allowed sysctls. Single * means all unsafe sysctls are allowed.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// forbiddenSysctls is a list of explicitly forbidden sysctls, defaults to none. Each entry is either a plain sysctl name or ends in "*" in which case it is considered as a prefix of forbidden sysctls. Single * means all sysctls are forbidden.
    pub forbidden_sysctls: Option<Vec<String>>,
    /// AllowedProcMountTypes is an allowlist of allowed ProcMountTypes. Empty or nil indicates that only the DefaultProcMountType may be used.
    pub allowed_proc_mount_types: Option<Vec<String>>,
    /// runtimeClass is the strategy that will dictate the allowable RuntimeClasses for a pod. If this field is omitted, the pod's runtimeClassName field is unrestricted.
    pub runtime_class: Option<RuntimeClassStrategyOptions>,
}

/// `HostPortRange` defines a range of host ports that will be enabled by a policy for pods to use. It requires both the start and end to be defined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.HostPortRange")]
pub struct HostPortRange {
    /// min is the start of the range, inclusive.
    pub min: i32,
    /// max is the end of the range, inclusive.
    pub max: i32,
}

/// `IDRange` provides a min/max of an allowed range of IDs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.IDRange")]
pub struct IDRange {
    /// min is the start of the range, inclusive.
    pub min: i64,
    /// max is the end of the range, inclusive.
    pub max: i64,
}

/// `SELinuxStrategyOptions` defines the strategy type and any options used to create the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.SELinuxStrategyOptions")]
pub struct SELinuxStrategyOptions {
    /// rule is the strategy that will dictate the allowable labels that may be set.
    pub rule: String,
    /// seLinuxOptions required to run as; required for MustRunAs.
    pub se_linux_options: Option<SELinuxOptions>,
}

/// `RunAsUserStrategyOptions` defines the strategy type and any options used to create the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RunAsUserStrategyOptions")]
pub struct RunAsUserStrategyOptions {
    /// rule is the strategy that will dictate the allowable RunAsUser values that may be set.
    pub rule: String,
    /// ranges are the allowed ranges of uids that may be used. If you would like to force a single uid then supply a single range with the same start and end. Required for MustRunAs.
    pub ranges: Option<Vec<IDRange>>,
}

/// `RunAsGroupStrategyOptions` defines the strategy type and any options used to create the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RunAsGroupStrategyOptions")]
pub struct RunAsGroupStrategyOptions {
    /// rule is the strategy that will dictate the allowable RunAsGroup values that may be set.
    pub rule: String,
    /// ranges are the allowed ranges of gids that may be used. If you would like to force a single gid then supply a single range with the same start and end. Required for MustRunAs.
    pub ranges: Option<Vec<IDRange>>,
}

/// `FSGroupStrategyOptions` defines the strategy type and options used to create the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.FSGroupStrategyOptions")]
pub struct FSGroupStrategyOptions {
    /// rule is the strategy that will dictate what FSGroup is used in the SecurityContext.
    pub rule: Option<String>,
    /// ranges are the allowed ranges of fs groups. If you would like to force a single fs group then supply a single range with the same start and end. Required for MustRunAs.
    pub ranges: Option<Vec<IDRange>>,
}

/// `SupplementalGroupsStrategyOptions` defines the strategy type and options used to create the strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.SupplementalGroupsStrategyOptions")]
pub struct SupplementalGroupsStrategyOptions {
    /// rule is the strategy that will dictate what supplemental groups is used in the SecurityContext.
    pub rule: Option<String>,
    /// ranges are the allowed ranges of supplemental groups. If you would like to force a single supplemental group then supply a single range with the same start and end. Required for MustRunAs.
    pub ranges: Option<Vec<IDRange>>,
}

/// `AllowedHostPath` defines the host volume conditions that will be enabled by a policy for pods to use. It requires the path prefix to be defined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedHostPath")]
pub struct AllowedHostPath {
    /// pathPrefix is the path prefix that the host volume must match. It does not support `*`. Trailing slashes are trimmed when validating the path prefix with a host path. For example `/foo` would allow `/foo`, `/foo/` and `/foo/bar`, but not `/food` or `/etc/foo`.
    pub path_prefix: Option<String>,
    /// when set to true, will allow host volumes matching the pathPrefix only if all volume mounts are readOnly.
    pub read_only: Option<bool>,
}

/// `AllowedFlexVolume` represents a single Flexvolume that is allowed to be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedFlexVolume")]
pub struct AllowedFlexVolume {
    /// driver is the name of the Flexvolume driver.
    pub driver: String,
}

/// `AllowedCSIDriver` represents a single inline CSI Driver that is allowed to be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.AllowedCSIDriver")]
pub struct AllowedCSIDriver {
    /// Name is the registered name of the CSI driver.
    pub name: String,
}

/// `RuntimeClassStrategyOptions` define the strategy that will dictate the allowable RuntimeClasses for a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "io.k8s.api.policy.v1beta1.RuntimeClassStrategyOptions")]
pub struct RuntimeClassStrategyOptions {
    /// allowedRuntimeClassNames is an allowlist of RuntimeClass names that may be specified on a pod. A value of "*" means that any RuntimeClass name is allowed, and must be the only item in the list. An empty list requires the RuntimeClassName field to be unset.
    pub allowed_runtime_class_names: Vec<String>,
    /// defaultRuntimeClassName is the default RuntimeClassName to set on the pod. The default MUST be allowed by the allowedRuntimeClassNames list. A value of nil does not mutate the Pod.
    pub default_runtime_class_name: Option<String>,
}
