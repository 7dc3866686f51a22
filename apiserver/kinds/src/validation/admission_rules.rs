//! Rules of webhooks and policies (upstream: `validateRuleWithOperations` in
//! `pkg/apis/admissionregistration/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::{go_elements, go_strings, list, one_of};

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];

/// Validates a rule.
pub fn validate_rule(rule: &RuleWithOperations, path: &Path, errors: &mut ErrorList) {
    let operations = list(rule.operations.as_ref());
    let operations_path = path.child("operations");
    validate_wildcard(operations, "operations", &operations_path, errors);
    for (i, operation) in operations.iter().enumerate() {
        one_of(operation, &OPERATIONS, &operations_path.index(i), errors);
    }
    let groups = list(rule.api_groups.as_ref());
    validate_wildcard(groups, "API groups", &path.child("apiGroups"), errors);
    let versions = list(rule.api_versions.as_ref());
    let versions_path = path.child("apiVersions");
    validate_wildcard(versions, "API versions", &versions_path, errors);
    for (i, _) in versions.iter().enumerate().filter(|(_, v)| v.is_empty()) {
        errors.push(FieldError::required(&versions_path.index(i), ""));
    }
    let resources = list(rule.resources.as_ref());
    validate_resources(resources, &path.child("resources"), errors);
    if let Some(scope) = &rule.scope {
        one_of(scope, &SCOPES, &path.child("scope"), errors);
    }
}

/// A list that is not empty; a wildcard must be alone.
fn validate_wildcard(values: &[String], what: &str, path: &Path, errors: &mut ErrorList) {
    if values.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    if values.len() > 1 && values.iter().any(|v| v == "*") {
        let value = match what {
            "operations" => BadValue::go(format!(
                "[]admissionregistration.OperationType{}",
                go_elements(values)
            )),
            _ => go_strings(values),
        };
        let detail = format!("if '*' is present, must not specify other {what}");
        errors.push(FieldError::invalid(path, value, detail));
    }
}

fn validate_resources(resources: &[String], path: &Path, errors: &mut ErrorList) {
    if resources.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    let (mut all_below, mut below_all) = (BTreeSet::new(), BTreeSet::new());
    for (i, resource) in resources.iter().enumerate() {
        let path = path.index(i);
        if resource.is_empty() {
            errors.push(FieldError::required(&path, ""));
        }
        let Some((name, below)) = resource.split_once('/') else {
            continue;
        };
        for (covered, by) in [
            (all_below.contains(name), format!("{name}/*")),
            (below_all.contains(below), format!("*/{below}")),
        ] {
            if covered {
                let detail = format!("if '{by}' is present, must not specify {resource}");
                errors.push(FieldError::invalid(&path, resource, detail));
            }
        }
        if below == "*" {
            all_below.insert(name);
        }
        if name == "*" {
            below_all.insert(below);
        }
    }
    let has = |wanted: &str| resources.iter().any(|r| r == wanted);
    if resources.len() > 1 && has("*/*") {
        let detail = "if '*/*' is present, must not specify other resources";
        errors.push(FieldError::invalid(path, go_strings(resources), detail));
    }
    // upstream keeps only the last one without a subresource
    let last = resources
        .iter()
        .rfind(|r| !r.is_empty() && !r.contains('/'));
    if has("*") && last.is_some_and(|r| r != "*") {
        let detail = "if '*' is present, must not specify other resources without subresources";
        errors.push(FieldError::invalid(path, go_strings(resources), detail));
    }
}
