//! Seccomp profiles, which are in a field and, from before it existed, in annotations (upstream:
//! `applySeccompVersionSkew` in `pkg/registry/core/pod/strategy.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, SeccompProfile};

use super::parts::all_containers;

const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

type Annotations = BTreeMap<String, String>;

/// Copies the field to the annotation or the other way round, if only one is set.
pub(super) fn sync_profiles(pod: &mut Pod) {
    let Some(spec) = &mut pod.spec else { return };
    let mut annotations = pod.metadata.annotations.take().unwrap_or_default();
    let context = spec.security_context.get_or_insert_default();
    if let Some(profile) = sync(POD, context.seccomp_profile.as_ref(), &mut annotations) {
        context.seccomp_profile = Some(profile);
    }
    for container in all_containers(spec) {
        let key = format!("{CONTAINER}{}", container.name);
        let context = container.security_context.as_ref();
        let profile = context.and_then(|c| c.seccomp_profile.as_ref());
        if let Some(profile) = sync(&key, profile, &mut annotations) {
            let context = container.security_context.get_or_insert_default();
            context.seccomp_profile = Some(profile);
        }
    }
    pod.metadata.annotations = Some(annotations).filter(|a| !a.is_empty());
}

/// Sets the annotation from the field, or returns the value for the field.
fn sync(
    key: &str,
    field: Option<&SeccompProfile>,
    annotations: &mut Annotations,
) -> Option<SeccompProfile> {
    match (field, annotations.get(key)) {
        (Some(profile), None) => {
            if let Some(text) = annotation_of(profile) {
                annotations.insert(key.to_owned(), text);
            }
            None
        }
        (None, Some(annotation)) => profile_of(annotation),
        _ => None,
    }
}

fn annotation_of(profile: &SeccompProfile) -> Option<String> {
    match profile.type_.as_str() {
        "Unconfined" => Some("unconfined".into()),
        "RuntimeDefault" => Some("runtime/default".into()),
        "Localhost" => {
            let local = profile.localhost_profile.as_ref();
            local.map(|local| format!("localhost/{local}"))
        }
        _ => None,
    }
}

fn profile_of(annotation: &str) -> Option<SeccompProfile> {
    let (kind, local) = match annotation {
        "unconfined" => ("Unconfined", None),
        "runtime/default" | "docker/default" => ("RuntimeDefault", None),
        other => ("Localhost", Some(other.strip_prefix("localhost/")?)),
    };
    Some(SeccompProfile {
        type_: kind.to_owned(),
        localhost_profile: local.filter(|l| !l.is_empty()).map(str::to_owned),
    })
}
