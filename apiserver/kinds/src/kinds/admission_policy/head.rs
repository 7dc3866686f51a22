//! The fields that both kinds of policies have.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, ParamKind, Variable,
};
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::Environment;

use super::environment::Environments;
use super::match_resources::validate_resources;
use super::params::validate_kind;
use super::variables::validate_variables;
use crate::validation::match_conditions::validate_match_conditions;
use crate::validation::{list, one_of};

/// The match constraints of a policy, and the variables of its expressions.
pub(crate) struct Head<'p> {
    pub(crate) failure_policy: Option<&'p str>,
    pub(crate) param_kind: Option<&'p ParamKind>,
    pub(crate) constraints: Option<&'p MatchResources>,
    pub(crate) conditions: Option<&'p Vec<MatchCondition>>,
    pub(crate) variables: Option<&'p Vec<Variable>>,
}

impl Head<'_> {
    /// Validates them, and returns the environments of the policy's expressions. `old` is the policy before
    /// the change: conditions that were accepted then are not compiled again.
    pub(crate) fn validate(
        &self,
        old: Option<&Self>,
        path: &Path,
        errors: &mut ErrorList,
    ) -> Environments {
        let failure_path = path.child("failurePolicy");
        match self.failure_policy {
            None => errors.push(FieldError::required(&failure_path, "")),
            Some(given) => one_of(given, &["Fail", "Ignore"], &failure_path, errors),
        }
        if let Some(kind) = self.param_kind {
            validate_kind(kind, &path.child("paramKind"), errors);
        }
        validate_constraints(self.constraints, &path.child("matchConstraints"), errors);
        let environments = Environments::of(self.param_kind);
        let unchanged = old.is_some_and(|old| {
            (old.param_kind, old.conditions) == (self.param_kind, self.conditions)
        });
        if !unchanged {
            let (path, conditions) = (path.child("matchConditions"), list(self.conditions));
            let never = |_: &MatchCondition| false;
            validate_match_conditions(conditions, &environments.all, never, &path, errors);
        }
        let (variables, path) = (list(self.variables), path.child("variables"));
        let composition = validate_variables(variables, &environments.all, &path, errors);
        let declared = |environment: &Environment| match composition.is_empty() {
            true => environment.clone(),
            false => composition.declared_in(environment),
        };
        Environments {
            all: declared(&environments.all),
            message: declared(&environments.message),
        }
    }
}

fn validate_constraints(constraints: Option<&MatchResources>, path: &Path, errors: &mut ErrorList) {
    let Some(constraints) = constraints else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    validate_resources(constraints, path, errors);
    if list(constraints.resource_rules.as_ref()).is_empty() {
        errors.push(FieldError::required(&path.child("resourceRules"), ""));
    }
}
