//! What a claim asks for: requests, constraints on what they get, and configurations.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::resource::v1::{
    DeviceClaim, DeviceConstraint, DeviceRequest, DeviceSelector, DeviceToleration,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::configuration::validate_configuration;
use super::names::{validate_class, validate_fully_qualified, validate_label};
use super::selector::validate_selectors;
use super::taints::{default_tolerations, validate_tolerations};
use super::{validate_each, validate_set};
use crate::validation::{list, one_of, text};

/// How many requests, and how many things said about them.
const REQUESTS_MAX: usize = 32;
/// How many alternatives a request has.
const ALTERNATIVES_MAX: usize = 8;
const ALL: &str = "All";
const EXACT_COUNT: &str = "ExactCount";
const NO_SUCH_REQUEST: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// The names of requests, each with those of its alternatives.
type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// One device of each request, unless something else is said (upstream: `pkg/apis/resource/v1/defaults.go`).
pub(super) fn default_claim(claim: &mut DeviceClaim) {
    for request in claim.requests.iter_mut().flatten() {
        if let Some(exactly) = &mut request.exactly {
            default_count(&mut exactly.allocation_mode, &mut exactly.count);
            default_tolerations(exactly.tolerations.as_mut());
        }
        for one in request.first_available.iter_mut().flatten() {
            default_count(&mut one.allocation_mode, &mut one.count);
            default_tolerations(one.tolerations.as_mut());
        }
    }
}

fn default_count(mode: &mut Option<String>, count: &mut Option<i64>) {
    if text(mode.as_ref()).is_empty() {
        *mode = Some(EXACT_COUNT.to_owned());
    }
    if mode.as_deref() == Some(EXACT_COUNT) && count.unwrap_or_default() == 0 {
        *count = Some(1);
    }
}

pub(super) fn validate_claim(claim: &DeviceClaim, path: &Path, errors: &mut ErrorList) {
    let requests = list(claim.requests.as_ref());
    let names = names(requests);
    validate_set(
        requests,
        REQUESTS_MAX,
        &path.child("requests"),
        errors,
        |request| request.name.as_str(),
        validate_request,
    );
    let constraints = list(claim.constraints.as_ref());
    validate_each(
        constraints,
        REQUESTS_MAX,
        &path.child("constraints"),
        errors,
        |constraint, path, errors| validate_constraint(constraint, &names, path, errors),
    );
    validate_each(
        list(claim.config.as_ref()),
        REQUESTS_MAX,
        &path.child("config"),
        errors,
        |config, path, errors| {
            let requests = list(config.requests.as_ref());
            validate_references(requests, &names, &path.child("requests"), errors);
            validate_configuration(config.opaque.as_ref(), path, errors);
        },
    );
}

fn names(requests: &[DeviceRequest]) -> Names<'_> {
    requests
        .iter()
        .map(|request| {
            let alternatives = request.first_available.iter().flatten();
            let alternatives = alternatives.map(|one| one.name.as_str());
            (request.name.as_str(), alternatives.collect())
        })
        .collect()
}

fn validate_request(request: &DeviceRequest, path: &Path, errors: &mut ErrorList) {
    validate_label(&request.name, &path.child("name"), errors);
    let alternatives = list(request.first_available.as_ref());
    match (&request.exactly, alternatives) {
        (None, []) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required";
            errors.push(FieldError::required(path, detail));
        }
        (Some(_), [_, ..]) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.push(FieldError::invalid(path, BadValue::null(), detail));
        }
        (Some(exactly), []) => DeviceSelection {
            class: &exactly.device_class_name,
            selectors: list(exactly.selectors.as_ref()),
            mode: text(exactly.allocation_mode.as_ref()),
            count: exactly.count.unwrap_or_default(),
            tolerations: list(exactly.tolerations.as_ref()),
        }
        .validate(&path.child("exactly"), errors),
        (None, alternatives) => validate_set(
            alternatives,
            ALTERNATIVES_MAX,
            &path.child("firstAvailable"),
            errors,
            |one| one.name.as_str(),
            |one, path, errors| {
                validate_label(&one.name, &path.child("name"), errors);
                DeviceSelection {
                    class: &one.device_class_name,
                    selectors: list(one.selectors.as_ref()),
                    mode: text(one.allocation_mode.as_ref()),
                    count: one.count.unwrap_or_default(),
                    tolerations: list(one.tolerations.as_ref()),
                }
                .validate(path, errors);
            },
        ),
    }
}

/// What a request and an alternative of one have in common.
struct DeviceSelection<'a> {
    class: &'a str,
    selectors: &'a [DeviceSelector],
    mode: &'a str,
    count: i64,
    tolerations: &'a [DeviceToleration],
}

impl DeviceSelection<'_> {
    fn validate(&self, path: &Path, errors: &mut ErrorList) {
        validate_class(self.class, &path.child("deviceClassName"), errors);
        validate_selectors(self.selectors, &path.child("selectors"), errors);
        let count = path.child("count");
        match self.mode {
            ALL if self.count != 0 => {
                let detail = "must not be specified when allocationMode is 'All'";
                errors.push(FieldError::invalid(&count, self.count, detail));
            }
            EXACT_COUNT if self.count <= 0 => {
                let detail = "must be greater than zero";
                errors.push(FieldError::invalid(&count, self.count, detail));
            }
            mode => one_of(
                mode,
                &[ALL, EXACT_COUNT],
                &path.child("allocationMode"),
                errors,
            ),
        }
        validate_tolerations(self.tolerations, &path.child("tolerations"), errors);
    }
}

fn validate_constraint(
    constraint: &DeviceConstraint,
    names: &Names<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let requests = list(constraint.requests.as_ref());
    validate_references(requests, names, &path.child("requests"), errors);
    match (&constraint.match_attribute, &constraint.distinct_attribute) {
        (Some(attribute), _) => {
            validate_fully_qualified(attribute, &path.child("matchAttribute"), errors);
        }
        (None, Some(attribute)) => {
            validate_fully_qualified(attribute, &path.child("distinctAttribute"), errors);
        }
        (None, None) => {
            let detail = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            errors.push(FieldError::required(path, detail));
        }
    }
}

/// The names of requests that something is said about; of none, if it is said of all.
fn validate_references(
    references: &[String],
    names: &Names<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_set(
        references,
        REQUESTS_MAX,
        path,
        errors,
        String::as_str,
        |reference, path, errors| {
            let parts: Vec<_> = reference.split('/').collect();
            if parts.len() <= 2 {
                for part in &parts {
                    validate_label(part, path, errors);
                }
            }
            let found = match *parts {
                [request] => names.contains_key(request),
                [request, one] => names.get(request).is_some_and(|ones| ones.contains(one)),
                _ => false,
            };
            if !found {
                errors.push(FieldError::invalid(path, reference, NO_SUCH_REQUEST));
            }
        },
    );
}
