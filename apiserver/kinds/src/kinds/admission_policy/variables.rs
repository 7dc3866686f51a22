//! Variables of policies: named expressions.

use k8s_openapi::api::admissionregistration::v1::Variable;
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::{Composition, Environment, is_identifier};

use crate::validation::expressions::uncompiled;

/// How many variables a policy may have. Upstream sets no limit.
const VARIABLES_MAX: usize = 256;

/// Validates and compiles variables: later ones may use earlier ones.
pub(in crate::kinds) fn validate_variables(
    variables: &[Variable],
    environment: &Environment,
    path: &Path,
    errors: &mut ErrorList,
) -> Composition {
    let mut composition = Composition::default();
    if variables.len() > VARIABLES_MAX {
        errors.push(FieldError::too_many(path, variables.len(), VARIABLES_MAX));
        return composition;
    }
    for (i, variable) in variables.iter().enumerate() {
        let path = path.index(i);
        let (name, expression) = (variable.name.as_str(), variable.expression.as_str());
        let name_path = path.child("name");
        if name.trim().is_empty() {
            errors.push(FieldError::required(&name_path, "name is not specified"));
        } else if !is_identifier(name) {
            let detail = "name is not a valid CEL identifier";
            errors.push(FieldError::invalid(&name_path, name, detail));
        }
        let path = path.child("expression");
        if expression.trim().is_empty() {
            let detail = "expression is not specified";
            errors.push(FieldError::required(&path, detail));
        } else if let Err(error) = composition.define(environment, name, expression) {
            errors.push(uncompiled(&path, expression, &error));
        }
    }
    composition
}
