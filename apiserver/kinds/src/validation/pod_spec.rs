//! The spec of pods and of templates of pods (upstream: `ValidatePodSpec` in
//! `pkg/apis/core/validation/validation.go` of 1.24).

mod affinity;
mod annotations;
mod containers;
mod dns;
mod env;
mod ephemeral;
mod field_refs;
mod handlers;
mod iscsi;
mod mounts;
mod projections;
mod scheduling;
mod security;
mod volume_items;
mod volume_sources;
mod volumes;
mod windows;

use k8s_openapi::api::core::v1::PodSpec;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::labels::{validate_label_name, validate_labels};
use super::resources::validate_requirements;
use super::{invalid_each, list, one_of, required, text};

pub use annotations::{
    APPARMOR, Annotations, MIRROR, validate_pod_annotations, validate_profiles_agree,
};
pub use containers::validate_images;
pub use ephemeral::{as_container, validate_ephemeral_containers};
pub use scheduling::validate_tolerations;
pub(super) use windows::contexts;

pub use volumes::{Volumes, validate_persistent_source, validate_storage_os};

/// The most seconds, and the largest user or group.
const MAX_INT32: i64 = i32::MAX as i64;

/// Validates a template's spec, or the spec of the pod with this name.
pub fn validate_pod_spec(spec: &PodSpec, pod: &str, path: &Path, errors: &mut ErrorList) {
    let volumes_path = path.child("volumes");
    let volumes = Volumes::validate(spec.volumes.as_ref(), pod, &volumes_path, errors);
    containers::validate_containers(spec, &volumes, path, errors);
    ephemeral::validate_ephemeral_containers(spec, &volumes, path, errors);
    let policy = text(spec.restart_policy.as_ref());
    let policies = ["Always", "OnFailure", "Never"];
    required_one_of(policy, &policies, &path.child("restartPolicy"), errors);
    dns::validate_policy(spec, path, errors);
    let selector = spec.node_selector.as_ref();
    validate_labels(selector, &path.child("nodeSelector"), errors);
    security::validate_pod_context(spec, path, errors);
    if let Some(affinity) = &spec.affinity {
        affinity::validate_affinity(affinity, &path.child("affinity"), errors);
    }
    dns::validate_dns(spec, path, errors);
    for (i, gate) in list(spec.readiness_gates.as_ref()).iter().enumerate() {
        let path = path.child("readinessGates").index(i).child("conditionType");
        validate_label_name(&gate.condition_type, &path, errors);
    }
    scheduling::validate_spread(spec, &path.child("topologySpreadConstraints"), errors);
    windows::validate_host_processes(spec, path, errors);
    validate_name(
        &spec.service_account_name,
        SUBDOMAIN,
        &path.child("serviceAccountName"),
        errors,
    );
    validate_name(&spec.node_name, SUBDOMAIN, &path.child("nodeName"), errors);
    validate_deadline(spec, path, errors);
    validate_name(&spec.hostname, LABEL, &path.child("hostname"), errors);
    validate_name(&spec.subdomain, LABEL, &path.child("subdomain"), errors);
    let tolerations = list(spec.tolerations.as_ref());
    validate_tolerations(tolerations, &path.child("tolerations"), errors);
    dns::validate_host_aliases(spec, &path.child("hostAliases"), errors);
    validate_name(
        &spec.priority_class_name,
        SUBDOMAIN,
        &path.child("priorityClassName"),
        errors,
    );
    if let Some(class) = &spec.runtime_class_name {
        let path = path.child("runtimeClassName");
        invalid_each(&path, class, name::dns1123_subdomain(class), errors);
    }
    validate_class(spec, path, errors);
    windows::validate_os(spec, path, errors);
}

/// A text that must be set, to one of those known.
fn required_one_of(value: &str, known: &[&str], path: &Path, errors: &mut ErrorList) {
    if value.is_empty() {
        required(None, path, errors);
    } else {
        one_of(value, known, path, errors);
    }
}

/// A check of a name.
type Check = fn(&str) -> Vec<String>;
const SUBDOMAIN: Check = name::dns1123_subdomain;
const LABEL: Check = name::dns1123_label;

/// An optional name.
fn validate_name(value: &Option<String>, check: Check, path: &Path, errors: &mut ErrorList) {
    let value = text(value.as_ref());
    if !value.is_empty() {
        invalid_each(path, value, check(value), errors);
    }
}

fn validate_deadline(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=MAX_INT32).contains(&seconds)
    {
        let detail = format!("must be between 1 and {MAX_INT32}, inclusive");
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::invalid(&path, seconds, detail));
    }
}

fn validate_class(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    if let Some(policy) = &spec.preemption_policy {
        let policies = ["PreemptLowerPriority", "Never"];
        required_one_of(policy, &policies, &path.child("preemptionPolicy"), errors);
    }
    if let Some(overhead) = &spec.overhead {
        let limits = k8s_openapi::api::core::v1::ResourceRequirements {
            limits: Some(overhead.clone()),
            ..Default::default()
        };
        validate_requirements(&limits, &path.child("overhead"), errors);
    }
}

#[cfg(test)]
mod tests;
