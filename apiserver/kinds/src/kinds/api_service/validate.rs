//! Validation of API services (upstream: `pkg/apis/apiregistration/validation/validation.go`).

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{
    APIService, APIServiceSpec, ServiceReference,
};
use portcullis_api::field_error::go_quote;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::name_of;
use crate::validation::{invalid_each, one_of, required, text};

/// The highest priority of a group, and of a version in it.
const GROUP_MAX: i32 = 20_000;
const VERSION_MAX: i32 = 1_000;
/// The valid statuses of a condition.
const STATUSES: [&str; 3] = ["True", "False", "Unknown"];

pub(super) fn validate(service: &APIService) -> ErrorList {
    let mut errors = ErrorList::new();
    let nothing = APIServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&nothing);
    let (group, version) = (text(spec.group.as_ref()), text(spec.version.as_ref()));
    validate_bound_name(service, &name_of(group, version), &mut errors);
    let path = Path::new("spec");
    if !group.is_empty() {
        let sentences = name::dns1123_subdomain(group);
        invalid_each(&path.child("group"), group, sentences, &mut errors);
    } else if version != "v1" {
        let detail = "only v1 may have an empty group and it better be legacy kube";
        errors.push(FieldError::required(&path.child("group"), detail));
    }
    let sentences = name::dns1035_label(version);
    invalid_each(&path.child("version"), version, sentences, &mut errors);
    for (field, priority, max) in [
        (
            "groupPriorityMinimum",
            spec.group_priority_minimum,
            GROUP_MAX,
        ),
        ("versionPriority", spec.version_priority, VERSION_MAX),
    ] {
        if !(1..=max).contains(&priority) {
            let detail = format!("must be positive and less than {max}");
            errors.push(FieldError::invalid(&path.child(field), priority, detail));
        }
    }
    match &spec.service {
        None => validate_local(spec, &path, &mut errors),
        Some(reference) => validate_remote(spec, reference, &path, &mut errors),
    }
    errors
}

/// The name must be that of the version; a generated one cannot be.
fn validate_bound_name(service: &APIService, bound: &str, errors: &mut ErrorList) {
    let metadata = Path::new("metadata");
    for (field, value) in [
        ("generateName", &service.metadata.generate_name),
        ("name", &service.metadata.name),
    ] {
        let value = text(value.as_ref());
        // other mismatches have been reported already
        let is_other = !value.is_empty() && value != bound && name::path_segment(value).is_empty();
        if is_other {
            let bound = go_quote(bound);
            let detail = format!("must be `spec.version+\".\"+spec.group`: {bound}");
            errors.push(FieldError::invalid(&metadata.child(field), value, detail));
        }
    }
}

fn validate_local(spec: &APIServiceSpec, path: &Path, errors: &mut ErrorList) {
    let bundle = spec.ca_bundle.as_ref().map_or(0, |bundle| bundle.0.len());
    if bundle > 0 {
        errors.push(FieldError::invalid(
            &path.child("caBundle"),
            format!("{bundle} bytes").as_str(),
            "local APIServices may not have a caBundle",
        ));
    }
    if spec.insecure_skip_tls_verify == Some(true) {
        errors.push(FieldError::invalid(
            &path.child("insecureSkipTLSVerify"),
            true,
            "local APIServices may not have insecureSkipTLSVerify",
        ));
    }
}

fn validate_remote(
    spec: &APIServiceSpec,
    reference: &ServiceReference,
    path: &Path,
    errors: &mut ErrorList,
) {
    let service = path.child("service");
    let (namespace, name) = (&reference.namespace, &reference.name);
    required(namespace.as_deref(), &service.child("namespace"), errors);
    required(name.as_deref(), &service.child("name"), errors);
    let port = reference.port.unwrap_or_default();
    if !(1..=65535).contains(&port) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        errors.push(FieldError::invalid(&service.child("port"), port, detail));
    }
    let bundle = spec.ca_bundle.as_ref();
    if spec.insecure_skip_tls_verify == Some(true) && bundle.is_some_and(|b| !b.0.is_empty()) {
        errors.push(FieldError::invalid(
            &path.child("insecureSkipTLSVerify"),
            true,
            "may not be true if caBundle is present",
        ));
    }
}

pub(super) fn validate_status(service: &APIService) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("status").child("conditions");
    let conditions = service
        .status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten());
    for (at, condition) in conditions.enumerate() {
        let path = path.index(at).child("status");
        one_of(&condition.status, &STATUSES, &path, &mut errors);
    }
    errors
}
