//! Annotations of pods that the server interprets (upstream:
//! `ValidatePodSpecificAnnotations` in `pkg/apis/core/validation/validation.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSpec, SeccompProfile};
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::profiles::{apparmor_profile_error, validate_seccomp_profile};

/// The annotation of the API's image of a static pod.
pub const MIRROR: &str = "kubernetes.io/config.mirror";
/// Prefix of the annotations that name containers' `AppArmor` profiles.
pub const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Annotations of pods and of templates of pods.
pub type Annotations = BTreeMap<String, String>;

/// Validates the annotations of a pod or a template.
pub fn validate_pod_annotations(
    annotations: Option<&Annotations>,
    spec: &PodSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (key, value) in annotations.into_iter().flatten() {
        if key == MIRROR && spec.node_name.as_deref().unwrap_or_default().is_empty() {
            let detail = "must set spec.nodeName if mirror pod annotation is set";
            errors.push(FieldError::invalid(&path.key(key), value, detail));
        }
        if key == DELETION_COST && value.parse::<i32>().is_err() {
            let detail = "must be a 32bit integer";
            errors.push(FieldError::invalid(&path.key(key), value, detail));
        }
        if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            validate_seccomp_profile(value, &path.child(key), errors);
        }
        if let Some(container) = key.strip_prefix(APPARMOR) {
            validate_apparmor(container, value, spec, &path.key(key), errors);
        }
    }
}

fn validate_apparmor(
    container: &str,
    profile: &str,
    spec: &PodSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    if !containers(spec).any(|c| c.name == container) {
        errors.push(FieldError::invalid(path, container, "container not found"));
    }
    if let Some(sentence) = apparmor_profile_error(profile) {
        errors.push(FieldError::invalid(path, profile, sentence));
    }
}

/// A container of any kind, as far as annotations are about it.
struct Annotated<'s> {
    list: &'static str,
    index: usize,
    name: &'s str,
    profile: Option<&'s SeccompProfile>,
}

/// All containers of a spec. None is copied: every pod is validated, few have such annotations.
fn containers(spec: &PodSpec) -> impl Iterator<Item = Annotated<'_>> {
    macro_rules! of {
        ($list:literal, $containers:expr) => {
            $containers.enumerate().map(|(index, c)| Annotated {
                list: $list,
                index,
                name: &c.name,
                profile: (c.security_context.as_ref()).and_then(|c| c.seccomp_profile.as_ref()),
            })
        };
    }
    let init = spec.init_containers.iter().flatten();
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    of!("initContainers", init)
        .chain(of!("containers", spec.containers.iter()))
        .chain(of!("ephemeralContainers", ephemeral))
}

/// If a profile is in a field and in an annotation, both must be equal (upstream:
/// `validateSeccompAnnotationsAndFields`).
pub fn validate_profiles_agree(
    annotations: Option<&Annotations>,
    spec: &PodSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let mut check = |key: &str, profile: Option<&SeccompProfile>, path: &Path| {
        let annotation = annotations.and_then(|a| a.get(key));
        if let (Some(annotation), Some(profile)) = (annotation, profile) {
            let path = path.child("securityContext").child("seccompProfile");
            profile_agrees(annotation, profile, &path, errors);
        }
    };
    let context = spec.security_context.as_ref();
    check(
        SECCOMP_POD,
        context.and_then(|c| c.seccomp_profile.as_ref()),
        path,
    );
    for container in containers(spec).filter(|c| c.profile.is_some()) {
        let key = format!("{SECCOMP_CONTAINER}{}", container.name);
        let path = path.child(container.list).index(container.index);
        check(&key, container.profile, &path);
    }
}

fn profile_agrees(annotation: &str, profile: &SeccompProfile, path: &Path, errors: &mut ErrorList) {
    let local = annotation.strip_prefix("localhost/");
    let agrees = match profile.type_.as_str() {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => matches!(annotation, "runtime/default" | "docker/default"),
        "Localhost" => local.is_some(),
        _ => true,
    };
    if !agrees {
        let detail = "seccomp type in annotation and field must match";
        errors.push(FieldError::forbidden(&path.child("type"), detail));
    } else if profile.type_ == "Localhost" && local != profile.localhost_profile.as_deref() {
        let detail = "seccomp profile in annotation and field must match";
        errors.push(FieldError::forbidden(
            &path.child("localhostProfile"),
            detail,
        ));
    }
}
