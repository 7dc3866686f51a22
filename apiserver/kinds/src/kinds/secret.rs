//! Secrets: bytes under keys, and types that require certain keys.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::{Map, Value};

use super::config_map::{FROZEN, MAX_SIZE};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{IMMUTABLE, invalid_each, text};

/// The annotation that binds a token to its service account.
const SERVICE_ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";

/// The rules of secrets (upstream: `pkg/registry/core/secret/strategy.go`).
pub struct SecretStrategy;

impl Strategy for SecretStrategy {
    type Kind = Secret;

    fn default(&self, secret: &mut Secret) {
        // upstream: pkg/apis/core/v1/conversion.go, stringData is for writing only
        if let Some(texts) = secret.string_data.take().filter(|texts| !texts.is_empty()) {
            let data = secret.data.get_or_insert_default();
            data.extend(
                texts
                    .into_iter()
                    .map(|(k, v)| (k, ByteString(v.into_bytes()))),
            );
        }
        if text(secret.type_.as_ref()).is_empty() {
            secret.type_ = Some("Opaque".into());
        }
    }

    fn validate(&self, secret: &Secret) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("data");
        let mut size = 0;
        for (key, value) in secret.data.iter().flatten() {
            invalid_each(&path.key(key), key, name::config_key(key), &mut errors);
            size += value.0.len();
        }
        if size > MAX_SIZE {
            errors.push(FieldError::too_long(&path, MAX_SIZE));
        }
        validate_type(secret, &path, &mut errors);
        errors
    }

    fn validate_update(&self, secret: &Secret, old: &Secret) -> ErrorList {
        let mut errors = ErrorList::new();
        let kind = text(secret.type_.as_ref());
        if kind != text(old.type_.as_ref()) {
            errors.push(FieldError::invalid(&Path::new("type"), kind, IMMUTABLE));
        }
        if old.immutable == Some(true) {
            if secret.immutable != Some(true) {
                errors.push(FieldError::forbidden(&Path::new("immutable"), FROZEN));
            }
            if secret.data != old.data {
                errors.push(FieldError::forbidden(&Path::new("data"), FROZEN));
            }
        }
        errors.extend(self.validate(secret));
        errors
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["type"]
    }

    fn field_values(&self, secret: &Secret) -> Vec<String> {
        vec![text(secret.type_.as_ref()).to_owned()]
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::text(
                "Type",
                "Used to facilitate programmatic handling of secret data.",
            ),
            Column::text(
                "Data",
                "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, secret: &Secret) -> Vec<Cell> {
        vec![
            Cell::name(secret),
            Cell::text(text(secret.type_.as_ref())),
            Cell::count(secret.data.iter().flatten().count()),
            Cell::age(secret),
        ]
    }
}

/// The requirements of each type (upstream: `ValidateSecret` in `pkg/apis/core/validation/validation.go`).
fn validate_type(secret: &Secret, path: &Path, errors: &mut ErrorList) {
    let value = |key: &str| secret.data.as_ref().and_then(|d| d.get(key));
    // upstream's path, an unused format string
    let odd = Path::new("data[%s]");
    let mut require = |path: &Path, keys: &[&str]| {
        for key in keys.iter().filter(|k| value(k).is_none()) {
            errors.push(FieldError::required(&path.key(key), ""));
        }
    };
    match text(secret.type_.as_ref()) {
        "kubernetes.io/service-account-token" => {
            let annotations = secret.metadata.annotations.as_ref();
            if text(annotations.and_then(|a| a.get(SERVICE_ACCOUNT_NAME))).is_empty() {
                let path = Path::new("metadata").child("annotations");
                errors.push(FieldError::required(&path.key(SERVICE_ACCOUNT_NAME), ""));
            }
        }
        "kubernetes.io/dockercfg" => require_json(secret, ".dockercfg", path, errors),
        "kubernetes.io/dockerconfigjson" => {
            require_json(secret, ".dockerconfigjson", path, errors);
        }
        "kubernetes.io/basic-auth"
            if value("username").is_none() && value("password").is_none() =>
        {
            require(&odd, &["username", "password"]);
        }
        "kubernetes.io/ssh-auth" if value("ssh-privatekey").is_none_or(|v| v.0.is_empty()) => {
            errors.push(FieldError::required(&odd.key("ssh-privatekey"), ""));
        }
        "kubernetes.io/tls" => require(path, &["tls.crt", "tls.key"]),
        _ => {}
    }
}

fn require_json(secret: &Secret, key: &str, path: &Path, errors: &mut ErrorList) {
    let path = path.key(key);
    let Some(value) = secret.data.as_ref().and_then(|d| d.get(key)) else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    if let Err(error) = serde_json::from_slice::<Option<Map<String, Value>>>(&value.0) {
        let contents = "<secret contents redacted>";
        errors.push(FieldError::invalid(&path, contents, error.to_string()));
    }
}

#[cfg(test)]
mod tests;
