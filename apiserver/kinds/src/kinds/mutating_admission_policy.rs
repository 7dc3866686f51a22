//! Policies in CEL that change objects: admission evaluates them according to their bindings.
//!
//! Upstream: `pkg/registry/admissionregistration/mutatingadmissionpolicy`.

mod validate;

use k8s_openapi::api::admissionregistration::v1::MutatingAdmissionPolicy;
use portcullis_api::ErrorList;

use super::admission_policy::defaults::default_resources;
use super::admission_policy::params::kind_cell;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::list;

/// The rules of policies.
pub struct MutatingAdmissionPolicyStrategy;

impl Strategy for MutatingAdmissionPolicyStrategy {
    type Kind = MutatingAdmissionPolicy;

    fn default(&self, policy: &mut MutatingAdmissionPolicy) {
        let spec = policy.spec.get_or_insert_default();
        spec.failure_policy.get_or_insert_with(|| "Fail".into());
        default_resources(spec.match_constraints.as_mut());
    }

    fn validate(&self, policy: &MutatingAdmissionPolicy) -> ErrorList {
        validate::validate(policy, None)
    }

    fn validate_update(
        &self,
        policy: &MutatingAdmissionPolicy,
        old: &MutatingAdmissionPolicy,
    ) -> ErrorList {
        validate::validate(policy, old.spec.as_ref())
    }

    fn spec_changed(
        &self,
        policy: &MutatingAdmissionPolicy,
        old: &MutatingAdmissionPolicy,
    ) -> Option<bool> {
        Some(policy.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::integer(
                "Mutations",
                "Mutation indicates the number of mutations rules defined in this configuration",
            ),
            Column::text(
                "ParamKind",
                "ParamKind specifies the kind of resources used to parameterize this policy",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, policy: &MutatingAdmissionPolicy) -> Vec<Cell> {
        let spec = policy.spec.as_ref();
        let mutations = spec.map_or(0, |spec| list(spec.mutations.as_ref()).len());
        vec![
            Cell::name(policy),
            Cell::count(mutations),
            kind_cell(spec.and_then(|spec| spec.param_kind.as_ref())),
            Cell::age(policy),
        ]
    }
}

#[cfg(test)]
mod tests;
