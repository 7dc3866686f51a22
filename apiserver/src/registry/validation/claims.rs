//! What a claim of storage asks for (upstream: `ValidatePersistentVolumeClaimSpec` in
//! `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::labels::validate_label_selector;
use super::resources::amount;
use super::{invalid_each, list, one_of, required, text};

/// How volumes can be mounted.
pub const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
/// What a volume shows of itself.
pub const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

/// A claim, alone or as a template.
pub fn validate_claim_spec(spec: &PersistentVolumeClaimSpec, path: &Path, errors: &mut ErrorList) {
    let modes = list(spec.access_modes.as_ref());
    let modes_path = path.child("accessModes");
    if modes.is_empty() {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::required(&modes_path, detail));
    }
    validate_label_selector(spec.selector.as_ref(), &path.child("selector"), errors);
    for mode in modes {
        one_of(mode, &ACCESS_MODES, &modes_path, errors);
    }
    validate_storage(spec, &path.child("resources").key("storage"), errors);
    let class = text(spec.storage_class_name.as_ref());
    if !class.is_empty() {
        let path = path.child("storageClassName");
        invalid_each(&path, class, name::dns1123_subdomain(class), errors);
    }
    if let Some(mode) = &spec.volume_mode {
        one_of(mode, &VOLUME_MODES, &path.child("volumeMode"), errors);
    }
    validate_data_source(spec, &path.child("dataSource"), errors);
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

fn validate_data_source(spec: &PersistentVolumeClaimSpec, path: &Path, errors: &mut ErrorList) {
    let Some(source) = &spec.data_source else {
        return;
    };
    required(Some(&source.name), &path.child("name"), errors);
    required(Some(&source.kind), &path.child("kind"), errors);
    let group = text(source.api_group.as_ref());
    if group.is_empty() && source.kind != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(FieldError::invalid(path, &source.kind, detail));
    }
}
