//! Validates the conversion between versions.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, WebhookClientConfig,
};
use portcullis_api::callback::{Service, validate_service, validate_url};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::go_strings;
use super::old_definition::OldDefinition;

/// The versions of `ConversionReview` that upstream supports.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

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
        (None, Some(service)) => {
            let service = Service {
                name: &service.name,
                namespace: &service.namespace,
                path: service.path.as_deref(),
                port: service.port.unwrap_or(443),
            };
            validate_service(service, &path.child("service"), errors);
        }
        (Some(_), Some(_)) | (None, None) => {
            let detail = "exactly one of url or service is required";
            errors.push(FieldError::required(path, detail));
        }
    }
}
