//! The configuration of drivers, opaque to all others.

use k8s_openapi::api::resource::v1::OpaqueDeviceConfiguration;
use portcullis_api::encode::encode_part;
use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::Value;

use super::names::validate_driver;

const PARAMETERS_MAX: usize = 10 * 1024;

/// The one kind of configuration there is.
pub(super) fn validate_configuration(
    opaque: Option<&OpaqueDeviceConfiguration>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let path = path.child("opaque");
    let Some(opaque) = opaque else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    validate_driver(&opaque.driver, &path.child("driver"), errors);
    let path = path.child("parameters");
    match &opaque.parameters.0 {
        Value::Null => errors.push(FieldError::required(&path, "")),
        parameters if encode_part(parameters).len() > PARAMETERS_MAX => {
            errors.push(FieldError::too_long(&path, PARAMETERS_MAX));
        }
        Value::Object(_) => {}
        _ => {
            let detail = "must be a valid JSON object";
            errors.push(FieldError::invalid(&path, "<value omitted>", detail));
        }
    }
}
