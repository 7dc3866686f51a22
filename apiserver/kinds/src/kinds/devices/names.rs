//! Names of drivers, pools, devices and of what is said about devices.

use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::invalid_each;
use crate::validation::names::validate_csi_driver_name;

/// The longest name of an attribute, without its domain.
const ID_MAX: usize = 32;

/// Drivers are named as those of volumes are.
pub(super) fn validate_driver(driver: &str, path: &Path, errors: &mut ErrorList) {
    validate_csi_driver_name(driver, path, errors);
}

/// The name of a pool: subdomains, with slashes between them.
pub(super) fn validate_pool(pool: &str, path: &Path, errors: &mut ErrorList) {
    if pool.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    if pool.len() > name::SUBDOMAIN_MAX {
        errors.push(FieldError::too_long(path, name::SUBDOMAIN_MAX));
    }
    for part in pool.split('/') {
        invalid_each(path, part, name::dns1123_subdomain(part), errors);
    }
}

/// The name of a device, of a request or of a set of counters.
pub(super) fn validate_label(value: &str, path: &Path, errors: &mut ErrorList) {
    invalid_each(path, value, name::dns1123_label(value), errors);
}

/// The name of a class.
pub(super) fn validate_class(class: &str, path: &Path, errors: &mut ErrorList) {
    if class.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else {
        invalid_each(path, class, name::dns1123_subdomain(class), errors);
    }
}

/// The name of an attribute or a capacity, of the driver's own domain or of the one in front of it.
pub(super) fn validate_qualified(value: &str, path: &Path, errors: &mut ErrorList) {
    let mut wrong = |detail: &str| errors.push(FieldError::invalid(path, "", detail));
    match *value.split('/').collect::<Vec<_>>() {
        [id] => validate_id(id, path, errors),
        [domain, id] => {
            if domain.is_empty() {
                wrong("the domain must not be empty");
            }
            if id.is_empty() {
                wrong("the name must not be empty");
            }
            if !domain.is_empty() {
                validate_driver(domain, path, errors);
            }
            if !id.is_empty() {
                validate_id(id, path, errors);
            }
        }
        _ => {
            let detail = "must not contain more than one slash";
            errors.push(FieldError::invalid(path, value, detail));
        }
    }
}

/// The same with its domain, as claims name attributes.
pub(super) fn validate_fully_qualified(value: &str, path: &Path, errors: &mut ErrorList) {
    validate_qualified(value, path, errors);
    if !value.contains('/') {
        let detail = "a fully qualified name must be a domain and a name separated by a slash";
        errors.push(FieldError::invalid(path, value, detail));
    }
}

/// An identifier of C.
fn validate_id(id: &str, path: &Path, errors: &mut ErrorList) {
    if id.len() > ID_MAX {
        errors.push(FieldError::too_long(path, ID_MAX));
    }
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = id.bytes();
    let starts = bytes.next().is_some_and(is_letter);
    if !starts || !bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit()) {
        let detail = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
        errors.push(FieldError::invalid(path, id, detail));
    }
}
