//! Selectors of devices: expressions about `device`.
//!
//! Upstream: `k8s.io/dynamic-resource-allocation/cel`.

use std::sync::LazyLock;

use k8s_openapi::api::resource::v1::DeviceSelector;
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::{DeclType, Environment, Type};

use super::validate_each;
use crate::validation::expressions::validate_expression;

const SELECTORS_MAX: usize = 32;
const EXPRESSION_MAX: usize = 10 * 1024;
/// The minor version of Kubernetes whose functions expressions have.
const MINOR: u32 = 37;
/// A macro of upstream's that the compiler here does not have: expressions with it are not checked.
const BIND: &str = "cel.bind(";

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    let by_domain = || DeclType::map(DeclType::map(DeclType::any(), None), None);
    let fields = [
        ("driver", DeclType::string(None)),
        ("attributes", by_domain()),
        ("capacity", by_domain()),
        ("allowMultipleAllocations", DeclType::bool()),
    ];
    let fields = fields.map(|(name, decl)| (name.to_owned(), decl));
    Environment::new(MINOR).with_variable("device", DeclType::object("DRADevice", fields))
});

/// The selectors of a request or a class.
pub(super) fn validate_selectors(
    selectors: &[DeviceSelector],
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_each(
        selectors,
        SELECTORS_MAX,
        path,
        errors,
        |selector, path, errors| {
            let path = path.child("cel");
            match &selector.cel {
                Some(cel) => validate(&cel.expression, &path.child("expression"), errors),
                None => errors.push(FieldError::required(&path, "")),
            }
        },
    );
}

fn validate(expression: &str, path: &Path, errors: &mut ErrorList) {
    if expression.len() > EXPRESSION_MAX {
        errors.push(FieldError::too_long(path, EXPRESSION_MAX));
    } else if !expression.contains(BIND) {
        validate_expression(&ENVIRONMENT, expression, &[Type::Bool], path, errors);
    }
}
