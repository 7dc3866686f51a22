//! Evaluates a pod against one policy: sets defaults, then validates in upstream's order
//! (`podsecuritypolicy/provider.go`).

use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::compiled::CompiledPolicy;
use super::defaults::{ContainerDefaults, PodDefaults};
use super::findings::Findings;
use super::pod_view::{ContainerView, PodView};

/// Computes the defaults of the policy, and validates the pod with them.
///
/// # Errors
/// Everything that the policy rejects.
pub(super) fn evaluate<'c>(
    policy: &'c CompiledPolicy,
    pod: &PodView<'_>,
) -> Result<PodDefaults<'c>, ErrorList> {
    let mut findings = Findings::Errors(ErrorList::new());
    let defaults = validate(policy, pod, &mut findings);
    match findings {
        Findings::Errors(errors) if !errors.is_empty() => Err(errors),
        _ => Ok(defaults),
    }
}

/// The defaults of a policy, if it accepts the pod with them.
pub(super) fn accepts<'c>(
    policy: &'c CompiledPolicy,
    pod: &PodView<'_>,
) -> Option<PodDefaults<'c>> {
    let mut findings = Findings::Any(false);
    let defaults = validate(policy, pod, &mut findings);
    matches!(findings, Findings::Any(false)).then_some(defaults)
}

fn validate<'c>(
    policy: &'c CompiledPolicy,
    pod: &PodView<'_>,
    findings: &mut Findings,
) -> PodDefaults<'c> {
    let defaults = PodDefaults::of(policy, pod);
    validate_groups(policy, pod, &defaults, findings);
    let profile = pod.seccomp.as_deref().or(defaults.seccomp.as_deref());
    policy.seccomp.validate_pod(profile, findings);
    let options = pod.context.se_linux_options.as_ref().or(defaults.se_linux);
    policy.se_linux.validate(context_path, options, findings);
    validate_host_namespaces(policy, pod, findings);
    let sysctls = pod.context.sysctls.as_deref().unwrap_or_default();
    policy.sysctls.validate(sysctls, findings);
    policy.volumes.validate(pod, findings);
    validate_runtime_class(policy, pod, findings);
    for (container, default) in pod.containers.iter().zip(&defaults.containers) {
        validate_users(policy, container, default, findings);
        let options = container.se_linux_options().or(defaults.se_linux);
        let path = || container.context_path();
        policy.se_linux.validate(path, options, findings);
        let default_profile = default.app_armor;
        policy
            .app_armor
            .validate(container, default_profile, findings);
        policy
            .seccomp
            .validate_container(container, profile, findings);
        validate_container(policy, container, default, findings);
    }
    defaults
}

fn context_path() -> Path {
    Path::new("spec").child("securityContext")
}

fn validate_groups(
    policy: &CompiledPolicy,
    pod: &PodView<'_>,
    defaults: &PodDefaults<'_>,
    findings: &mut Findings,
) {
    let fs_group = pod.context.fs_group.or(defaults.fs_group);
    let fs_group = fs_group.as_ref().map(std::slice::from_ref);
    let path = || context_path().child("fsGroup");
    policy.fs_group.validate(path, fs_group, findings);
    let default = defaults.supplemental_group.as_ref();
    let own = pod.context.supplemental_groups.as_deref();
    let groups = own.or(default.map(std::slice::from_ref));
    let path = || context_path().child("supplementalGroups");
    policy.supplemental_groups.validate(path, groups, findings);
}

fn validate_host_namespaces(policy: &CompiledPolicy, pod: &PodView<'_>, findings: &mut Findings) {
    let (spec, yes) = (pod.spec, Option::unwrap_or_default);
    for (field, requested, allowed, detail) in [
        (
            "hostNetwork",
            yes(spec.host_network),
            policy.host_network,
            "Host network is not allowed to be used",
        ),
        (
            "hostPID",
            yes(spec.host_pid),
            policy.host_pid,
            "Host PID is not allowed to be used",
        ),
        (
            "hostIPC",
            yes(spec.host_ipc),
            policy.host_ipc,
            "Host IPC is not allowed to be used",
        ),
    ] {
        if requested && !allowed {
            findings.add(|| FieldError::invalid(&context_path().child(field), true, detail));
        }
    }
}

fn validate_runtime_class(policy: &CompiledPolicy, pod: &PodView<'_>, findings: &mut Findings) {
    let Some(rule) = &policy.runtime_class else {
        return;
    };
    let default = rule.default_runtime_class_name.as_ref();
    let Some(class) = pod.spec.runtime_class_name.as_ref().or(default) else {
        return;
    };
    let allowed = &rule.allowed_runtime_class_names;
    if !allowed.iter().any(|name| name == "*" || name == class) {
        findings.add(|| {
            let path = Path::new("spec").child("runtimeClassName");
            FieldError::invalid(&path, class, "")
        });
    }
}

fn validate_users(
    policy: &CompiledPolicy,
    container: &ContainerView<'_>,
    default: &ContainerDefaults<'_>,
    findings: &mut Findings,
) {
    let user = container.run_as_user().or(default.run_as_user);
    let non_root = container.run_as_non_root().or(default.run_as_non_root);
    policy
        .run_as_user
        .validate(container, non_root, user, findings);
    let group = container.run_as_group().or(default.run_as_group);
    let group = group.as_ref().map(std::slice::from_ref);
    // upstream's field path lacks the name of the field
    let path = || container.context_path();
    policy.run_as_group.validate(path, group, findings);
}

fn validate_container(
    policy: &CompiledPolicy,
    container: &ContainerView<'_>,
    default: &ContainerDefaults<'_>,
    findings: &mut Findings,
) {
    let own = container.context;
    let path = |field| container.context_path().child(field);
    if own.privileged.unwrap_or_default() && !policy.privileged {
        let detail = "Privileged containers are not allowed";
        findings.add(|| FieldError::invalid(&path("privileged"), true, detail));
    }
    let proc_mount = container.proc_mount();
    if !policy.proc_mount_types.iter().any(|t| t == proc_mount) {
        let detail = "ProcMountType is not allowed";
        findings.add(|| FieldError::invalid(&path("procMount"), proc_mount, detail));
    }
    let capabilities = default.capabilities.as_deref();
    let capabilities = capabilities.or(own.capabilities.as_ref());
    policy
        .capabilities
        .validate(container, capabilities, findings);
    policy.host_ports.validate(container, findings);
    let read_only = own.read_only_root_filesystem;
    let read_only = read_only.or(default.read_only_root_filesystem);
    if policy.read_only_root_filesystem && read_only != Some(true) {
        let detail = match read_only {
            None => "ReadOnlyRootFilesystem may not be nil and must be set to true",
            Some(_) => "ReadOnlyRootFilesystem must be set to true",
        };
        findings.add(|| {
            FieldError::invalid(&path("readOnlyRootFilesystem"), optional(read_only), detail)
        });
    }
    let escalation = own.allow_privilege_escalation;
    let escalation = escalation.or(default.allow_privilege_escalation);
    if !policy.allow_privilege_escalation && escalation != Some(false) {
        let detail = "Allowing privilege escalation for containers is not allowed";
        findings.add(|| {
            FieldError::invalid(
                &path("allowPrivilegeEscalation"),
                optional(escalation),
                detail,
            )
        });
    }
}

fn optional(value: Option<bool>) -> BadValue {
    value.map_or_else(BadValue::null, BadValue::from)
}
