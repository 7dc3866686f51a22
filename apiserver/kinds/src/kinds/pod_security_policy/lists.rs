//! The lists of a policy: capabilities, paths, drivers, sysctls, runtime classes.

use std::collections::BTreeSet;

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::psp::{IDRange, PodSecurityPolicySpec, RuntimeClassStrategyOptions};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::names::validate_csi_driver_name;
use crate::validation::{go_elements, go_strings, invalid_each, list, one_of};

/// The longest name of a sysctl.
const SYSCTL_MAX: usize = 253;
const SYSCTL_PATTERN: &str = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?\\.)*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]";

/// ID ranges as Go's `%#v` prints them.
pub(super) fn go_ranges(ranges: &[IDRange]) -> BadValue {
    if ranges.is_empty() {
        return BadValue::go("[]policy.IDRange(nil)");
    }
    let texts: Vec<_> = ranges
        .iter()
        .map(|r| format!("policy.IDRange{{Min:{}, Max:{}}}", r.min, r.max))
        .collect();
    BadValue::go(format!("[]policy.IDRange{{{}}}", texts.join(", ")))
}

/// A capability that must be dropped cannot be added too.
pub(super) fn validate_capabilities(spec: &PodSecurityPolicySpec, errors: &mut ErrorList) {
    let dropped = list(spec.required_drop_capabilities.as_ref());
    let allowed = list(spec.allowed_capabilities.as_ref());
    if !dropped.is_empty() && allowed.iter().any(|c| c == "*") {
        let value = BadValue::go(format!("[]core.Capability{}", go_elements(dropped)));
        errors.push(FieldError::invalid(
            &Path::new("requiredDropCapabilities"),
            value,
            "must be empty when all capabilities are allowed by a wildcard",
        ));
    }
    let added = list(spec.default_add_capabilities.as_ref());
    for (field, listed) in [
        ("defaultAddCapabilities", added),
        ("allowedCapabilities", allowed),
    ] {
        for capability in dropped.iter().filter(|c| listed.contains(c)) {
            let detail = format!("capability is listed in {field} and requiredDropCapabilities");
            errors.push(FieldError::invalid(&Path::new(field), capability, detail));
        }
    }
}

pub(super) fn validate_proc_mounts(
    spec: &PodSecurityPolicySpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, kind) in list(spec.allowed_proc_mount_types.as_ref())
        .iter()
        .enumerate()
    {
        one_of(kind, &["Default", "Unmasked"], &path.index(i), errors);
    }
}

pub(super) fn validate_host_paths(
    spec: &PodSecurityPolicySpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, host_path) in list(spec.allowed_host_paths.as_ref()).iter().enumerate() {
        let prefix = host_path.path_prefix.as_deref().unwrap_or_default();
        if prefix.is_empty() {
            errors.push(FieldError::required(&path.index(i), "is required"));
            break;
        }
        if prefix.split('/').any(|part| part == "..") {
            let detail = "must not contain '..'";
            errors.push(FieldError::invalid(&path.index(i), prefix, detail));
        }
    }
}

pub(super) fn validate_flex_volumes(
    spec: &PodSecurityPolicySpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, volume) in list(spec.allowed_flex_volumes.as_ref()).iter().enumerate() {
        if volume.driver.is_empty() {
            let path = path.child("allowedFlexVolumes").index(i).child("driver");
            errors.push(FieldError::required(&path, "must specify a driver"));
        }
    }
}

pub(super) fn validate_csi_drivers(
    spec: &PodSecurityPolicySpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, driver) in list(spec.allowed_csi_drivers.as_ref()).iter().enumerate() {
        let path = path.child("allowedCSIDriver").index(i).child("name");
        validate_csi_driver_name(&driver.name, &path, errors);
    }
}

pub(super) fn validate_sysctls(spec: &PodSecurityPolicySpec, path: &Path, errors: &mut ErrorList) {
    let allowed = list(spec.allowed_unsafe_sysctls.as_ref());
    let forbidden = list(spec.forbidden_sysctls.as_ref());
    let allowed_path = path.child("allowedUnsafeSysctls");
    let forbidden_path = path.child("forbiddenSysctls");
    validate_sysctl_list(allowed, &allowed_path, errors);
    validate_sysctl_list(forbidden, &forbidden_path, errors);
    for (i, a) in allowed.iter().enumerate() {
        for (j, f) in forbidden.iter().enumerate() {
            match overlap(a, f) {
                Overlap::None => {}
                Overlap::InAllowed => errors.push(FieldError::invalid(
                    &allowed_path.index(i),
                    a,
                    format!("sysctl overlaps with {f}"),
                )),
                Overlap::InForbidden => errors.push(FieldError::invalid(
                    &forbidden_path.index(j),
                    f,
                    format!("sysctl overlaps with {a}"),
                )),
            }
        }
    }
}

