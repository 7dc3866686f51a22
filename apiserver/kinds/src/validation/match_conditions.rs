//! `matchConditions` of webhooks and policies (upstream: `validateMatchConditions`).

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use portcullis_api::{ErrorList, FieldError, Path, name};
use portcullis_cel::{Environment, Type};

use super::expressions::validate_expression;
use super::invalid_each;

/// How many conditions a webhook or a policy may have.
const CONDITIONS_MAX: usize = 64;

/// Validates conditions, whose expressions are compiled unless the old object has them.
pub fn validate_match_conditions(
    conditions: &[MatchCondition],
    environment: &Environment,
    is_stored: impl Fn(&MatchCondition) -> bool,
    path: &Path,
    errors: &mut ErrorList,
) {
    if conditions.len() > CONDITIONS_MAX {
        errors.push(FieldError::too_many(path, conditions.len(), CONDITIONS_MAX));
    }
    let mut names = BTreeSet::new();
    for (i, condition) in conditions.iter().enumerate() {
        let path = path.index(i);
        if !is_stored(condition) {
            let (path, expression) = (path.child("expression"), condition.expression.trim());
            if expression.is_empty() {
                errors.push(FieldError::required(&path, ""));
            } else {
                validate_expression(environment, expression, &[Type::Bool], &path, errors);
            }
        }
        let name_path = path.child("name");
        let given = condition.name.as_str();
        if given.is_empty() {
            errors.push(FieldError::required(&name_path, ""));
            continue;
        }
        invalid_each(&name_path, given, name::qualified_name(given), errors);
        if !names.insert(given) {
            errors.push(FieldError::duplicate(&name_path, given));
        }
    }
}
