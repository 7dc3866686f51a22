//! Validates `x-kubernetes-validations`, without compiling the expressions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, ValidationRule,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::{field_path, list, structural, text};

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

pub(super) fn validate(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    let path = path.child("x-kubernetes-validations");
    // once for all rules, as this walks the whole schema
    let mut is_broken = None;
    for (i, rule) in list(props.x_kubernetes_validations.as_ref())
        .iter()
        .enumerate()
    {
        let path = path.index(i);
        validate_texts(rule, &path, errors);
        if let Some(reason) = rule.reason.as_deref().filter(|r| !REASONS.contains(r)) {
            errors.push(FieldError::not_supported(
                &path.child("reason"),
                reason,
                &REASONS,
            ));
        }
        if !text(rule.field_path.as_ref()).is_empty() {
            let broken =
                *is_broken.get_or_insert_with(|| structural::conversion_error(props).is_some());
            let props = (!broken).then_some(props);
            validate_field_path(rule, props, &path.child("fieldPath"), errors);
        }
    }
}

fn has_line_breaks(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

fn validate_texts(rule: &ValidationRule, path: &Path, errors: &mut ErrorList) {
    let expression = rule.rule.trim();
    let message = text(rule.message.as_ref());
    let trimmed = message.trim();
    let at = path.child("message");
    if expression.is_empty() {
        errors.push(FieldError::required(
            &path.child("rule"),
            "rule is not specified",
        ));
    } else if !message.is_empty() && trimmed.is_empty() {
        errors.push(FieldError::invalid(
            &at,
            message,
            "must be non-empty if specified",
        ));
    } else if has_line_breaks(trimmed) {
        errors.push(FieldError::invalid(
            &at,
            message,
            "must not contain line breaks",
        ));
    } else if has_line_breaks(expression) && trimmed.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.push(FieldError::required(&at, detail));
    }
    let expression = text(rule.message_expression.as_ref());
    if !expression.is_empty() && expression.trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.push(FieldError::required(
            &path.child("messageExpression"),
            detail,
        ));
    }
}

/// Checks the field path of a rule in a structural schema.
fn validate_field_path(
    rule: &ValidationRule,
    props: Option<&JSONSchemaProps>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let given = text(rule.field_path.as_ref());
    let mut wrong = |detail: &str| errors.push(FieldError::invalid(path, given, detail));
    if given.trim().is_empty() {
        wrong("must be non-empty if specified");
    }
    if has_line_breaks(given) {
        wrong("must not contain line breaks");
    }
    if props.is_some_and(|props| field_path::resolve(given, props, true).is_err()) {
        wrong("must be a valid path");
    }
}
