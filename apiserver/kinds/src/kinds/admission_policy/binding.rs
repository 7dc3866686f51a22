//! The common parts of the bindings of both kinds of policies.

use k8s_openapi::api::admissionregistration::v1::ParamRef;
use portcullis_api::{ErrorList, FieldError, Object, Path, name};

use super::params::reference_cell;
use crate::strategy::{Cell, Column};
use crate::validation::invalid_each;

/// A binding must name a policy.
pub(crate) fn validate_policy_name(policy: &str, path: &Path, errors: &mut ErrorList) {
    if policy.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else {
        invalid_each(path, policy, name::dns1123_subdomain(policy), errors);
    }
}

/// The columns of a binding.
pub(crate) static COLUMNS: [Column; 4] = [
    Column::NAME,
    Column::text(
        "PolicyName",
        "PolicyName indicates the policy definition which the policy binding binded to",
    ),
    Column::text(
        "ParamRef",
        "ParamRef indicates the param resource which sets the configration param",
    ),
    Column::AGE,
];

/// The cells of a binding.
pub(crate) fn cells(binding: &dyn Object, policy: &str, reference: Option<&ParamRef>) -> Vec<Cell> {
    vec![
        Cell::name(binding),
        Cell::text(policy),
        reference_cell(reference),
        Cell::age(binding),
    ]
}
