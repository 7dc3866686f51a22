//! Validation of policies (upstream: `validateValidatingAdmissionPolicySpec` in
//! `pkg/apis/admissionregistration/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::{
    AuditAnnotation, ExpressionWarning, ValidatingAdmissionPolicy, ValidatingAdmissionPolicySpec,
    ValidatingAdmissionPolicyStatus, Validation,
};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};
use portcullis_cel::{Environment, Type};
use portcullis_schema::JsonPath;

use crate::kinds::admission_policy::environment::Environments;
use crate::kinds::admission_policy::head::Head;
use crate::validation::conditions::validate_conditions;
use crate::validation::expressions::validate_expression;
use crate::validation::{invalid_each, list, one_of, text};

const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const ANNOTATIONS_MAX: usize = 20;
const VALUE_EXPRESSION_MAX: usize = 5 * 1024;

/// Validates a policy; `old` is the policy before the change.
pub(super) fn validate(
    policy: &ValidatingAdmissionPolicy,
    old: Option<&ValidatingAdmissionPolicySpec>,
) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("spec");
    let empty = ValidatingAdmissionPolicySpec::default();
    let spec = policy.spec.as_ref().unwrap_or(&empty);
    let old = old.map(head);
    let environments = head(spec).validate(old.as_ref(), &path, &mut errors);
    let own_name = text(policy.metadata.name.as_ref());
    validate_expressions(spec, own_name, &environments, &path, &mut errors);
    errors
}

fn head(spec: &ValidatingAdmissionPolicySpec) -> Head<'_> {
    Head {
        failure_policy: spec.failure_policy.as_deref(),
        param_kind: spec.param_kind.as_ref(),
        constraints: spec.match_constraints.as_ref(),
        conditions: spec.match_conditions.as_ref(),
        variables: spec.variables.as_ref(),
    }
}

fn validate_expressions(
    spec: &ValidatingAdmissionPolicySpec,
    own_name: &str,
    environments: &Environments,
    path: &Path,
    errors: &mut ErrorList,
) {
    let validations = list(spec.validations.as_ref());
    let annotations = list(spec.audit_annotations.as_ref());
    let annotations_path = path.child("auditAnnotations");
    if validations.is_empty() && annotations.is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.push(FieldError::required(&path.child("validations"), detail));
        errors.push(FieldError::required(&annotations_path, detail));
        return;
    }
    let path = path.child("validations");
    for (i, validation) in validations.iter().enumerate() {
        validate_validation(validation, environments, &path.index(i), errors);
    }
    if annotations.len() > ANNOTATIONS_MAX {
        let detail = format!("must not have more than {ANNOTATIONS_MAX} auditAnnotations");
        let value = go_annotations(annotations);
        errors.push(FieldError::invalid(&annotations_path, value, detail));
    }
    let mut keys = BTreeSet::new();
    for (i, annotation) in annotations.iter().enumerate() {
        let path = annotations_path.index(i);
        validate_annotation(annotation, own_name, &environments.all, &path, errors);
        if !keys.insert(&annotation.key) {
            errors.push(FieldError::duplicate(&path.child("key"), &annotation.key));
        }
    }
}

fn validate_validation(
    validation: &Validation,
    environments: &Environments,
    path: &Path,
    errors: &mut ErrorList,
) {
    let expression_path = path.child("expression");
    if validation.expression.trim().is_empty() {
        let detail = "expression is not specified";
        errors.push(FieldError::required(&expression_path, detail));
    } else {
        let (all, expression) = (&environments.all, &validation.expression);
        validate_expression(all, expression, &[Type::Bool], &expression_path, errors);
    }
    let said = text(validation.message_expression.as_ref());
    let said_path = path.child("messageExpression");
    if !said.is_empty() && said.trim().is_empty() {
        let detail = "must be non-empty if specified";
        errors.push(FieldError::invalid(&said_path, said, detail));
    } else if !said.is_empty() {
        let environment = &environments.message;
        validate_expression(environment, said, &[Type::String], &said_path, errors);
    }
    let (message, message_path) = (text(validation.message.as_ref()), path.child("message"));
    if !message.is_empty() && message.trim().is_empty() {
        let detail = "message must be non-empty if specified";
        errors.push(FieldError::invalid(&message_path, message, detail));
    } else if message.trim().contains(['\n', '\r']) {
        let detail = "message must not contain line breaks";
        errors.push(FieldError::invalid(&message_path, message, detail));
    }
    if let Some(reason) = &validation.reason {
        one_of(reason, &REASONS, &path.child("reason"), errors);
    }
}

fn validate_annotation(
    annotation: &AuditAnnotation,
    own_name: &str,
    environment: &Environment,
    path: &Path,
    errors: &mut ErrorList,
) {
    let (key, key_path) = (&annotation.key, path.child("key"));
    if own_name.is_empty() {
        let detail = "requires metadata.name be non-empty";
        errors.push(FieldError::invalid(&key_path, key, detail));
    } else {
        let qualified = format!("{own_name}/{key}");
        let sentences = name::qualified_name(&qualified);
        invalid_each(&key_path, &qualified, sentences, errors);
    }
    let expression = annotation.value_expression.trim();
    let path = path.child("valueExpression");
    if expression.is_empty() {
        let detail = "valueExpression is not specified";
        errors.push(FieldError::required(&path, detail));
    } else if expression.len() > VALUE_EXPRESSION_MAX {
        let detail = format!("must not exceed {VALUE_EXPRESSION_MAX} bytes in length");
        errors.push(FieldError::required(&path, detail));
    } else {
        let types = [Type::String, Type::Null];
        validate_expression(environment, expression, &types, &path, errors);
    }
}

/// Annotations as Go's `%#v` prints them.
fn go_annotations(annotations: &[AuditAnnotation]) -> BadValue {
    let printed = annotations.iter().map(|annotation| {
        let (key, value) = (&annotation.key, &annotation.value_expression);
        format!(
            "admissionregistration.AuditAnnotation{{Key:{}, ValueExpression:{}}}",
            go_quote(key),
            go_quote(value)
        )
    });
    let printed: Vec<_> = printed.collect();
    BadValue::go(format!(
        "[]admissionregistration.AuditAnnotation{{{}}}",
        printed.join(", ")
    ))
}

/// Validates a status.
pub(super) fn validate_status(
    status: Option<&ValidatingAdmissionPolicyStatus>,
    path: &Path,
) -> ErrorList {
    let mut errors = ErrorList::new();
    let Some(status) = status else { return errors };
    let checking = status.type_checking.as_ref();
    let warnings = checking.and_then(|checking| checking.expression_warnings.as_ref());
    let warnings_path = path.child("typeChecking").child("expressionWarnings");
    for (i, warning) in list(warnings).iter().enumerate() {
        validate_warning(warning, &warnings_path.index(i), &mut errors);
    }
    let conditions = list(status.conditions.as_ref());
    validate_conditions(conditions, &path.child("conditions"), &mut errors);
    errors
}

fn validate_warning(warning: &ExpressionWarning, path: &Path, errors: &mut ErrorList) {
    if warning.warning.is_empty() {
        errors.push(FieldError::required(&path.child("warning"), ""));
    }
    let (field, path) = (warning.field_ref.trim(), path.child("fieldRef"));
    if field.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if let Err(error) = JsonPath::parse(&format!(".{field}")) {
        let detail = format!("invalid JSONPath: {error}");
        errors.push(FieldError::invalid(&path, field, detail));
    }
}
