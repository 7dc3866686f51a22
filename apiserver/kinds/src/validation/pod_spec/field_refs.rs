//! References to a pod's own fields and to its containers' resources.

use k8s_openapi::api::core::v1::{ObjectFieldSelector, ResourceFieldSelector};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::resources::amount;
use super::super::{invalid_each, one_of, required, text};

/// The fields available in the environment.
pub(super) const ENV_FIELDS: [&str; 8] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.podIP",
    "status.podIPs",
];
/// The fields available in files.
pub(super) const VOLUME_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// The valid fields of a reference, available or not (upstream: `ConvertDownwardAPIFieldLabel` in
/// `pkg/apis/core/pods/helpers.go`).
const KNOWN_FIELDS: [&str; 13] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const BYTES: [&str; 13] = [
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
];

pub(super) fn validate_field_ref(
    reference: &ObjectFieldSelector,
    shown: &[&str],
    path: &Path,
    errors: &mut ErrorList,
) {
    let version = text(reference.api_version.as_ref());
    let field_path = path.child("fieldPath");
    let field = reference.field_path.as_str();
    if version.is_empty() {
        required(None, &path.child("apiVersion"), errors);
        return;
    }
    if field.is_empty() {
        errors.push(FieldError::required(&field_path, ""));
        return;
    }
    let subscripted = split_subscript(field);
    if let Some(why) = conversion_error(version, field, subscripted) {
        let detail = format!("error converting fieldPath: {why}");
        errors.push(FieldError::invalid(&field_path, field, detail));
        return;
    }
    match subscripted {
        // keys of annotations may have capitals even in their domain
        Some(("metadata.annotations", key)) => {
            invalid_each(path, key, name::qualified_name(&key.to_lowercase()), errors);
        }
        Some((_, key)) => invalid_each(path, key, name::qualified_name(key), errors),
        None => one_of(field, shown, &field_path, errors),
    }
}

/// `metadata.labels['key']`, in its two parts.
fn split_subscript(field: &str) -> Option<(&str, &str)> {
    let (path, key) = field.strip_suffix("']")?.split_once("['")?;
    (!path.is_empty()).then_some((path, key))
}

fn conversion_error(version: &str, field: &str, parts: Option<(&str, &str)>) -> Option<String> {
    if version != "v1" {
        return Some(format!("unsupported pod version: {version}"));
    }
    match parts {
        Some(("metadata.annotations" | "metadata.labels", _)) => None,
        Some(_) => Some(format!("field label does not support subscript: {field}")),
        None if KNOWN_FIELDS.contains(&field) => None,
        None => Some(format!("field label not supported: {field}")),
    }
}

pub(super) fn validate_resource_field_ref(
    reference: &ResourceFieldSelector,
    in_volume: bool,
    path: &Path,
    errors: &mut ErrorList,
) {
    let resource = reference.resource.as_str();
    let huge_pages = ["limits.hugepages-", "requests.hugepages-"]
        .iter()
        .any(|prefix| resource.starts_with(prefix));
    if in_volume && text(reference.container_name.as_ref()).is_empty() {
        required(None, &path.child("containerName"), errors);
    } else if resource.is_empty() {
        required(None, &path.child("resource"), errors);
    } else if !huge_pages {
        one_of(resource, &RESOURCES, &path.child("resource"), errors);
    }
    validate_divisor(reference, path, errors);
}

fn validate_divisor(reference: &ResourceFieldSelector, path: &Path, errors: &mut ErrorList) {
    let Some(divisor) = &reference.divisor else {
        return;
    };
    let resource = reference.resource.as_str();
    let Some((_, kind)) = resource.split_once('.') else {
        return;
    };
    let (units, detail) = match kind {
        "cpu" => (
            &["1m", "1"][..],
            "only divisor's values 1m and 1 are supported with the cpu resource",
        ),
        "memory" => (
            &BYTES[..],
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
        ),
        "ephemeral-storage" => (
            &BYTES[..],
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the local ephemeral storage resource",
        ),
        other if other.starts_with("hugepages-") => (
            &BYTES[..],
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the hugepages resource",
        ),
        _ => return,
    };
    if !amount(divisor).is_zero() && !units.contains(&divisor.0.as_str()) {
        let path = path.child("divisor");
        errors.push(FieldError::invalid(&path, resource, detail));
    }
}
