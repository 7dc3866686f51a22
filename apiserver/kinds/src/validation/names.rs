//! Names of other things than objects.

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

/// A kind or name that must be set and be a valid segment of a URL.
pub fn validate_object_name(value: &str, path: &Path, errors: &mut ErrorList) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else {
        invalid_each(path, value, name::path_segment(value), errors);
    }
}

/// A path with a domain, such as `acme.io/foo` (upstream: `IsDomainPrefixedPath` in
/// `k8s.io/apimachinery/pkg/util/validation/validation.go`).
pub fn validate_domain_prefixed_path(value: &str, path: &Path, errors: &mut ErrorList) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let (host, rest) = value.split_once('/').unwrap_or_default();
    if host.is_empty() || rest.is_empty() {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid(path, value, detail));
        return;
    }
    invalid_each(path, host, name::dns1123_subdomain(host), errors);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b);
    if !rest.bytes().all(allowed) {
        let detail =
            "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.push(FieldError::invalid(path, rest, detail));
    }
}
