//! Environment variables.

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::{invalid_each, list, required, text};
use super::field_refs::{ENV_FIELDS, validate_field_ref, validate_resource_field_ref};

const NAME: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
const SOURCES: &str =
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
const MORE_THAN_ONE: &str = "may not have more than one field specified at a time";

pub(super) fn validate_env(container: &Container, path: &Path, errors: &mut ErrorList) {
    for (i, variable) in list(container.env.as_ref()).iter().enumerate() {
        let path = path.child("env").index(i);
        let name_path = path.child("name");
        if variable.name.is_empty() {
            errors.push(FieldError::required(&name_path, ""));
        } else {
            validate_name(&variable.name, &name_path, errors);
        }
        validate_value_from(variable, &path.child("valueFrom"), errors);
    }
    let path = path.child("envFrom");
    for (i, source) in list(container.env_from.as_ref()).iter().enumerate() {
        validate_env_from(source, &path, i, errors);
    }
}

fn validate_name(value: &str, path: &Path, errors: &mut ErrorList) {
    let start = |c: char| c.is_ascii_alphabetic() || "-._".contains(c);
    let mut sentences = Vec::new();
    let fine = value.starts_with(start) && value.chars().all(|c| start(c) || c.is_ascii_digit());
    if !fine {
        sentences.push(NAME.to_owned());
    }
    match value {
        "." => sentences.push("must not be '.'".into()),
        ".." => sentences.push("must not be '..'".into()),
        other if other.starts_with("..") => sentences.push("must not start with '..'".into()),
        _ => {}
    }
    invalid_each(path, value, sentences, errors);
}

fn validate_value_from(variable: &EnvVar, path: &Path, errors: &mut ErrorList) {
    let Some(source) = &variable.value_from else {
        return;
    };
    let mut count = 0;
    if let Some(field) = &source.field_ref {
        count += 1;
        validate_field_ref(field, &ENV_FIELDS, &path.child("fieldRef"), errors);
    }
    if let Some(resource) = &source.resource_field_ref {
        count += 1;
        let path = path.child("resourceFieldRef");
        validate_resource_field_ref(resource, false, &path, errors);
    }
    if let Some(config_map) = &source.config_map_key_ref {
        count += 1;
        let path = path.child("configMapKeyRef");
        validate_key_ref(&config_map.name, &config_map.key, &path, errors);
    }
    if let Some(secret) = &source.secret_key_ref {
        count += 1;
        let path = path.child("secretKeyRef");
        validate_key_ref(&secret.name, &secret.key, &path, errors);
    }
    if count == 0 {
        errors.push(FieldError::invalid(path, "", SOURCES));
    }
    if !text(variable.value.as_ref()).is_empty() {
        if count > 0 {
            let detail = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid(path, "", detail));
        }
    } else if count > 1 {
        errors.push(FieldError::invalid(path, "", MORE_THAN_ONE));
    }
}

fn validate_key_ref(object: &str, key: &str, path: &Path, errors: &mut ErrorList) {
    let name_path = path.child("name");
    invalid_each(&name_path, object, name::dns1123_subdomain(object), errors);
    let path = path.child("key");
    if key.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else {
        invalid_each(&path, key, name::config_key(key), errors);
    }
}

/// Upstream's path names the list instead of the element.
fn validate_env_from(source: &EnvFromSource, path: &Path, index: usize, errors: &mut ErrorList) {
    let element = path.index(index);
    let prefix = text(source.prefix.as_ref());
    if !prefix.is_empty() {
        validate_name(prefix, &element.child("prefix"), errors);
    }
    let mut count = 0;
    for (field, object) in [
        (
            "configMapRef",
            source.config_map_ref.as_ref().map(|r| &r.name),
        ),
        ("secretRef", source.secret_ref.as_ref().map(|r| &r.name)),
    ] {
        if let Some(object) = object {
            count += 1;
            let path = element.child(field).child("name");
            if object.is_empty() {
                required(None, &path, errors);
            } else {
                // upstream treats these as prefixes of names, which may end with a dash
                let whole = match object.strip_suffix('-') {
                    Some(begin) if !begin.is_empty() => &format!("{begin}a"),
                    _ => object.as_str(),
                };
                invalid_each(&path, object, name::dns1123_subdomain(whole), errors);
            }
        }
    }
    match count {
        0 => {
            let detail = "must specify one of: `configMapRef` or `secretRef`";
            errors.push(FieldError::invalid(path, "", detail));
        }
        1 => {}
        _ => errors.push(FieldError::invalid(path, "", MORE_THAN_ONE)),
    }
}
