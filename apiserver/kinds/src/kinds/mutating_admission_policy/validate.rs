//! Validation of policies (upstream: `validateMutatingAdmissionPolicySpec` in
//! `pkg/apis/admissionregistration/validation/validation.go`).

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicySpec, Mutation,
};
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::{Environment, Type};

use crate::kinds::admission_policy::head::Head;
use crate::kinds::admission_policy::match_resources::validate_mutable;
use crate::validation::expressions::validate_expression;
use crate::validation::{list, one_of, text};

const REINVOCATION: [&str; 2] = ["IfNeeded", "Never"];
const PATCH_TYPES: [&str; 2] = ["ApplyConfiguration", "JSONPatch"];

/// Validates a policy; `old` is the policy before the change.
pub(super) fn validate(
    policy: &MutatingAdmissionPolicy,
    old: Option<&MutatingAdmissionPolicySpec>,
) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("spec");
    let empty = MutatingAdmissionPolicySpec::default();
    let spec = policy.spec.as_ref().unwrap_or(&empty);
    let old = old.map(head);
    let environments = head(spec).validate(old.as_ref(), &path, &mut errors);
    if let Some(constraints) = &spec.match_constraints {
        validate_mutable(constraints, &path.child("matchConstraints"), &mut errors);
    }
    let (mutations, mutations_path) = (list(spec.mutations.as_ref()), path.child("mutations"));
    if mutations.is_empty() {
        let detail = "mutations must contain at least one item";
        errors.push(FieldError::required(&mutations_path, detail));
    }
    let environment = environments.all.with_patches();
    for (i, mutation) in mutations.iter().enumerate() {
        validate_mutation(
            mutation,
            &environment,
            &mutations_path.index(i),
            &mut errors,
        );
    }
    let path = path.child("reinvocationPolicy");
    match text(spec.reinvocation_policy.as_ref()) {
        "" => errors.push(FieldError::required(&path, "")),
        given => one_of(given, &REINVOCATION, &path, &mut errors),
    }
    errors
}

fn head(spec: &MutatingAdmissionPolicySpec) -> Head<'_> {
    Head {
        failure_policy: spec.failure_policy.as_deref(),
        param_kind: spec.param_kind.as_ref(),
        constraints: spec.match_constraints.as_ref(),
        conditions: spec.match_conditions.as_ref(),
        variables: spec.variables.as_ref(),
    }
}

fn validate_mutation(
    mutation: &Mutation,
    environment: &Environment,
    path: &Path,
    errors: &mut ErrorList,
) {
    let apply = mutation.apply_configuration.as_ref();
    let apply = apply.map(|apply| text(apply.expression.as_ref()));
    let operations = mutation.json_patch.as_ref();
    let operations = operations.map(|patch| text(patch.expression.as_ref()));
    let (apply_field, patch_field) = ("applyConfiguration", "jsonPatch");
    let (wanted, other) = match mutation.patch_type.as_str() {
        "" => {
            errors.push(FieldError::required(&path.child("patchType"), ""));
            return;
        }
        "ApplyConfiguration" => (
            (apply_field, apply, environment.overlay()),
            (patch_field, operations),
        ),
        "JSONPatch" => (
            (patch_field, operations, environment.operations()),
            (apply_field, apply),
        ),
        given => return one_of(given, &PATCH_TYPES, &path.child("patchType"), errors),
    };
    let given = &mutation.patch_type;
    let (field, expression, of) = wanted;
    match expression {
        None => {
            let detail = format!("must be specified when patchType is {given}");
            errors.push(FieldError::required(&path.child(field), detail));
        }
        Some(expression) => {
            let path = path.child(field).child("expression");
            validate_patch(expression, environment, of, &path, errors);
        }
    }
    if let (field, Some(_)) = other {
        let detail = format!("must not be specified when patchType is {given}");
        let value = format!("{{{field}}}");
        errors.push(FieldError::invalid(
            &path.child(field),
            value.as_str(),
            detail,
        ));
    }
}

fn validate_patch(
    expression: &str,
    environment: &Environment,
    of: Type,
    path: &Path,
    errors: &mut ErrorList,
) {
    match expression.trim() {
        "" => errors.push(FieldError::required(path, "")),
        expression => validate_expression(environment, expression, &[of], path, errors),
    }
}
