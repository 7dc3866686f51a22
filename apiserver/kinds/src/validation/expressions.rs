//! Expressions over requests (upstream: `convertCELErrorToValidationError` in
//! `pkg/apis/admissionregistration/validation/validation.go`).

use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::{CompileError, Environment, Type};

/// Checks that an expression compiles to one of these types.
pub fn validate_expression(
    environment: &Environment,
    expression: &str,
    types: &[Type],
    path: &Path,
    errors: &mut ErrorList,
) {
    let program = match environment.compile(expression) {
        Ok(program) => program,
        Err(error) => return errors.push(uncompiled(path, expression, &error)),
    };
    if let Err(wrong) = program.must_be(types) {
        errors.push(FieldError::invalid(path, expression, wrong));
    } else if let Some(error) = program.instantiation_error() {
        let wrong = format!("program instantiation failed: {error}");
        errors.push(FieldError::internal(path, wrong));
    }
}

/// The error of an expression that does not compile.
pub fn uncompiled(path: &Path, expression: &str, error: &CompileError) -> FieldError {
    FieldError::invalid(path, expression, format!("compilation failed: {error}"))
}
