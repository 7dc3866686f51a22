//! Validation of policies (upstream: `pkg/apis/policy/validation/validation.go` of 1.24).
//!
//! Some of upstream's paths lack their `spec.`, or repeat a field.

use portcullis_api::psp::{
    IDRange, PodSecurityPolicySpec, RunAsGroupStrategyOptions, RunAsUserStrategyOptions,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::lists;
use crate::validation::{list, one_of, text};

/// The volume types that a policy may have.
const VOLUMES: [&str; 30] = [
    "*",
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephFS",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageos",
    "vsphereVolume",
];
const GROUP_RULES: [&str; 3] = ["MayRunAs", "MustRunAs", "RunAsAny"];

pub(super) fn validate_spec(spec: &PodSecurityPolicySpec, errors: &mut ErrorList) {
    let path = Path::new("spec");
    validate_run_as_user(&spec.run_as_user, &path.child("runAsUser"), errors);
    if let Some(group) = &spec.run_as_group {
        validate_run_as_group(group, &path.child("runAsGroup"), errors);
    }
    one_of(
        &spec.se_linux.rule,
        &["MustRunAs", "RunAsAny"],
        &path.child("seLinux").child("rule"),
        errors,
    );
    for (field, rule, ranges) in [
        (
            "supplementalGroups",
            &spec.supplemental_groups.rule,
            &spec.supplemental_groups.ranges,
        ),
        ("fsGroup", &spec.fs_group.rule, &spec.fs_group.ranges),
    ] {
        let path = path.child(field);
        one_of(
            text(rule.as_ref()),
            &GROUP_RULES,
            &path.child("rule"),
            errors,
        );
        validate_ranges(ranges.as_ref(), &path.child("ranges"), errors);
    }
    for volume in list(spec.volumes.as_ref()) {
        one_of(volume, &VOLUMES, &path.child("volumes"), errors);
    }
    lists::validate_capabilities(spec, errors);
    validate_escalation(spec, &path, errors);
    lists::validate_proc_mounts(spec, &path.child("allowedProcMountTypes"), errors);
    lists::validate_host_paths(spec, &path.child("allowedHostPaths"), errors);
    lists::validate_flex_volumes(spec, &path.child("allowedFlexVolumes"), errors);
    lists::validate_csi_drivers(spec, &path.child("allowedCSIDrivers"), errors);
    lists::validate_sysctls(spec, &path, errors);
    if let Some(runtime_class) = &spec.runtime_class {
        lists::validate_runtime_class(runtime_class, &path.child("runtimeClass"), errors);
    }
}

fn validate_run_as_user(user: &RunAsUserStrategyOptions, path: &Path, errors: &mut ErrorList) {
    let rules = ["MustRunAs", "MustRunAsNonRoot", "RunAsAny"];
    one_of(&user.rule, &rules, &path.child("rule"), errors);
    validate_ranges(user.ranges.as_ref(), &path.child("ranges"), errors);
}

fn validate_run_as_group(group: &RunAsGroupStrategyOptions, path: &Path, errors: &mut ErrorList) {
    let ranges = list(group.ranges.as_ref());
    let ranges_path = path.child("ranges");
    let value = || lists::go_ranges(ranges);
    match group.rule.as_str() {
        "MustRunAs" | "MayRunAs" => {
            if ranges.is_empty() {
                let detail = "must provide at least one range";
                errors.push(FieldError::invalid(&ranges_path, value(), detail));
            }
            validate_ranges(group.ranges.as_ref(), &ranges_path, errors);
        }
        "RunAsAny" if !ranges.is_empty() => {
            let detail = "Ranges must be empty";
            errors.push(FieldError::invalid(&ranges_path, value(), detail));
        }
        "RunAsAny" => {}
        rule => one_of(rule, &GROUP_RULES, &path.child("rule"), errors),
    }
}

fn validate_ranges(ranges: Option<&Vec<IDRange>>, path: &Path, errors: &mut ErrorList) {
    for (i, range) in list(ranges).iter().enumerate() {
        let path = path.index(i);
        let (min, max) = (path.child("min"), path.child("max"));
        for (wrong, path, value, detail) in [
            (range.min < 0, &min, range.min, "min cannot be negative"),
            (range.max < 0, &max, range.max, "max cannot be negative"),
            (
                range.min > range.max,
                &min,
                range.min,
                "min cannot be greater than max",
            ),
        ] {
            if wrong {
                errors.push(FieldError::invalid(path, value, detail));
            }
        }
    }
}

fn validate_escalation(spec: &PodSecurityPolicySpec, path: &Path, errors: &mut ErrorList) {
    if spec.default_allow_privilege_escalation == Some(true)
        && spec.allow_privilege_escalation == Some(false)
    {
        errors.push(FieldError::invalid(
            &path.child("defaultAllowPrivilegeEscalation"),
            true,
            "Cannot set DefaultAllowPrivilegeEscalation to true without also setting AllowPrivilegeEscalation to true",
        ));
    }
}
