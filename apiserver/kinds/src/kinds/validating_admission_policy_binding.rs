//! Bindings: the scope of a policy, its parameters, and the actions on a denial.
//!
//! Upstream: `pkg/registry/admissionregistration/validatingadmissionpolicybinding`.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::admission_policy::binding::{COLUMNS, cells, validate_policy_name};
use super::admission_policy::defaults::default_resources;
use super::admission_policy::match_resources::validate_resources;
use super::admission_policy::params::validate_reference;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{go_elements, one_of};

const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];

/// The rules of bindings.
pub struct ValidatingAdmissionPolicyBindingStrategy;

impl Strategy for ValidatingAdmissionPolicyBindingStrategy {
    type Kind = ValidatingAdmissionPolicyBinding;

    fn default(&self, binding: &mut ValidatingAdmissionPolicyBinding) {
        default_resources(binding.spec.match_resources.as_mut());
    }

    fn validate(&self, binding: &ValidatingAdmissionPolicyBinding) -> ErrorList {
        let mut errors = ErrorList::new();
        let (spec, path) = (&binding.spec, Path::new("spec"));
        let policy_path = path.child("policyName");
        validate_policy_name(&spec.policy_name, &policy_path, &mut errors);
        if let Some(reference) = &spec.param_ref {
            validate_reference(reference, &path.child("paramRef"), &mut errors);
        }
        if let Some(resources) = &spec.match_resources {
            // upstream misspells it
            validate_resources(resources, &path.child("matchResouces"), &mut errors);
        }
        let actions_path = path.child("validationActions");
        validate_actions(&spec.validation_actions, &actions_path, &mut errors);
        errors
    }

    fn spec_changed(
        &self,
        binding: &ValidatingAdmissionPolicyBinding,
        old: &ValidatingAdmissionPolicyBinding,
    ) -> Option<bool> {
        Some(binding.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, binding: &ValidatingAdmissionPolicyBinding) -> Vec<Cell> {
        let spec = &binding.spec;
        cells(binding, &spec.policy_name, spec.param_ref.as_ref())
    }
}

fn validate_actions(actions: &[String], path: &Path, errors: &mut ErrorList) {
    let mut seen = BTreeSet::new();
    for (i, action) in actions.iter().enumerate() {
        let path = path.index(i);
        one_of(action, &ACTIONS, &path, errors);
        if !seen.insert(action.as_str()) {
            errors.push(FieldError::duplicate(&path, action));
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        let elements = go_elements(actions);
        let value = BadValue::go(format!(
            "[]admissionregistration.ValidationAction{elements}"
        ));
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        errors.push(FieldError::invalid(path, value, detail));
    }
    if seen.is_empty() {
        let detail = "at least one validation action is required";
        errors.push(FieldError::required(path, detail));
    }
}

#[cfg(test)]
mod tests;
