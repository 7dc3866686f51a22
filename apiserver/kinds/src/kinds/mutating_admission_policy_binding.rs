//! Bindings: the scope of a policy that changes objects, and its parameters.
//!
//! Upstream: `pkg/registry/admissionregistration/mutatingadmissionpolicybinding`.

use k8s_openapi::api::admissionregistration::v1::MutatingAdmissionPolicyBinding;
use portcullis_api::{ErrorList, Path};

use super::admission_policy::binding::{COLUMNS, cells, validate_policy_name};
use super::admission_policy::defaults::default_resources;
use super::admission_policy::match_resources::{validate_mutable, validate_resources};
use super::admission_policy::params::validate_reference;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::text;

/// The rules of bindings.
pub struct MutatingAdmissionPolicyBindingStrategy;

impl Strategy for MutatingAdmissionPolicyBindingStrategy {
    type Kind = MutatingAdmissionPolicyBinding;

    fn default(&self, binding: &mut MutatingAdmissionPolicyBinding) {
        let spec = binding.spec.get_or_insert_default();
        default_resources(spec.match_resources.as_mut());
    }

    fn validate(&self, binding: &MutatingAdmissionPolicyBinding) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec");
        let spec = binding.spec.as_ref();
        let policy = spec.and_then(|spec| spec.policy_name.as_ref());
        validate_policy_name(text(policy), &path.child("policyName"), &mut errors);
        if let Some(reference) = spec.and_then(|spec| spec.param_ref.as_ref()) {
            validate_reference(reference, &path.child("paramRef"), &mut errors);
        }
        if let Some(resources) = spec.and_then(|spec| spec.match_resources.as_ref()) {
            let path = path.child("matchResources");
            validate_resources(resources, &path, &mut errors);
            validate_mutable(resources, &path, &mut errors);
        }
        errors
    }

    fn spec_changed(
        &self,
        binding: &MutatingAdmissionPolicyBinding,
        old: &MutatingAdmissionPolicyBinding,
    ) -> Option<bool> {
        Some(binding.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, binding: &MutatingAdmissionPolicyBinding) -> Vec<Cell> {
        let spec = binding.spec.as_ref();
        let policy = spec.and_then(|spec| spec.policy_name.as_ref());
        let reference = spec.and_then(|spec| spec.param_ref.as_ref());
        cells(binding, text(policy), reference)
    }
}
