//! Taints of devices, and which requests put up with them.

use k8s_openapi::api::resource::v1::{DeviceTaint, DeviceToleration};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::validate_each;
use crate::time::now;
use crate::validation::labels::validate_label_name;
use crate::validation::{invalid_each, one_of, text};

const TOLERATIONS_MAX: usize = 16;
const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

/// A taint is since now, unless it says since when.
pub(super) fn default_taint(taint: &mut DeviceTaint) {
    taint.time_added.get_or_insert_with(now);
}

pub(super) fn default_tolerations(tolerations: Option<&mut Vec<DeviceToleration>>) {
    for toleration in tolerations.into_iter().flatten() {
        let operator = toleration.operator.take().filter(|o| !o.is_empty());
        toleration.operator = Some(operator.unwrap_or_else(|| "Equal".to_owned()));
    }
}

pub(super) fn validate_taint(taint: &DeviceTaint, path: &Path, errors: &mut ErrorList) {
    validate_label_name(&taint.key, &path.child("key"), errors);
    let value = text(taint.value.as_ref());
    let sentences = name::label_value(value);
    invalid_each(&path.child("value"), value, sentences, errors);
    let path = path.child("effect");
    match taint.effect.as_str() {
        "" => errors.push(FieldError::required(&path, "")),
        effect => one_of(effect, &EFFECTS, &path, errors),
    }
}

pub(super) fn validate_tolerations(
    tolerations: &[DeviceToleration],
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_each(
        tolerations,
        TOLERATIONS_MAX,
        path,
        errors,
        validate_toleration,
    );
}

fn validate_toleration(toleration: &DeviceToleration, path: &Path, errors: &mut ErrorList) {
    let key = text(toleration.key.as_ref());
    if !key.is_empty() {
        validate_label_name(key, &path.child("key"), errors);
    }
    let value = text(toleration.value.as_ref());
    let value_path = path.child("value");
    match text(toleration.operator.as_ref()) {
        "Exists" if !value.is_empty() => {
            let detail = "must be empty for operator `Exists`";
            errors.push(FieldError::invalid(&value_path, value, detail));
        }
        "Equal" => invalid_each(&value_path, value, name::label_value(value), errors),
        operator => one_of(
            operator,
            &["Equal", "Exists"],
            &path.child("operator"),
            errors,
        ),
    }
    let effect = text(toleration.effect.as_ref());
    if !effect.is_empty() {
        one_of(effect, &EFFECTS, &path.child("effect"), errors);
    }
}
