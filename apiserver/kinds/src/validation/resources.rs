//! Amounts of resources (upstream: `ValidateResourceRequirements` in
//! `pkg/apis/core/validation/validation.go`, names in `pkg/apis/core/helper/helpers.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use portcullis_api::field_error::BadValue;
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::{NOT_NEGATIVE, invalid_each};

/// Amounts by the names of resources.
pub type Amounts = BTreeMap<String, Text>;

const HUGE_PAGES: &str = "hugepages-";
const NOT_INTEGER: &str = "must be an integer";
/// Resources of containers, for names without a domain.
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// Resources with quotas, for names without a domain.
const QUOTA_RESOURCES: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
/// Resources that are counted, not measured.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether the resource is huge pages.
pub fn is_huge_pages(resource: &str) -> bool {
    resource.starts_with(HUGE_PAGES)
}

/// Whether a name has no domain, or one of Kubernetes' own.
pub fn is_native(resource: &str) -> bool {
    !resource.contains('/') || resource.contains("kubernetes.io/")
}

/// Whether a name is that of a device plugin's resource.
pub fn is_extended(resource: &str) -> bool {
    !is_native(resource)
        && !resource.starts_with("requests.")
        && name::qualified_name(&format!("requests.{resource}")).is_empty()
}

/// Whether limits may exceed the capacity.
fn is_overcommit_allowed(resource: &str) -> bool {
    is_native(resource) && !is_huge_pages(resource)
}

/// Whether a name without a domain is known.
pub fn is_standard(resource: &str) -> bool {
    resource == "storage" || is_standard_for_quota(resource)
}

/// Whether a name without a domain can have a quota.
pub fn is_standard_for_quota(resource: &str) -> bool {
    QUOTA_RESOURCES.contains(&resource)
        || is_huge_pages(resource.strip_prefix("requests.").unwrap_or(resource))
}

/// Whether a name without a domain is known for containers.
pub fn is_standard_for_containers(resource: &str) -> bool {
    CONTAINER_RESOURCES.contains(&resource) || is_huge_pages(resource)
}

/// The name of any resource; returns whether it is well formed.
pub fn validate_resource_name(resource: &str, path: &Path, errors: &mut ErrorList) -> bool {
    let sentences = name::qualified_name(resource);
    let fine = sentences.is_empty();
    invalid_each(path, resource, sentences, errors);
    if fine && !resource.contains('/') && !is_standard(resource) {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(path, resource, detail));
    }
    fine
}

/// The name of a container's resource.
pub fn validate_container_resource_name(resource: &str, path: &Path, errors: &mut ErrorList) {
    validate_resource_name(resource, path, errors);
    if !resource.contains('/') {
        if !is_standard_for_containers(resource) {
            let detail = "must be a standard resource for containers";
            errors.push(FieldError::invalid(path, resource, detail));
        }
    } else if !is_native(resource) && !is_extended(resource) {
        let detail = "doesn't follow extended resource name standard";
        errors.push(FieldError::invalid(path, resource, detail));
    }
}

/// Parses an amount; decoding has validated it.
pub fn amount(text: &Text) -> Quantity {
    Quantity::parse(&text.0).unwrap_or(Quantity::ZERO)
}

/// An amount of a resource: not negative, and whole if the resource is counted.
pub fn validate_amount(resource: &str, text: &Text, path: &Path, errors: &mut ErrorList) {
    validate_not_negative(text, path, errors);
    let counted = COUNTED.contains(&resource) || is_extended(resource);
    if counted && amount(text).millis_rounded_up() % 1000 != 0 {
        errors.push(FieldError::invalid(path, &text.0, NOT_INTEGER));
    }
}

/// An amount must not be negative.
pub fn validate_not_negative(text: &Text, path: &Path, errors: &mut ErrorList) {
    if amount(text).is_negative() {
        errors.push(FieldError::invalid(path, &text.0, NOT_NEGATIVE));
    }
}

/// Any amount (upstream: `validateBasicResource`).
pub fn validate_basic(text: &Text, path: &Path, errors: &mut ErrorList) {
    let value = amount(text);
    if value.is_negative() {
        let detail = "must be a valid resource quantity";
        let shown = BadValue::go(value.units_rounded_up().to_string());
        errors.push(FieldError::invalid(path, shown, detail));
    }
}

/// The requests and limits of a container.
pub fn validate_requirements(
    resources: &ResourceRequirements,
    path: &Path,
    errors: &mut ErrorList,
) {
    let none = Amounts::new();
    let limits = resources.limits.as_ref().unwrap_or(&none);
    let requests = resources.requests.as_ref().unwrap_or(&none);
    let (limits_path, requests_path) = (path.child("limits"), path.child("requests"));
    for (resource, limit) in limits {
        validate_entry(resource, limit, &limits_path.key(resource), errors);
    }
    for (resource, request) in requests {
        validate_entry(resource, request, &requests_path.key(resource), errors);
        match limits.get(resource) {
            Some(limit) => {
                validate_request(resource, request, limit, &requests_path, errors);
            }
            None if !is_overcommit_allowed(resource) => {
                let detail = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(&limits_path, detail));
            }
            None => {}
        }
    }
    let any = |wanted: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(|r| wanted(r));
    if any(is_huge_pages) && !any(|r| matches!(r, "cpu" | "memory")) {
        let detail = "HugePages require cpu or memory";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn validate_entry(resource: &str, text: &Text, path: &Path, errors: &mut ErrorList) {
    validate_container_resource_name(resource, path, errors);
    validate_amount(resource, text, path, errors);
    let page = resource.strip_prefix(HUGE_PAGES).map(Quantity::parse);
    if let Some(Ok(page)) = page {
        let (page, total) = (page.units_rounded_up(), amount(text).units_rounded_up());
        if page <= 0 || total % page != 0 {
            let detail = format!("{} is not positive integer multiple of {resource}", text.0);
            errors.push(FieldError::invalid(path, &text.0, detail));
        }
    }
}

/// A request must not exceed its limit, and must equal it if overcommitment is not allowed.
fn validate_request(
    resource: &str,
    request: &Text,
    limit: &Text,
    path: &Path,
    errors: &mut ErrorList,
) {
    let (asked, most) = (amount(request), amount(limit));
    if asked != most && !is_overcommit_allowed(resource) {
        let detail = format!("must be equal to {resource} limit");
        errors.push(FieldError::invalid(path, &request.0, detail));
    } else if asked > most {
        let detail = format!("must be less than or equal to {resource} limit");
        errors.push(FieldError::invalid(path, &request.0, detail));
    }
}
