//! The authorizers in a file: an `AuthorizationConfiguration`.
//!
//! Upstream: `ValidateAuthorizationConfiguration` in `k8s.io/apiserver/pkg/apis/apiserver/validation`.

mod webhook;

use std::collections::BTreeSet;
use std::path::Path as FilePath;

use portcullis_api::field_error::{aggregate, go_quote};
use portcullis_api::name::dns1123_subdomain;
use portcullis_api::{ErrorList, FieldError, Path};
use serde::Deserialize;
use serde_json::Value;

use self::webhook::{WrittenWebhook, webhook};
use crate::config::AuthorizationMode;
use crate::endpoints::body;

pub(super) use self::webhook::ConfiguredWebhook;

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "AuthorizationConfiguration";
const TYPES: [&str; 5] = ["AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];

/// A configured authorizer.
pub(super) enum Configured {
    /// One without further configuration.
    Mode(AuthorizationMode),
    /// A webhook.
    Webhook(ConfiguredWebhook),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    authorizers: Vec<Written>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    r#type: String,
    name: String,
    webhook: Option<WrittenWebhook>,
}

/// Reads the text of a file: who decides, by name.
///
/// # Errors
/// What is wrong with it, in one line.
pub(super) fn read(path: &FilePath, text: &[u8]) -> Result<Vec<(String, Configured)>, String> {
    let document = body::yaml(text).map_err(|why| why.in_go())?;
    let configured = of(document).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(configured)
}

fn of(document: Value) -> Result<Vec<(String, Configured)>, String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("");
    let (version, kind) = (text("apiVersion"), text("kind"));
    if (version, kind) != (API_VERSION, KIND) {
        let (kind, version) = (go_quote(kind), go_quote(version));
        return Err(format!(
            "no kind {kind} is registered for version {version}"
        ));
    }
    let document: Document = serde_json::from_value(document).map_err(|why| why.to_string())?;
    let (mut configured, mut errors) = (Vec::new(), ErrorList::new());
    let list = Path::new("authorizers");
    if document.authorizers.is_empty() {
        let why = "at least one authorization mode must be defined";
        errors.push(FieldError::required(&list, why));
    }
    let (mut types, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (at, written) in document.authorizers.into_iter().enumerate() {
        let path = list.index(at);
        let Some(mode) = mode(&written.r#type, &path, &mut types, &mut errors) else {
            continue;
        };
        check_name(&written.name, &path, &mut names, &mut errors);
        let found = authorizer(mode, written.webhook, &path, &mut errors);
        configured.extend(found.map(|found| (written.name, found)));
    }
    match errors.as_slice() {
        [] => Ok(configured),
        errors => Err(aggregate(errors)),
    }
}

fn mode(
    text: &str,
    path: &Path,
    seen: &mut BTreeSet<String>,
    errors: &mut ErrorList,
) -> Option<AuthorizationMode> {
    let path = path.child("type");
    let error = if text.is_empty() {
        FieldError::required(&path, "")
    } else if !TYPES.contains(&text) {
        FieldError::not_supported(&path, text, &TYPES)
    } else if !seen.insert(text.to_owned()) && text != "Webhook" {
        FieldError::duplicate(&path, text)
    } else {
        return text.parse().ok();
    };
    errors.push(error);
    None
}

fn check_name(name: &str, path: &Path, seen: &mut BTreeSet<String>, errors: &mut ErrorList) {
    let path = path.child("name");
    if name.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if !seen.insert(name.to_owned()) {
        errors.push(FieldError::duplicate(&path, name));
    } else {
        let wrong = dns1123_subdomain(name);
        if !wrong.is_empty() {
            let why = format!("authorizer name is invalid: {}", wrong.join(", "));
            errors.push(FieldError::invalid(&path, name, why));
        }
    }
}

fn authorizer(
    mode: AuthorizationMode,
    written: Option<WrittenWebhook>,
    path: &Path,
    errors: &mut ErrorList,
) -> Option<Configured> {
    let at = path.child("webhook");
    match (mode, written) {
        (AuthorizationMode::Webhook, Some(written)) => {
            webhook(written, path, errors).map(Configured::Webhook)
        }
        (AuthorizationMode::Webhook, None) => {
            errors.push(FieldError::required(&at, "required when type=Webhook"));
            None
        }
        (mode, None) => Some(Configured::Mode(mode)),
        (_, Some(_)) => {
            let why = "may only be specified when type=Webhook";
            errors.push(FieldError::invalid(&at, "non-null", why));
            None
        }
    }
}
