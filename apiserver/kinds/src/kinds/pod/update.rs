//! Validation of changes of a pod (upstream: `ValidatePodUpdate` in
//! `pkg/apis/core/validation/validation.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};

use super::validate::validate_pod;
use crate::validation::pod_spec::{
    self, APPARMOR, MIRROR, validate_images, validate_pod_annotations,
};
use crate::validation::{list, required};

const SPEC: &str = "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations) or `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Validates a change of a pod.
pub(super) fn validate_update(pod: &Pod, old: &Pod) -> ErrorList {
    let mut errors = ErrorList::new();
    validate_pod(pod, &mut errors);
    validate_annotations(pod, old, &mut errors);
    if let (Some(spec), Some(old)) = (&pod.spec, &old.spec) {
        validate_spec(spec, old, &mut errors);
    }
    errors
}

/// Validates a change of ephemeral containers: they may only be added (upstream:
/// `ValidatePodEphemeralContainersUpdate`).
pub(super) fn validate_ephemeral_containers_update(pod: &Pod, old: &Pod) -> ErrorList {
    let mut errors = ErrorList::new();
    validate_pod(pod, &mut errors);
    validate_annotations(pod, old, &mut errors);
    let annotations = pod.metadata.annotations.as_ref();
    if annotations.is_some_and(|a| a.contains_key(MIRROR)) {
        let detail = "static pods do not support ephemeral containers";
        errors.push(FieldError::forbidden(&Path::default(), detail));
    }
    let path = Path::new("spec").child("ephemeralContainers");
    let new = pod
        .spec
        .as_ref()
        .and_then(|s| s.ephemeral_containers.as_ref());
    let old = old
        .spec
        .as_ref()
        .and_then(|s| s.ephemeral_containers.as_ref());
    for before in list(old) {
        let what = match list(new).iter().find(|c| c.name == before.name) {
            None => "removed",
            Some(after) if after != before => "changed",
            Some(_) => continue,
        };
        let name = go_quote(&before.name);
        let detail = format!("existing ephemeral containers {name} may not be {what}");
        errors.push(FieldError::forbidden(&path, detail));
    }
    errors
}

/// `AppArmor` profiles and the annotation of a mirror pod are immutable.
pub(super) fn validate_annotations(pod: &Pod, old: &Pod, errors: &mut ErrorList) {
    let none = BTreeMap::new();
    let new = pod.metadata.annotations.as_ref().unwrap_or(&none);
    let old = old.metadata.annotations.as_ref().unwrap_or(&none);
    let path = Path::new("metadata").child("annotations");
    let mut refuse = |key: &String, verb: &str| {
        let what = if key.starts_with(APPARMOR) {
            "AppArmor annotations"
        } else if key == MIRROR {
            "mirror pod annotation"
        } else {
            return;
        };
        let detail = format!("may not {verb} {what}");
        errors.push(FieldError::forbidden(&path.key(key), detail));
    };
    for (key, value) in old {
        if new.get(key) != Some(value) {
            refuse(key, "remove or update");
        }
    }
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        refuse(key, "add");
    }
    if let Some(spec) = &pod.spec {
        validate_pod_annotations(Some(new), spec, &path, errors);
    }
}

fn validate_spec(spec: &PodSpec, old: &PodSpec, errors: &mut ErrorList) {
    let path = Path::new("spec");
    let (init, old_init) = (
        list(spec.init_containers.as_ref()),
        list(old.init_containers.as_ref()),
    );
    let containers_path = path.child("containers");
    if !same_count(&spec.containers, &old.containers, &containers_path, errors)
        || !same_count(init, old_init, &path.child("initContainers"), errors)
    {
        return;
    }
    if !validate_deadline(spec, old, &path.child("activeDeadlineSeconds"), errors) {
        return;
    }
    validate_tolerations(
        list(spec.tolerations.as_ref()),
        list(old.tolerations.as_ref()),
        &path.child("tolerations"),
        errors,
    );
    if without_changeable(spec, old) != *old {
        errors.push(FieldError::forbidden(&path, SPEC));
    }
}

fn same_count(
    containers: &[Container],
    old: &[Container],
    path: &Path,
    errors: &mut ErrorList,
) -> bool {
    let same = containers.len() == old.len();
    if same {
        for (i, container) in containers.iter().enumerate() {
            required(
                container.image.as_deref(),
                &path.index(i).child("image"),
                errors,
            );
        }
        validate_images(containers, path, errors);
    } else {
        let detail = "pod updates may not add or remove containers";
        errors.push(FieldError::forbidden(path, detail));
    }
    same
}

/// A deadline may be set, and then only be shortened. Returns whether to validate the rest.
fn validate_deadline(spec: &PodSpec, old: &PodSpec, path: &Path, errors: &mut ErrorList) -> bool {
    let max = i64::from(i32::MAX);
    let (value, detail) = match (spec.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), _) if !(0..=max).contains(&new) => (
            new.into(),
            format!("must be between 0 and {max}, inclusive"),
        ),
        (Some(new), Some(old)) if old < new => (
            new.into(),
            "must be less than or equal to previous value".to_owned(),
        ),
        (None, Some(_)) => (
            BadValue::null(),
            "must not update from a positive integer to nil value".to_owned(),
        ),
        _ => return true,
    };
    errors.push(FieldError::invalid(path, value, detail));
    spec.active_deadline_seconds.is_none()
}

/// Tolerations may be added; of an existing one only the seconds may change.
fn validate_tolerations(
    new: &[Toleration],
    old: &[Toleration],
    path: &Path,
    errors: &mut ErrorList,
) {
    let but_seconds = |t: &Toleration| Toleration {
        toleration_seconds: None,
        ..t.clone()
    };
    let kept = |old: &Toleration| new.iter().any(|t| but_seconds(t) == but_seconds(old));
    if !old.iter().all(kept) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden(path, detail));
    } else {
        pod_spec::validate_tolerations(new, path, errors);
    }
}

/// The new spec with the old values of all mutable fields.
fn without_changeable(spec: &PodSpec, old: &PodSpec) -> PodSpec {
    let mut munged = spec.clone();
    let images = |new: &mut [Container], old: &[Container]| {
        for (new, old) in new.iter_mut().zip(old) {
            new.image.clone_from(&old.image);
        }
    };
    images(&mut munged.containers, &old.containers);
    if let Some(init) = &mut munged.init_containers {
        images(init, list(old.init_containers.as_ref()));
    }
    munged.active_deadline_seconds = old.active_deadline_seconds;
    munged.tolerations.clone_from(&old.tolerations);
    let grace = &mut munged.termination_grace_period_seconds;
    if *grace == Some(1) && old.termination_grace_period_seconds.is_some_and(|g| g < 0) {
        *grace = old.termination_grace_period_seconds;
    }
    munged
}
