//! Policies in CEL that allow or deny: admission evaluates them according to their bindings.
//!
//! Upstream: `pkg/registry/admissionregistration/validatingadmissionpolicy`.

mod validate;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use portcullis_api::{ErrorList, Path};

use super::admission_policy::defaults::default_resources;
use super::admission_policy::params::kind_cell;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::list;

/// The rules of policies.
pub struct ValidatingAdmissionPolicyStrategy;

impl Strategy for ValidatingAdmissionPolicyStrategy {
    type Kind = ValidatingAdmissionPolicy;

    fn default(&self, policy: &mut ValidatingAdmissionPolicy) {
        let spec = policy.spec.get_or_insert_default();
        spec.failure_policy.get_or_insert_with(|| "Fail".into());
        default_resources(spec.match_constraints.as_mut());
    }

    fn prepare_for_create(&self, policy: &mut ValidatingAdmissionPolicy) {
        policy.status = None;
    }

    fn prepare_for_update(
        &self,
        policy: &mut ValidatingAdmissionPolicy,
        old: &ValidatingAdmissionPolicy,
    ) {
        policy.status.clone_from(&old.status);
    }

    fn validate(&self, policy: &ValidatingAdmissionPolicy) -> ErrorList {
        validate::validate(policy, None)
    }

    fn validate_update(
        &self,
        policy: &ValidatingAdmissionPolicy,
        old: &ValidatingAdmissionPolicy,
    ) -> ErrorList {
        validate::validate(policy, old.spec.as_ref())
    }

    fn prepare_status_update(
        &self,
        policy: &mut ValidatingAdmissionPolicy,
        old: &ValidatingAdmissionPolicy,
    ) {
        policy.spec.clone_from(&old.spec);
        let (meta, was) = (&mut policy.metadata, &old.metadata);
        meta.labels.clone_from(&was.labels);
        meta.annotations.clone_from(&was.annotations);
        meta.finalizers.clone_from(&was.finalizers);
        meta.owner_references.clone_from(&was.owner_references);
    }

    fn validate_status_update(
        &self,
        policy: &ValidatingAdmissionPolicy,
        _: &ValidatingAdmissionPolicy,
    ) -> ErrorList {
        validate::validate_status(policy.status.as_ref(), &Path::new("status"))
    }

    fn spec_changed(
        &self,
        policy: &ValidatingAdmissionPolicy,
        old: &ValidatingAdmissionPolicy,
    ) -> Option<bool> {
        Some(policy.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::integer(
                "Validations",
                "Validations indicates the number of validation rules defined in this configuration",
            ),
            Column::text(
                "ParamKind",
                "ParamKind specifies the kind of resources used to parameterize this policy",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, policy: &ValidatingAdmissionPolicy) -> Vec<Cell> {
        let spec = policy.spec.as_ref();
        let validations = spec.map_or(0, |spec| list(spec.validations.as_ref()).len());
        vec![
            Cell::name(policy),
            Cell::count(validations),
            kind_cell(spec.and_then(|spec| spec.param_kind.as_ref())),
            Cell::age(policy),
        ]
    }
}

#[cfg(test)]
mod tests;
