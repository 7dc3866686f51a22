//! The files of a volume made of keys.

use k8s_openapi::api::core::v1::KeyToPath;
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::profiles::validate_descending_path;
use super::super::{list, required};

/// The permissions of a file.
pub(super) fn validate_mode(mode: Option<i32>, path: &Path, errors: &mut ErrorList) {
    if let Some(mode) = mode.filter(|m| !(0..=0o777).contains(m)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(path, mode, detail));
    }
}

/// The mapping of keys to files.
pub(super) fn validate_items(items: Option<&Vec<KeyToPath>>, path: &Path, errors: &mut ErrorList) {
    for (i, item) in list(items).iter().enumerate() {
        let path = path.index(i);
        required(Some(&item.key), &path.child("key"), errors);
        required(Some(&item.path), &path.child("path"), errors);
        validate_file_path(&item.path, &path.child("path"), errors);
        validate_mode(item.mode, &path.child("mode"), errors);
    }
}

/// A path below the volume's root, with a name that the kubelet does not use itself.
pub(super) fn validate_file_path(file: &str, path: &Path, errors: &mut ErrorList) {
    validate_descending_path(file, path, errors);
    if file.starts_with("..") && !file.starts_with("../") {
        let detail = "must not start with '..'";
        errors.push(FieldError::invalid(path, file, detail));
    }
}
