//! The configuration of an authorization webhook in a file.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_kinds::duration;
use serde::Deserialize;

use crate::access::webhook::{Condition, Lifetimes, OnError, ReviewVersion};

const CONDITIONS_MAX: usize = 64;
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// The configuration of an authorization webhook.
pub(in crate::start) struct ConfiguredWebhook {
    pub(in crate::start) kubeconfig: PathBuf,
    pub(in crate::start) version: ReviewVersion,
    pub(in crate::start) lifetimes: Lifetimes,
    pub(in crate::start) timeout: Duration,
    pub(in crate::start) on_error: OnError,
    pub(in crate::start) conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenWebhook {
    #[serde(rename = "authorizedTTL")]
    authorized_ttl: Option<String>,
    #[serde(rename = "unauthorizedTTL")]
    unauthorized_ttl: Option<String>,
    cache_authorized_requests: Option<bool>,
    cache_unauthorized_requests: Option<bool>,
    timeout: Option<String>,
    subject_access_review_version: String,
    match_condition_subject_access_review_version: String,
    failure_policy: String,
    connection_info: Connection,
    match_conditions: Vec<WrittenCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Connection {
    r#type: String,
    kube_config_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenCondition {
    expression: String,
}

/// The path of a webhook's field starts with its authorizer, as upstream.
pub(super) fn webhook(
    written: WrittenWebhook,
    path: &Path,
    errors: &mut ErrorList,
) -> Option<ConfiguredWebhook> {
    let before = errors.len();
    let timeout = timeout(written.timeout.as_deref(), &path.child("timeout"), errors);
    let mut lifetime = |text: Option<&str>, field: &str, default: u64, caches: Option<bool>| {
        let lifetime = span(text, &path.child(field), "must be > 0s", errors);
        let lifetime = lifetime.filter(|lifetime| !lifetime.is_zero());
        match caches {
            Some(false) => Duration::ZERO,
            _ => lifetime.unwrap_or(Duration::from_secs(default)),
        }
    };
    let authorized = written.authorized_ttl.as_deref();
    let unauthorized = written.unauthorized_ttl.as_deref();
    let lifetimes = Lifetimes {
        allowed: lifetime(
            authorized,
            "authorizedTTL",
            300,
            written.cache_authorized_requests,
        ),
        refused: lifetime(
            unauthorized,
            "unauthorizedTTL",
            30,
            written.cache_unauthorized_requests,
        ),
    };
    let at = path.child("subjectAccessReviewVersion");
    let versions = [
        ("v1", ReviewVersion::V1),
        ("v1beta1", ReviewVersion::V1beta1),
    ];
    let version = one_of(
        &written.subject_access_review_version,
        &at,
        &versions,
        errors,
    );
    let at = path.child("matchConditionSubjectAccessReviewVersion");
    match written
        .match_condition_subject_access_review_version
        .as_str()
    {
        "" if written.match_conditions.is_empty() => {}
        "" => {
            let why = "required if match conditions are specified";
            errors.push(FieldError::required(&at, why));
        }
        text => drop(one_of(text, &at, &[("v1", ())], errors)),
    }
    let at = path.child("failurePolicy");
    let policies = [("NoOpinion", OnError::NoOpinion), ("Deny", OnError::Deny)];
    let on_error = one_of(&written.failure_policy, &at, &policies, errors);
    let kubeconfig = kubeconfig(written.connection_info, path, errors);
    let conditions = conditions(&written.match_conditions, path, errors);
    if errors.len() > before {
        return None;
    }
    Some(ConfiguredWebhook {
        kubeconfig: kubeconfig?,
        version: version?,
        lifetimes,
        timeout: timeout?,
        on_error: on_error?,
        conditions,
    })
}

fn span(text: Option<&str>, path: &Path, why: &str, errors: &mut ErrorList) -> Option<Duration> {
    let text = text?;
    let nanoseconds = match duration::parse(text) {
        Ok(nanoseconds) => nanoseconds,
        Err(why) => {
            errors.push(FieldError::invalid(path, text, why));
            return None;
        }
    };
    let nanoseconds = u64::try_from(nanoseconds);
    if nanoseconds.is_err() {
        errors.push(FieldError::invalid(path, text, why));
    }
    nanoseconds.ok().map(Duration::from_nanos)
}

fn timeout(text: Option<&str>, path: &Path, errors: &mut ErrorList) -> Option<Duration> {
    let why = "must be > 0s and <= 30s";
    let before = errors.len();
    let timeout = span(text, path, why, errors);
    match timeout {
        Some(timeout) if timeout > TIMEOUT_MAX => {
            errors.push(FieldError::invalid(path, text.unwrap_or_default(), why));
            None
        }
        Some(timeout) if !timeout.is_zero() => Some(timeout),
        _ => {
            if errors.len() == before {
                errors.push(FieldError::required(path, ""));
            }
            None
        }
    }
}

fn one_of<T: Copy>(
    text: &str,
    path: &Path,
    known: &[(&str, T)],
    errors: &mut ErrorList,
) -> Option<T> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == text) {
        return Some(*value);
    }
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    errors.push(match text {
        "" => FieldError::required(path, ""),
        text => FieldError::not_supported(path, text, &names),
    });
    None
}

fn kubeconfig(connection: Connection, path: &Path, errors: &mut ErrorList) -> Option<PathBuf> {
    let path = path.child("connectionInfo");
    let known = [("KubeConfigFile", ())];
    one_of(&connection.r#type, &path.child("type"), &known, errors)?;
    let at = path.child("kubeConfigFile");
    let file = connection.kube_config_file.unwrap_or_default();
    let shown = file.display().to_string();
    let wrong = if shown.is_empty() {
        FieldError::required(&at, "")
    } else if !file.is_absolute() {
        FieldError::invalid(&at, &shown, "must be an absolute path")
    } else {
        match std::fs::metadata(&file) {
            Ok(file) if !file.is_file() => {
                FieldError::invalid(&at, &shown, "must be a regular file")
            }
            Ok(_) => return Some(file),
            Err(why) => FieldError::invalid(&at, &shown, format!("error loading file: {why}")),
        }
    };
    errors.push(wrong);
    None
}

fn conditions(written: &[WrittenCondition], path: &Path, errors: &mut ErrorList) -> Vec<Condition> {
    let path = path.child("matchConditions");
    if written.len() > CONDITIONS_MAX {
        errors.push(FieldError::too_many(&path, written.len(), CONDITIONS_MAX));
        return Vec::new();
    }
    let (mut conditions, mut seen) = (Vec::new(), BTreeSet::new());
    for (at, written) in written.iter().enumerate() {
        let (at, expression) = (path.index(at).child("expression"), &written.expression);
        if expression.trim().is_empty() {
            errors.push(FieldError::required(&at, ""));
        } else if !seen.insert(expression) {
            errors.push(FieldError::duplicate(&at, expression.as_str()));
        } else {
            match Condition::compile(expression) {
                Ok(condition) => conditions.push(condition),
                Err(why) => errors.push(FieldError::invalid(&at, expression.as_str(), why)),
            }
        }
    }
    conditions
}
