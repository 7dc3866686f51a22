//! Validates the conversion between versions.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, ServiceReference, WebhookClientConfig,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::old_definition::OldDefinition;
use super::{go_strings, text};

/// The versions of `ConversionReview` that upstream supports.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// The end of messages about URLs.
const DESIRED_FORMAT: &str = "; desired format: https://host[/path]";

pub(super) fn validate(
    conversion: &CustomResourceConversion,
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    match conversion.strategy.as_str() {
        "" => errors.push(FieldError::required(&path.child("strategy"), "")),
        "None" | "Webhook" => {}
        other => {
            let path = path.child("strategy");
            errors.push(FieldError::not_supported(
                &path,
                other,
                &["None", "Webhook"],
            ));
        }
    }
    let client = conversion
        .webhook
        .as_ref()
        .and_then(|w| w.client_config.as_ref());
    let versions = conversion
        .webhook
        .as_ref()
        .map(|w| w.conversion_review_versions.as_slice());
    let versions = versions.unwrap_or_default();
    let client_path = path.child("webhookClientConfig");
    let versions_path = path.child("conversionReviewVersions");
    if conversion.strategy == "Webhook" {
        match client {
            Some(client) => validate_client(client, &client_path, errors),
            None => {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required(&client_path, detail));
            }
        }
        validate_versions(versions, old_definition, &versions_path, errors);
        return;
    }
    let detail = "should not be set when strategy is not set to Webhook";
    if client.is_some() {
        errors.push(FieldError::forbidden(&client_path, detail));
    }
    if !versions.is_empty() {
        errors.push(FieldError::forbidden(&versions_path, detail));
    }
}

/// Whether a definition lists review versions, but none that is known.
pub(super) fn has_no_known_version(definition: &CustomResourceDefinition) -> bool {
    let webhook = definition
        .spec
        .conversion
        .as_ref()
        .and_then(|c| c.webhook.as_ref());
    let versions = webhook
        .map(|w| w.conversion_review_versions.as_slice())
        .unwrap_or_default();
    !versions.is_empty() && !versions.iter().any(is_known)
}

#[allow(clippy::ptr_arg, reason = "called on the elements of a list")]
fn is_known(version: &String) -> bool {
    REVIEW_VERSIONS.contains(&version.as_str())
}

fn validate_versions(
    versions: &[String],
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    if versions.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let mut seen = HashSet::new();
    for (i, version) in versions.iter().enumerate() {
        let path = path.index(i);
        if !seen.insert(version) {
            errors.push(FieldError::invalid(&path, version, "duplicate version"));
            continue;
        }
        let sentences = name::dns1035_label(version);
        errors.extend(
            sentences
                .into_iter()
                .map(|s| FieldError::invalid(&path, version, s)),
        );
    }
    if !old_definition.review_versions && !versions.iter().any(is_known) {
        let detail = format!(
            "must include at least one of {}",
            REVIEW_VERSIONS.join(", ")
        );
        errors.push(FieldError::invalid(path, go_strings(versions), detail));
    }
}

fn validate_client(client: &WebhookClientConfig, path: &Path, errors: &mut ErrorList) {
    match (&client.url, &client.service) {
        (Some(url), None) => validate_url(url, &path.child("url"), errors),
        (None, Some(service)) => validate_service(service, &path.child("service"), errors),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "exactly one of url or service is required";
            errors.push(FieldError::required(path, detail));
        }
    }
}

fn validate_url(url: &str, path: &Path, errors: &mut ErrorList) {
    let (before, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (before, query) = before.split_once('?').unwrap_or((before, ""));
    let (scheme, rest) = before.split_once("://").unwrap_or(("", before));
    let authority = if scheme.is_empty() {
        ""
    } else {
        rest.split('/').next().unwrap_or_default()
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut invalid =
        |value: &str, detail: String| errors.push(FieldError::invalid(path, value, detail));
    if scheme != "https" {
        invalid(
            scheme,
            format!("'https' is the only allowed URL scheme{DESIRED_FORMAT}"),
        );
    }
    if host.is_empty() {
        invalid("", format!("host must be specified{DESIRED_FORMAT}"));
    }
    for (value, what) in [
        (user, "user information is not"),
        (fragment, "fragments are not"),
        (query, "query parameters are not"),
    ] {
        if !value.is_empty() {
            invalid(value, format!("{what} permitted in the URL"));
        }
    }
}

/// As upstream, the errors of name and namespace are swapped.
fn validate_service(service: &ServiceReference, path: &Path, errors: &mut ErrorList) {
    for (field, value) in [("name", &service.namespace), ("namespace", &service.name)] {
        if value.is_empty() {
            let detail = format!("service {field} is required");
            errors.push(FieldError::required(&path.child(field), detail));
        }
    }
    let port = service.port.unwrap_or(443);
    if !(1..=65535).contains(&port) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        errors.push(FieldError::invalid(&path.child("port"), port, detail));
    }
    if let Some(given) = service.path.as_ref() {
        validate_path(text(Some(given)), &path.child("path"), errors);
    }
}

fn validate_path(given: &str, path: &Path, errors: &mut ErrorList) {
    let mut wrong = |detail: String| errors.push(FieldError::invalid(path, given, detail));
    match given {
        "/" => return,
        "//" => {
            wrong("segment[0] may not be empty".to_owned());
            return;
        }
        _ if !given.starts_with('/') => wrong("must start with a '/'".to_owned()),
        _ => {}
    }
    let rest = given.get(1..).unwrap_or_default();
    for (i, step) in rest
        .strip_suffix('/')
        .unwrap_or(rest)
        .split('/')
        .enumerate()
    {
        if step.is_empty() {
            wrong(format!("segment[{i}] may not be empty"));
            continue;
        }
        for sentence in name::dns1123_subdomain(step) {
            wrong(format!("segment[{i}]: {sentence}"));
        }
    }
}
