//! Names that objects use for other things than objects.

use portcullis_api::{ErrorList, FieldError, Path, name};

use super::{invalid_each, required};

/// The name of a CSI driver (upstream: `ValidateCSIDriverName` in
/// `pkg/apis/core/validation/validation.go`).
pub fn validate_csi_driver_name(driver: &str, path: &Path, errors: &mut ErrorList) {
    required(Some(driver), path, errors);
    if driver.len() > name::LABEL_MAX {
        errors.push(FieldError::too_long(path, name::LABEL_MAX));
    }
    let sentences = name::dns1123_subdomain(&driver.to_lowercase());
    invalid_each(path, driver, sentences, errors);
}
