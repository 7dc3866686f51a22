//! `matchConditions` of webhooks (upstream: `validateMatchConditions`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use portcullis_api::{ErrorList, FieldError, Path, name};
use portcullis_cel::{Environment, Type};

use super::hook::Hook;
use crate::validation::invalid_each;

/// How many conditions a webhook may have.
const CONDITIONS_MAX: usize = 64;

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::of_admission);

/// Checks the conditions of a webhook. Expressions that the old webhooks have are not compiled again.
pub(super) fn validate_conditions(
    conditions: &[MatchCondition],
    old: &[Hook<'_>],
    path: &Path,
    errors: &mut ErrorList,
) {
    if conditions.len() > CONDITIONS_MAX {
        errors.push(FieldError::too_many(path, conditions.len(), CONDITIONS_MAX));
    }
    let mut names = BTreeSet::new();
    for (i, condition) in conditions.iter().enumerate() {
        let path = path.index(i);
        let mut stored = old.iter().flat_map(|hook| hook.conditions);
        let is_stored = stored.any(|old| old.expression == condition.expression);
        if !is_stored {
            validate_expression(&condition.expression, &path.child("expression"), errors);
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

fn validate_expression(expression: &str, path: &Path, errors: &mut ErrorList) {
    let expression = expression.trim();
    if expression.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let wrong = match ENVIRONMENT.compile(expression) {
        Ok(program) => match program.result_type() {
            Type::Bool => return,
            other => format!("must evaluate to bool but got {other}"),
        },
        Err(error) => format!("compilation failed: {error}"),
    };
    errors.push(FieldError::invalid(path, expression, wrong));
}
