//! Fields that pods of one operating system must not have.

use k8s_openapi::api::core::v1::{
    PodSecurityContext, PodSpec, SecurityContext, WindowsSecurityContextOptions,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::{invalid_each, list, one_of};

const SPEC_MAX: usize = 64 * 1024;
const DOMAIN_MAX: usize = 256;
const USER_MAX: usize = 104;
const NETBIOS_MAX: usize = 15;
const NOT_IN_USERS: &str = r#""/\:;|=,+*?<>@[]"#;

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
        let path = path.child("runAsUserName");
        for detail in user_mistakes(user) {
            errors.push(FieldError::invalid(&path, user, detail));
        }
    }
}

/// Validates a user's name, such as `DOMAIN\user`.
fn user_mistakes(name: &str) -> Vec<String> {
    let alone = if name.is_empty() {
        "runAsUserName cannot be an empty string"
    } else if name.contains(|c: char| c.is_ascii_control()) {
        "runAsUserName cannot contain control characters"
    } else if name.matches('\\').count() > 1 {
        "runAsUserName cannot contain more than one backslash"
    } else {
        ""
    };
    if !alone.is_empty() {
        return vec![alone.to_owned()];
    }
    let mut mistakes = Vec::new();
    let (domain, user) = match name.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, name),
    };
    if let Some(domain) = domain {
        if domain.len() >= DOMAIN_MAX {
            mistakes.push(format!(
                "runAsUserName's Domain length must be under {DOMAIN_MAX} characters"
            ));
        }
        if !is_netbios_name(domain) && !is_dns_domain(domain) {
            let detail = "runAsUserName's Domain doesn't match the NetBios nor the DNS format";
            mistakes.push(detail.to_owned());
        }
    }
    if user.is_empty() {
        mistakes.push("runAsUserName's User cannot be empty".to_owned());
    } else if user.len() > USER_MAX {
        mistakes.push(format!(
            "runAsUserName's User length must not be longer than {USER_MAX} characters"
        ));
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        let detail = "runAsUserName's User cannot contain only periods or spaces";
        mistakes.push(detail.to_owned());
    }
    if user.contains(|c| NOT_IN_USERS.contains(c)) {
        mistakes.push(format!(
            "runAsUserName's User cannot contain the following characters: {NOT_IN_USERS}"
        ));
    }
    mistakes
}

fn is_netbios_name(domain: &str) -> bool {
    let allowed = |c: char| !r#"\/:*?"<>|."#.contains(c);
    let short = (1..=NETBIOS_MAX).contains(&domain.chars().count());
    short && domain.chars().all(allowed)
}

fn is_dns_domain(domain: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|b| plain(*b))
            && bytes.last().is_some_and(|b| plain(*b))
            && bytes.iter().all(|b| plain(*b) || *b == b'-')
    };
    domain.split('.').all(is_label)
}

/// Host process containers: all of a pod's, or none (upstream:
/// `validateWindowsHostProcessPod`).
pub(super) fn validate_host_processes(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let of_pod = spec.security_context.as_ref();
    let of_pod = of_pod.and_then(|c| c.windows_options.as_ref());
    let of_pod = of_pod.and_then(|o| o.host_process);
    let mut counts = (0, 0);
    for (place, context) in contexts(spec, path) {
        let own = context.and_then(|c| c.windows_options.as_ref());
        let own = own.and_then(|o| o.host_process);
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            let detail =
                format!("pod hostProcess value must be identical if both are specified, was {pod}");
            let path = place.child("securityContext").child("windowsOptions");
            errors.push(FieldError::invalid(&path.child("hostProcess"), own, detail));
        }
        counts.0 += 1;
        counts.1 += usize::from(own.or(of_pod) == Some(true));
    }
    let (all, of_node) = counts;
    if of_node == 0 {
        return;
    }
    if of_node != all {
        let detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(FieldError::invalid(path, "", detail));
    }
    if spec.host_network != Some(true) {
        let detail = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.push(FieldError::invalid(
            &path.child("hostNetwork"),
            false,
            detail,
        ));
    }
}

/// The security contexts of a pod's containers, and the containers' paths.
pub(in crate::validation) fn contexts<'s>(
    spec: &'s PodSpec,
    path: &Path,
) -> impl Iterator<Item = (Path, Option<&'s SecurityContext>)> {
    let at = |field: &str| {
        let path = path.child(field);
        move |i: usize| path.index(i)
    };
    let (init_at, main_at, ephemeral_at) = (
        at("initContainers"),
        at("containers"),
        at("ephemeralContainers"),
    );
    let init = list(spec.init_containers.as_ref()).iter().enumerate();
    let main = spec.containers.iter().enumerate();
    let ephemeral = list(spec.ephemeral_containers.as_ref()).iter().enumerate();
    init.map(move |(i, c)| (init_at(i), c.security_context.as_ref()))
        .chain(main.map(move |(i, c)| (main_at(i), c.security_context.as_ref())))
        .chain(ephemeral.map(move |(i, c)| (ephemeral_at(i), c.security_context.as_ref())))
}

/// The operating system of a pod, and the fields that it excludes.
pub(super) fn validate_os(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let Some(os) = &spec.os else { return };
    let os_path = path.child("os");
    if os.name.is_empty() {
        let path = os_path.child("name");
        errors.push(FieldError::required(&path, "cannot be empty"));
    } else {
        one_of(&os.name, &["linux", "windows"], &os_path, errors);
    }
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
    for (place, context) in contexts(spec, path) {
        let Some(context) = context else { continue };
        let path = place.child("securityContext");
        fields.extend(
            context_fields(context, windows)
                .into_iter()
                .map(|(field, set)| (set, path.child(field))),
        );
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
