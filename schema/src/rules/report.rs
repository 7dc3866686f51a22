//! Errors of rules, with upstream's messages.

use portcullis_api::field_error::{BadValue, ErrorKind};
use portcullis_api::{FieldError, Path};
use portcullis_cel::EvalError;
use serde_json::Value;

use super::type_name;
use crate::arena::{NodeRef, Rule};
use crate::location::Location;
use crate::value::bad_value;

pub(super) const UNTYPED: &str =
    "rule compiler initialization error: failed to convert to declType for CEL validation rules";
pub(super) const NO_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";
pub(super) const NO_BUDGET_FOR_MESSAGE: &str = "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";

/// How upstream formats a path without elements.
const NO_PATH: &str = "<nil>";

/// The error of an object whose rules were not evaluated, because of other errors.
pub fn not_checked() -> FieldError {
    let detail = "some validation rules were not checked because the object was invalid; \
                  correct the existing errors to complete validation";
    FieldError::invalid(&Path::new(NO_PATH), BadValue::null(), detail)
}

/// The path of a value, or of the field that a rule names below it.
pub(super) fn path(base: &str, location: &Location<'_>, field: &str) -> Path {
    let base = location.path(base);
    Path::new(&match (base.as_str(), field) {
        ("", "") => NO_PATH.to_owned(),
        ("", field) => field.to_owned(),
        (_, "") => base,
        (base, field) => format!("{base}.{field}"),
    })
}

/// An error of a rule itself, which has the type of the node as its value.
pub(super) fn failed(node: NodeRef<'_>, path: &Path, detail: String) -> FieldError {
    FieldError::invalid(path, type_name(node), detail)
}

/// The error of a value that does not satisfy a rule.
pub(super) fn unsatisfied(
    node: NodeRef<'_>,
    value: &Value,
    path: &Path,
    detail: String,
    rule: &Rule,
) -> FieldError {
    let kind = match &*rule.reason {
        "FieldValueForbidden" => return FieldError::forbidden(path, detail),
        "FieldValueRequired" => return FieldError::required(path, detail),
        "FieldValueDuplicate" => ErrorKind::Duplicate,
        _ => ErrorKind::Invalid,
    };
    // objects and lists are left out, as they can be large
    let is_whole = matches!(type_name(node), "object" | "array");
    FieldError {
        kind,
        field: path.as_str().to_owned(),
        value: (!is_whole).then(|| bad_value(value)),
        detail: match kind {
            ErrorKind::Duplicate => String::new(),
            _ => detail,
        },
    }
}

/// The message of a rule, or else the rule.
pub(super) fn default_message(rule: &Rule) -> String {
    if rule.message.is_empty() {
        format!("failed rule: {}", name(rule))
    } else {
        name(rule).to_owned()
    }
}

/// How errors name a rule.
fn name(rule: &Rule) -> &str {
    if rule.message.is_empty() {
        rule.rule.trim()
    } else {
        rule.message.trim()
    }
}

/// The detail of a rule that could not be evaluated.
pub(super) fn evaluation_error(error: &EvalError, rule: &Rule) -> String {
    let (text, name) = (error.to_string(), name(rule));
    if error.is_over_budget() {
        format!(
            "'{text}': no further validation rules will be run due to call cost exceeds limit for rule: {name}"
        )
    } else if text.starts_with("no such overload") {
        format!(
            "'{text}': call arguments did not match a supported operator, function or macro signature for rule: {name}"
        )
    } else {
        format!("{text} evaluating rule: {name}")
    }
}
