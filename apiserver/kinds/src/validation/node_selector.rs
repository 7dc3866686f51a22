//! Selectors of nodes (upstream: `ValidateNodeSelector` in
//! `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::labels::validate_label_name;
use super::{invalid_each, list};

/// A selector with at least one term.
pub fn validate_node_selector(selector: &NodeSelector, path: &Path, errors: &mut ErrorList) {
    let path = path.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        let detail = "must have at least one node selector term";
        errors.push(FieldError::required(&path, detail));
    }
    for (i, term) in selector.node_selector_terms.iter().enumerate() {
        validate_node_selector_term(term, &path.index(i), errors);
    }
}

/// Conditions on a node's labels and fields.
pub fn validate_node_selector_term(term: &NodeSelectorTerm, path: &Path, errors: &mut ErrorList) {
    let expressions = path.child("matchExpressions");
    for (i, requirement) in list(term.match_expressions.as_ref()).iter().enumerate() {
        validate_label_requirement(requirement, &expressions.index(i), errors);
    }
    let fields = path.child("matchFields");
    for (i, requirement) in list(term.match_fields.as_ref()).iter().enumerate() {
        validate_field_requirement(requirement, &fields.index(i), errors);
    }
}

fn validate_label_requirement(
    requirement: &NodeSelectorRequirement,
    path: &Path,
    errors: &mut ErrorList,
) {
    let values = list(requirement.values.as_ref());
    let values_path = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
            &values_path,
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            &values_path,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "Gt" | "Lt" if values.len() != 1 => errors.push(FieldError::required(
            &values_path,
            "must be specified single value when `operator` is 'Lt' or 'Gt'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => unknown_operator(other, path, errors),
    }
    validate_label_name(&requirement.key, &path.child("key"), errors);
}

fn unknown_operator(operator: &str, path: &Path, errors: &mut ErrorList) {
    let path = path.child("operator");
    let detail = "not a valid selector operator";
    errors.push(FieldError::invalid(&path, operator, detail));
}

/// The only field is the node's name.
fn validate_field_requirement(
    requirement: &NodeSelectorRequirement,
    path: &Path,
    errors: &mut ErrorList,
) {
    let values = list(requirement.values.as_ref());
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => errors.push(FieldError::required(
            &path.child("values"),
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        )),
        "In" | "NotIn" => {}
        other => unknown_operator(other, path, errors),
    }
    if requirement.key == "metadata.name" {
        for (i, value) in values.iter().enumerate() {
            let path = path.child("values").index(i);
            invalid_each(&path, value, name::dns1123_subdomain(value), errors);
        }
    } else {
        let detail = "not a valid field selector key";
        let path = path.child("key");
        errors.push(FieldError::invalid(&path, &requirement.key, detail));
    }
}