fn validate_sysctl_list(sysctls: &[String], path: &Path, errors: &mut ErrorList) {
    for (i, sysctl) in sysctls.iter().enumerate() {
        let path = path.index(i);
        if sysctl.is_empty() {
            let detail = "empty sysctl not allowed";
            errors.push(FieldError::invalid(&path, sysctl, detail));
        } else if !is_sysctl_pattern(sysctl) {
            let detail = format!(
                "must have at most {SYSCTL_MAX} characters and match regex {SYSCTL_PATTERN}"
            );
            errors.push(FieldError::invalid(&path, sysctl, detail));
        }
    }
    if sysctls.len() > 1 && sysctls.iter().any(|s| s.starts_with('*')) {
        let detail = "if '*' is present, must not specify other sysctls";
        errors.push(FieldError::forbidden(&path.child("items"), detail));
    }
}

/// Segments of lower-case letters, digits, `-` and `_`, the last of which may end in `*`.
fn is_sysctl_pattern(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let inner = |b: &u8| plain(*b) || matches!(b, b'-' | b'_');
    let segment = |s: &str| {
        let bytes = s.as_bytes();
        bytes.first().is_some_and(|b| plain(*b))
            && bytes.last().is_some_and(|b| plain(*b))
            && bytes.iter().all(inner)
    };
    let (head, last) = match text.rsplit_once('.') {
        Some((head, last)) => (Some(head), last),
        None => (None, text),
    };
    let last = match last.strip_suffix('*') {
        Some("") => true,
        Some(rest) => rest.bytes().next().is_some_and(plain) && rest.as_bytes().iter().all(inner),
        None => segment(last),
    };
    text.len() <= SYSCTL_MAX && last && head.is_none_or(|h| h.split('.').all(segment))
}

/// Which of two entries includes the other.
enum Overlap {
    None,
    InAllowed,
    InForbidden,
}

fn overlap(allowed: &str, forbidden: &str) -> Overlap {
    match (allowed.strip_suffix('*'), forbidden.strip_suffix('*')) {
        (Some(a), Some(f)) if a.starts_with(f) => Overlap::InAllowed,
        (Some(a), Some(f)) if f.starts_with(a) => Overlap::InForbidden,
        (Some(a), None) if forbidden.starts_with(a) => Overlap::InForbidden,
        (None, Some(f)) if allowed.starts_with(f) => Overlap::InAllowed,
        (None, None) if allowed == forbidden => Overlap::InAllowed,
        _ => Overlap::None,
    }
}

pub(super) fn validate_runtime_class(
    class: &RuntimeClassStrategyOptions,
    path: &Path,
    errors: &mut ErrorList,
) {
    let names = &class.allowed_runtime_class_names;
    let names_path = path.child("allowedRuntimeClassNames");
    let mut seen = BTreeSet::new();
    for (i, class_name) in names.iter().enumerate() {
        let path = names_path.index(i);
        if class_name != "*" {
            invalid_each(
                &path,
                class_name,
                name::dns1123_subdomain(class_name),
                errors,
            );
        }
        if !seen.insert(class_name.as_str()) {
            errors.push(FieldError::duplicate(&path, class_name));
        }
    }
    if let Some(default) = &class.default_runtime_class_name {
        let path = path.child("defaultRuntimeClassName");
        invalid_each(&path, default, name::dns1123_subdomain(default), errors);
        if !seen.contains("*") && !seen.contains(default.as_str()) {
            let detail = format!("default {} must be allowed", go_quote(default));
            errors.push(FieldError::required(&names_path, detail));
        }
    }
    if seen.contains("*") && names.len() > 1 {
        let detail = "if '*' is present, must not specify other RuntimeClass names";
        errors.push(FieldError::invalid(&names_path, go_strings(names), detail));
    }
}
