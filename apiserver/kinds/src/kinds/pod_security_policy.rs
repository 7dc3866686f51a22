//! Pod security policies: the settings that pods may have if their users may use the policy.

mod annotations;
mod lists;
mod validate;

use portcullis_api::ErrorList;
use portcullis_api::psp::PodSecurityPolicy;
use serde_json::Value;

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::{list, text};

/// The rules of pod security policies (upstream: `pkg/registry/policy/podsecuritypolicy/strategy.go`).
pub struct PodSecurityPolicyStrategy;

impl Strategy for PodSecurityPolicyStrategy {
    type Kind = PodSecurityPolicy;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, policy: &mut PodSecurityPolicy) {
        let spec = policy.spec.get_or_insert_default();
        // upstream: pkg/apis/policy/v1beta1/defaults.go
        spec.allow_privilege_escalation.get_or_insert(true);
    }

    fn prepare_for_create(&self, policy: &mut PodSecurityPolicy) {
        drop_proc_mounts(policy);
    }

    fn prepare_for_update(&self, policy: &mut PodSecurityPolicy, old: &PodSecurityPolicy) {
        let used = old.spec.as_ref().map(|s| &s.allowed_proc_mount_types);
        if used.is_none_or(|types| list(types.as_ref()).is_empty()) {
            drop_proc_mounts(policy);
        }
    }

    fn validate(&self, policy: &PodSecurityPolicy) -> ErrorList {
        let mut errors = ErrorList::new();
        annotations::validate_annotations(&policy.metadata, &mut errors);
        if let Some(spec) = &policy.spec {
            validate::validate_spec(spec, &mut errors);
        }
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, policy: &PodSecurityPolicy) -> Vec<Cell> {
        let spec = policy.spec.clone().unwrap_or_default();
        vec![
            Cell::name(policy),
            Cell::text(spec.privileged.unwrap_or_default().to_string()),
            Cell::text(list(spec.allowed_capabilities.as_ref()).join(",")),
            Cell::text(spec.se_linux.rule),
            Cell::text(spec.run_as_user.rule),
            Cell::text(text(spec.fs_group.rule.as_ref())),
            Cell::text(text(spec.supplemental_groups.rule.as_ref())),
            Cell::Value(Value::Bool(
                spec.read_only_root_filesystem.unwrap_or_default(),
            )),
            Cell::text(list(spec.volumes.as_ref()).join(",")),
        ]
    }
}

/// A field that upstream, with its feature gate off, does not store.
fn drop_proc_mounts(policy: &mut PodSecurityPolicy) {
    if let Some(spec) = &mut policy.spec {
        spec.allowed_proc_mount_types = None;
    }
}

static COLUMNS: [Column; 9] = [
    Column::NAME,
    Column::text(
        "Priv",
        "privileged determines if a pod can request to be run as privileged.",
    ),
    Column::text(
        "Caps",
        "allowedCapabilities is a list of capabilities that can be requested to add to the container. Capabilities in this field may be added at the pod author's discretion. You must not list a capability in both allowedCapabilities and requiredDropCapabilities.",
    ),
    Column::text(
        "SELinux",
        "seLinux is the strategy that will dictate the allowable labels that may be set.",
    ),
    Column::text(
        "RunAsUser",
        "runAsUser is the strategy that will dictate the allowable RunAsUser values that may be set.",
    ),
    Column::text(
        "FsGroup",
        "fsGroup is the strategy that will dictate what fs group is used by the SecurityContext.",
    ),
    Column::text(
        "SupGroup",
        "supplementalGroups is the strategy that will dictate what supplemental groups are used by the SecurityContext.",
    ),
    Column::text(
        "ReadOnlyRootFs",
        "readOnlyRootFilesystem when set to true will force containers to run with a read only root file system.  If the container specifically requests to run with a non-read only root file system the PSP should deny the pod. If set to false the container may run with a read only root file system if it wishes but it will not be forced to.",
    ),
    Column::text(
        "Volumes",
        "volumes is an allowlist of volume plugins. Empty indicates that no volumes may be used. To allow all volumes you may use '*'.",
    ),
];

#[cfg(test)]
mod tests;
