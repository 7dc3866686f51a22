//! Level baseline: fields of the security contexts of pods and containers (upstream:
//! `policy/check_*.go`).

use k8s_openapi::api::core::v1::{SELinuxOptions, WindowsSecurityContextOptions};
use portcullis_api::field_error::go_quote;

use super::{Values, plural, quoted, setters, violation};
use crate::plugins::pod_security::subject::{ContainerLike, PodLike};
use crate::plugins::pod_security::violation::Violation;

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
pub(in super::super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(in super::super) const SECCOMP_CONTAINER: &str =
    "container.seccomp.security.alpha.kubernetes.io/";

/// Whether a profile type is one that the baseline allows.
pub(super) fn is_allowed_profile(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

pub(crate) fn app_armor(pod: &PodLike<'_>) -> Option<Violation> {
    let of_pod = pod
        .context
        .app_armor_profile
        .as_ref()
        .map(|p| p.type_.clone());
    let of_pod = of_pod.filter(|kind| !is_allowed_profile(kind));
    let of = |c: &ContainerLike<'_>| {
        let kind = c
            .context
            .app_armor_profile
            .as_ref()
            .map(|p| p.type_.clone());
        kind.filter(|kind| !is_allowed_profile(kind))
    };
    let values: Values = pod
        .containers
        .iter()
        .filter_map(of)
        .chain(of_pod.clone())
        .collect();
    let annotations: Vec<_> = pod
        .annotations
        .iter()
        .filter(|(key, profile)| key.starts_with(APP_ARMOR) && !is_allowed_app_armor(profile))
        .map(|(key, profile)| format!("{key}={}", go_quote(profile)))
        .collect();
    let who = setters(of_pod.is_some(), &pod.names_where(|c| of(c).is_some()));
    let noun = plural("annotation", "annotations", annotations.len());
    let noun = (!annotations.is_empty()).then(|| noun.to_owned());
    let who: Vec<_> = who.into_iter().chain(noun).collect();
    let values: Vec<_> = values.into_iter().chain(annotations).collect();
    let reason = plural(
        "forbidden AppArmor profile",
        "forbidden AppArmor profiles",
        values.len(),
    );
    let (who_text, what) = (who.join(" and "), quoted(values));
    (!who.is_empty()).then(|| {
        violation(
            reason,
            format!("{who_text} must not set AppArmor profile type to {what}"),
        )
    })
}

fn is_allowed_app_armor(profile: &str) -> bool {
    profile.is_empty() || profile == "runtime/default" || profile.starts_with("localhost/")
}

fn se_linux_except(pod: &PodLike<'_>, types: &[&str]) -> Option<Violation> {
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let bad_type = |options: &SELinuxOptions| {
        let kind = text(&options.type_);
        (!kind.is_empty() && !types.contains(&kind.as_str())).then_some(kind)
    };
    let names_user = |options: &SELinuxOptions| !text(&options.user).is_empty();
    let names_role = |options: &SELinuxOptions| !text(&options.role).is_empty();
    let is_bad = |options: &SELinuxOptions| {
        bad_type(options).is_some() || names_user(options) || names_role(options)
    };
    let of_pod = pod.context.se_linux_options.as_ref();
    let of_containers = pod
        .containers
        .iter()
        .filter_map(|c| c.context.se_linux_options.as_ref());
    let all: Vec<_> = of_pod.into_iter().chain(of_containers).collect();
    let bad = pod.names_where(|c| c.context.se_linux_options.as_ref().is_some_and(is_bad));
    let who = setters(of_pod.is_some_and(is_bad), &bad)?;
    let bad_types: Values = all.iter().filter_map(|options| bad_type(options)).collect();
    let noun = plural("type", "types", bad_types.len());
    let bad_types = (!bad_types.is_empty()).then(|| format!("{noun} {}", quoted(bad_types)));
    let user = all
        .iter()
        .any(|o| names_user(o))
        .then(|| "user may not be set".to_owned());
    let role = all
        .iter()
        .any(|o| names_role(o))
        .then(|| "role may not be set".to_owned());
    let what: Vec<_> = [bad_types, user, role].into_iter().flatten().collect();
    let what = what.join("; ");
    Some(violation(
        "seLinuxOptions",
        format!("{who} set forbidden securityContext.seLinuxOptions: {what}"),
    ))
}

pub(crate) fn se_linux(pod: &PodLike<'_>) -> Option<Violation> {
    se_linux_except(pod, &["container_t", "container_init_t", "container_kvm_t"])
}

pub(crate) fn se_linux_1_31(pod: &PodLike<'_>) -> Option<Violation> {
    let types = [
        "container_t",
        "container_init_t",
        "container_kvm_t",
        "container_engine_t",
    ];
    se_linux_except(pod, &types)
}

/// Profiles were annotations until 1.18.
pub(crate) fn seccomp_annotations(pod: &PodLike<'_>) -> Option<Violation> {
    let of_containers = pod
        .containers
        .iter()
        .map(|c| format!("{SECCOMP_CONTAINER}{}", c.name));
    let keys = std::iter::once(SECCOMP_POD.to_owned()).chain(of_containers);
    let bad: Values = keys
        .filter_map(|key| {
            let profile = pod.annotations.get(&key)?;
            let known = matches!(profile.as_str(), "runtime/default" | "docker/default");
            let bad = !known && !profile.starts_with("localhost/");
            bad.then(|| format!("{key}={}", go_quote(profile)))
        })
        .collect();
    let noun = plural("annotation", "annotations", bad.len());
    let list = bad.iter().cloned().collect::<Vec<_>>().join(", ");
    (!bad.is_empty()).then(|| violation("seccompProfile", format!("forbidden {noun} {list}")))
}

pub(crate) fn seccomp(pod: &PodLike<'_>) -> Option<Violation> {
    let of_pod = pod
        .context
        .seccomp_profile
        .as_ref()
        .map(|p| p.type_.clone());
    let of_pod = of_pod.filter(|kind| !is_allowed_profile(kind));
    let of = |c: &ContainerLike<'_>| {
        let kind = c.context.seccomp_profile.as_ref().map(|p| p.type_.clone());
        kind.filter(|kind| !is_allowed_profile(kind))
    };
    let who = setters(of_pod.is_some(), &pod.names_where(|c| of(c).is_some()))?;
    let values: Values = pod.containers.iter().filter_map(of).chain(of_pod).collect();
    let what = quoted(values);
    Some(violation(
        "seccompProfile",
        format!("{who} must not set securityContext.seccompProfile.type to {what}"),
    ))
}

pub(crate) fn windows_host_process(pod: &PodLike<'_>) -> Option<Violation> {
    let is_host = |options: &Option<WindowsSecurityContextOptions>| {
        options.as_ref().and_then(|o| o.host_process) == Some(true)
    };
    let bad = pod.names_where(|c| is_host(&c.context.windows_options));
    let who = setters(is_host(&pod.context.windows_options), &bad)?;
    Some(violation(
        "hostProcess",
        format!("{who} must not set securityContext.windowsOptions.hostProcess=true"),
    ))
}
