//! The spec of a claim (upstream: `ValidatePersistentVolumeClaimSpec` in
//! `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::labels::validate_label_selector;
use super::resources::amount;
use super::{invalid_each, list, one_of, required, text};

/// The access modes of volumes.
pub const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
/// The modes of volumes.
pub const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

/// Validates a claim, alone or as a template.
pub fn validate_claim_spec(spec: &PersistentVolumeClaimSpec, path: &Path, errors: &mut ErrorList) {
    let modes = list(spec.access_modes.as_ref());
    let modes_path = path.child("accessModes");
    if modes.is_empty() {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::required(&modes_path, detail));
    }
    validate_label_selector(spec.selector.as_ref(), &path.child("selector"), errors);
    validate_access_modes(modes, &modes_path, errors);
    validate_storage(spec, &path.child("resources").key("storage"), errors);
    let class = text(spec.storage_class_name.as_ref());
    if !class.is_empty() {
        let path = path.child("storageClassName");
        invalid_each(&path, class, name::dns1123_subdomain(class), errors);
    }
    if let Some(mode) = &spec.volume_mode {
        one_of(mode, &VOLUME_MODES, &path.child("volumeMode"), errors);
    }
    validate_data_sources(spec, path, errors);
}

/// Access modes; the one for a single pod must be alone.
pub fn validate_access_modes(modes: &[String], path: &Path, errors: &mut ErrorList) {
    const ALONE: &str = "ReadWriteOncePod";
    for mode in modes {
        one_of(mode, &ACCESS_MODES, path, errors);
    }
    let known = |mode: &&String| ACCESS_MODES.contains(&mode.as_str());
    let (alone, others): (Vec<_>, Vec<_>) =
        modes.iter().filter(known).partition(|mode| *mode == ALONE);
    if !alone.is_empty() && !others.is_empty() {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn validate_storage(spec: &PersistentVolumeClaimSpec, path: &Path, errors: &mut ErrorList) {
    let requests = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    let Some(storage) = requests.and_then(|r| r.get("storage")) else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    if amount(storage) <= Quantity::ZERO {
        let detail = "must be greater than zero";
        errors.push(FieldError::invalid(path, &storage.0, detail));
    }
}

/// The data source of a new volume. The second of the two fields may name other kinds, and must equal the
/// first if both are set.
fn validate_data_sources(spec: &PersistentVolumeClaimSpec, path: &Path, errors: &mut ErrorList) {
    let (source, other) = (&spec.data_source, &spec.data_source_ref);
    let source_path = path.child("dataSource");
    if let Some(source) = source {
        let (kind, name) = (&source.kind, &source.name);
        let group = text(source.api_group.as_ref());
        validate_data_source(group, kind, name, &source_path, errors);
    }
    let Some(other) = other else { return };
    let group = text(other.api_group.as_ref());
    let other_path = path.child("dataSourceRef");
    validate_data_source(group, &other.kind, &other.name, &other_path, errors);
    let namespace = text(other.namespace.as_ref());
    if !namespace.is_empty() {
        let path = other_path.child("namespace");
        invalid_each(&path, namespace, name::dns1123_label(namespace), errors);
    }
    let Some(source) = source else { return };
    let same = source.api_group == other.api_group
        && source.kind == other.kind
        && source.name == other.name;
    let detail = match (namespace, same) {
        ("", true) => return,
        ("", false) => "must match dataSourceRef",
        _ => "may not be specified when dataSourceRef.namespace is specified",
    };
    errors.push(FieldError::invalid(path, source_path.as_str(), detail));
}

fn validate_data_source(
    group: &str,
    kind: &str,
    source: &str,
    path: &Path,
    errors: &mut ErrorList,
) {
    required(Some(source), &path.child("name"), errors);
    required(Some(kind), &path.child("kind"), errors);
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        errors.push(FieldError::invalid(path, kind, ""));
    }
}
