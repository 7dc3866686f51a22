//! Conditions that kinds share (upstream: `ValidateConditions` in
//! `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`).

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use portcullis_api::{ErrorList, FieldError, Path};

use super::labels::validate_label_name;
use super::one_of;

/// The values of a condition's status.
pub const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const MUST_BE_SET: &str = "must be set";
const REASON_MAX: usize = 1024;
const MESSAGE_MAX: usize = 32 * 1024;

/// Validates a list of conditions.
pub fn validate_conditions(conditions: &[Condition], path: &Path, errors: &mut ErrorList) {
    let mut types = BTreeSet::new();
    for (i, condition) in conditions.iter().enumerate() {
        let path = path.index(i);
        if !types.insert(&condition.type_) {
            errors.push(FieldError::duplicate(&path.child("type"), &condition.type_));
        }
        validate_condition(condition, &path, errors);
    }
}

fn validate_condition(condition: &Condition, path: &Path, errors: &mut ErrorList) {
    validate_label_name(&condition.type_, &path.child("type"), errors);
    one_of(&condition.status, &STATUSES, &path.child("status"), errors);
    if let Some(generation) = condition.observed_generation.filter(|g| *g < 0) {
        let detail = "must be greater than or equal to zero";
        let path = path.child("observedGeneration");
        errors.push(FieldError::invalid(&path, generation, detail));
    }
    // absent and null are read as the zero time
    if condition.last_transition_time.0 == Timestamp::default() {
        let path = path.child("lastTransitionTime");
        errors.push(FieldError::required(&path, MUST_BE_SET));
    }
    validate_reason(&condition.reason, &path.child("reason"), errors);
    if condition.message.len() > MESSAGE_MAX {
        errors.push(FieldError::too_long(&path.child("message"), MESSAGE_MAX));
    }
}

fn validate_reason(reason: &str, path: &Path, errors: &mut ErrorList) {
    if reason.is_empty() {
        errors.push(FieldError::required(path, MUST_BE_SET));
        return;
    }
    let bytes = reason.as_bytes();
    let last = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let fine = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(last)
        && bytes.iter().all(|b| last(b) || b",:".contains(b));
    if !fine {
        let detail = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
        errors.push(FieldError::invalid(path, reason, detail));
    }
    if reason.len() > REASON_MAX {
        errors.push(FieldError::too_long(path, REASON_MAX));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn a_condition_is_complete_and_unique() {
        let whole = Condition {
            type_: "Ready".into(),
            status: "True".into(),
            reason: "All:Is,Well".into(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: crate::time::now(),
        };
        let partial = Condition {
            status: "Maybe".into(),
            observed_generation: Some(-1),
            last_transition_time: Time(Timestamp::default()),
            reason: "a:".into(),
            ..whole.clone()
        };
        let mut errors = ErrorList::new();
        validate_conditions(&[whole, partial], &Path::new("c"), &mut errors);
        let texts: Vec<_> = errors
            .iter()
            .map(|e| (e.field.as_str(), e.kind.reason()))
            .collect();
        assert_eq!(
            texts,
            [
                ("c[1].type", "FieldValueDuplicate"),
                ("c[1].status", "FieldValueNotSupported"),
                ("c[1].observedGeneration", "FieldValueInvalid"),
                ("c[1].lastTransitionTime", "FieldValueRequired"),
                ("c[1].reason", "FieldValueInvalid"),
            ]
        );
    }
}
