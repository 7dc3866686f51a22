//! What pods of one operating system may not say of another.

use k8s_openapi::api::core::v1::{
    Container, PodSecurityContext, PodSpec, SecurityContext, WindowsSecurityContextOptions,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::{invalid_each, list};
use super::required_one_of;

const SPEC_MAX: usize = 64 * 1024;

pub(super) fn validate_options(
    options: &WindowsSecurityContextOptions,
    path: &Path,
    errors: &mut ErrorList,
) {
    if let Some(spec_name) = &options.gmsa_credential_spec_name {
        let path = path.child("gmsaCredentialSpecName");
        invalid_each(&path, spec_name, name::dns1123_subdomain(spec_name), errors);
    }
    if let Some(spec) = &options.gmsa_credential_spec {
        let path = path.child("gmsaCredentialSpec");
        if spec.is_empty() {
            let detail = "gmsaCredentialSpec cannot be an empty string";
            errors.push(FieldError::invalid(&path, spec, detail));
        } else if spec.len() > SPEC_MAX {
            let detail = format!(
                "gmsaCredentialSpec size must be under {} KiB",
                SPEC_MAX / 1024
            );
            errors.push(FieldError::invalid(&path, spec, detail));
        }
    }
    if let Some(user) = &options.run_as_user_name {
        let detail = if user.is_empty() {
            "runAsUserName cannot be an empty string"
        } else if user.contains(|c: char| c.is_ascii_control()) {
            "runAsUserName cannot contain control characters"
        } else if user.matches('\\').count() > 1 {
            "runAsUserName cannot contain more than one backslash"
        } else {
            return;
        };
        errors.push(FieldError::invalid(
            &path.child("runAsUserName"),
            user,
            detail,
        ));
    }
}

/// The operating system a pod is for, and what that rules out.
pub(super) fn validate_os(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let Some(os) = &spec.os else { return };
    let os_path = path.child("os").child("name");
    required_one_of(&os.name, &["linux", "windows"], &os_path, errors);
    let detail = match os.name.as_str() {
        "linux" => "windows options cannot be set for a linux pod",
        "windows" => "cannot be set for a windows pod",
        _ => return,
    };
    for (set, field) in foreign_fields(spec, os.name == "windows", path) {
        if set {
            errors.push(FieldError::forbidden(&field, detail));
        }
    }
}

fn foreign_fields(spec: &PodSpec, windows: bool, path: &Path) -> Vec<(bool, Path)> {
    let context_path = path.child("securityContext");
    let mut fields = Vec::new();
    if windows {
        for (field, set) in [
            ("hostPID", spec.host_pid == Some(true)),
            ("hostIPC", spec.host_ipc == Some(true)),
            (
                "shareProcessNamespace",
                spec.share_process_namespace.is_some(),
            ),
        ] {
            fields.push((set, path.child(field)));
        }
    }
    if let Some(context) = &spec.security_context {
        fields.extend(
            pod_fields(context, windows).map(|(field, set)| (set, context_path.child(field))),
        );
    }
    let init = list(spec.init_containers.as_ref());
    for (list_field, containers) in [
        ("containers", &spec.containers[..]),
        ("initContainers", init),
    ] {
        for (i, container) in containers.iter().enumerate() {
            let path = path.child(list_field).index(i).child("securityContext");
            fields.extend(container_fields(container, windows, &path));
        }
    }
    fields
}

fn pod_fields(
    context: &PodSecurityContext,
    windows: bool,
) -> impl Iterator<Item = (&'static str, bool)> {
    [
        (
            "windowsOptions",
            !windows && context.windows_options.is_some(),
        ),
        ("fsGroup", windows && context.fs_group.is_some()),
        (
            "fsGroupChangePolicy",
            windows && context.fs_group_change_policy.is_some(),
        ),
        ("runAsGroup", windows && context.run_as_group.is_some()),
        ("runAsUser", windows && context.run_as_user.is_some()),
        (
            "seLinuxOptions",
            windows && context.se_linux_options.is_some(),
        ),
        (
            "seccompProfile",
            windows && context.seccomp_profile.is_some(),
        ),
        (
            "supplementalGroups",
            windows && context.supplemental_groups.is_some(),
        ),
        (
            "sysctls",
            windows && !list(context.sysctls.as_ref()).is_empty(),
        ),
    ]
    .into_iter()
}

fn container_fields(container: &Container, windows: bool, path: &Path) -> Vec<(bool, Path)> {
    let Some(context) = &container.security_context else {
        return Vec::new();
    };
    context_fields(context, windows)
        .into_iter()
        .map(|(field, set)| (set, path.child(field)))
        .collect()
}

fn context_fields(context: &SecurityContext, windows: bool) -> [(&'static str, bool); 10] {
    [
        (
            "windowsOptions",
            !windows && context.windows_options.is_some(),
        ),
        (
            "seLinuxOptions",
            windows && context.se_linux_options.is_some(),
        ),
        (
            "seccompProfile",
            windows && context.seccomp_profile.is_some(),
        ),
        ("capabilities", windows && context.capabilities.is_some()),
        (
            "readOnlyRootFilesystem",
            windows && context.read_only_root_filesystem.is_some(),
        ),
        ("privileged", windows && context.privileged.is_some()),
        (
            "allowPrivilegeEscalation",
            windows && context.allow_privilege_escalation.is_some(),
        ),
        ("procMount", windows && context.proc_mount.is_some()),
        ("runAsUser", windows && context.run_as_user.is_some()),
        ("runAsGroup", windows && context.run_as_group.is_some()),
    ]
}
