//! Security contexts of pods and containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, Sysctl,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::profiles::validate_descending_path;
use super::super::{list, one_of};
use super::{MAX_INT32, windows};

const SYSCTL_MAX: usize = 253;
const SYSCTL: &str = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?";

fn validate_id(id: Option<i64>, path: &Path, errors: &mut ErrorList) {
    if let Some(id) = id.filter(|id| !(0..=MAX_INT32).contains(id)) {
        let detail = format!("must be between 0 and {MAX_INT32}, inclusive");
        errors.push(FieldError::invalid(path, id, detail));
    }
}

pub(super) fn validate_context(context: &SecurityContext, path: &Path, errors: &mut ErrorList) {
    validate_id(context.run_as_user, &path.child("runAsUser"), errors);
    validate_id(context.run_as_group, &path.child("runAsGroup"), errors);
    if let Some(kind) = &context.proc_mount {
        one_of(
            kind,
            &["Default", "Unmasked"],
            &path.child("procMount"),
            errors,
        );
    }
    if let Some(profile) = &context.seccomp_profile {
        validate_seccomp(profile, &path.child("seccompProfile"), errors);
    }
    if context.allow_privilege_escalation == Some(false) {
        refuse_contradictions(context, path, errors);
    }
    if let Some(options) = &context.windows_options {
        windows::validate_options(options, &path.child("windowsOptions"), errors);
    }
}

/// A privileged container cannot forbid privilege escalation.
fn refuse_contradictions(context: &SecurityContext, path: &Path, errors: &mut ErrorList) {
    let mut refuse = |what: &str| {
        let detail = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
        let value = BadValue::go("core.SecurityContext{}");
        errors.push(FieldError::invalid(path, value, detail));
    };
    if context.privileged == Some(true) {
        refuse("`privileged` to true");
    }
    let added = context.capabilities.as_ref().and_then(|c| c.add.as_ref());
    for _ in list(added).iter().filter(|c| *c == "CAP_SYS_ADMIN") {
        refuse("`capabilities.Add` CAP_SYS_ADMIN");
    }
}

pub(super) fn validate_pod_context(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    if spec.host_network == Some(true) {
        validate_host_network(spec, &path.child("containers"), errors);
    }
    let path = path.child("securityContext");
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        let path = path.child("shareProcessNamespace");
        errors.push(FieldError::invalid(&path, true, detail));
    }
    if let Some(context) = &spec.security_context {
        validate_pod_fields(context, &path, errors);
    }
}

fn validate_pod_fields(context: &PodSecurityContext, path: &Path, errors: &mut ErrorList) {
    validate_id(context.fs_group, &path.child("fsGroup"), errors);
    validate_id(context.run_as_user, &path.child("runAsUser"), errors);
    validate_id(context.run_as_group, &path.child("runAsGroup"), errors);
    for (i, group) in list(context.supplemental_groups.as_ref())
        .iter()
        .enumerate()
    {
        let path = path.child("supplementalGroups").index(i);
        validate_id(Some(*group), &path, errors);
    }
    validate_sysctls(
        list(context.sysctls.as_ref()),
        &path.child("sysctls"),
        errors,
    );
    if let Some(policy) = &context.fs_group_change_policy {
        let policies = ["Always", "OnRootMismatch"];
        one_of(
            policy,
            &policies,
            &path.child("fsGroupChangePolicy"),
            errors,
        );
    }
    if let Some(profile) = &context.seccomp_profile {
        validate_seccomp(profile, &path.child("seccompProfile"), errors);
    }
    if let Some(options) = &context.windows_options {
        windows::validate_options(options, &path.child("windowsOptions"), errors);
    }
}

/// In the node's network a container's port must be its host port.
fn validate_host_network(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    for (i, container) in spec.containers.iter().enumerate() {
        for (j, port) in list(container.ports.as_ref()).iter().enumerate() {
            if port.host_port.unwrap_or_default() != port.container_port {
                let path = path.index(i).child("ports").index(j).child("containerPort");
                let detail = "must match `hostPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid(&path, port.container_port, detail));
            }
        }
    }
}

fn validate_sysctls(sysctls: &[Sysctl], path: &Path, errors: &mut ErrorList) {
    let mut names = BTreeSet::new();
    for (i, sysctl) in sysctls.iter().enumerate() {
        let path = path.index(i).child("name");
        if sysctl.name.is_empty() {
            errors.push(FieldError::required(&path, ""));
        } else if !is_sysctl(&sysctl.name) {
            let detail =
                format!("must have at most {SYSCTL_MAX} characters and match regex {SYSCTL}");
            errors.push(FieldError::invalid(&path, &sysctl.name, detail));
        } else if !names.insert(&sysctl.name) {
            errors.push(FieldError::duplicate(&path, &sysctl.name));
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= SYSCTL_MAX
        && name.split(['.', '/']).all(|segment| {
            let bytes = segment.as_bytes();
            bytes.first().is_some_and(plain)
                && bytes.last().is_some_and(plain)
                && bytes.iter().all(|b| plain(b) || matches!(b, b'-' | b'_'))
        })
}

fn validate_seccomp(profile: &SeccompProfile, path: &Path, errors: &mut ErrorList) {
    let kinds = ["Localhost", "RuntimeDefault", "Unconfined"];
    let kind_path = path.child("type");
    match profile.type_.as_str() {
        "" => {
            let detail = "type is required when seccompProfile is set";
            errors.push(FieldError::required(&kind_path, detail));
        }
        kind => one_of(kind, &kinds, &kind_path, errors),
    }
    let path = path.child("localhostProfile");
    match (&profile.localhost_profile, profile.type_ == "Localhost") {
        (Some(local), true) => validate_descending_path(local, &path, errors),
        (Some(local), false) => {
            let detail = "can only be set when seccomp type is Localhost";
            errors.push(FieldError::invalid(&path, local, detail));
        }
        (None, true) => {
            let detail = "must be set when seccomp type is Localhost";
            errors.push(FieldError::required(&path, detail));
        }
        (None, false) => {}
    }
}
