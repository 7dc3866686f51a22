//! Validation of webhook configurations (upstream:
//! `pkg/apis/admissionregistration/validation/validation.go`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use portcullis_api::callback::{Service, validate_service, validate_url};
use portcullis_api::{ErrorList, FieldError, Path, name};
use portcullis_cel::Environment;

use super::hook::Hook;
use crate::validation::admission_rules::validate_rule;
use crate::validation::labels::validate_label_selector;
use crate::validation::match_conditions::validate_match_conditions;
use crate::validation::{go_strings, invalid_each, one_of};

const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::of_admission);

/// Errors that are tolerated because the old configuration has them too.
#[derive(Clone, Copy)]
struct Tolerated {
    side_effects: bool,
    versions: bool,
    names: bool,
}

impl Tolerated {
    fn of(old: &[Hook<'_>]) -> Self {
        let mut names = BTreeSet::new();
        Self {
            side_effects: old
                .iter()
                .any(|h| !NO_SIDE_EFFECTS.contains(&h.side_effects)),
            versions: old
                .iter()
                .any(|h| !h.versions.is_empty() && !is_understood(h.versions)),
            names: !old.iter().all(|h| names.insert(h.name)),
        }
    }
}

pub(super) fn validate_hooks(hooks: &[Hook<'_>], old: &[Hook<'_>]) -> ErrorList {
    let mut errors = ErrorList::new();
    let tolerated = Tolerated::of(old);
    let mut names = BTreeSet::new();
    for (i, hook) in hooks.iter().enumerate() {
        let path = Path::new("webhooks").index(i);
        validate_hook(hook, tolerated, &path, &mut errors);
        let versions = path.child("admissionReviewVersions");
        validate_versions(hook.versions, tolerated, &versions, &mut errors);
        let conditions = path.child("matchConditions");
        let is_stored = |condition: &MatchCondition| {
            let mut stored = old.iter().flat_map(|hook| hook.conditions);
            stored.any(|old| old.expression == condition.expression)
        };
        let (given, environment) = (hook.conditions, &*ENVIRONMENT);
        validate_match_conditions(given, environment, is_stored, &conditions, &mut errors);
        if !tolerated.names && !hook.name.is_empty() && !names.insert(hook.name) {
            errors.push(FieldError::duplicate(&path.child("name"), hook.name));
        }
    }
    errors
}

fn validate_hook(hook: &Hook<'_>, tolerated: Tolerated, path: &Path, errors: &mut ErrorList) {
    validate_name(hook.name, &path.child("name"), errors);
    for (i, rule) in hook.rules.iter().enumerate() {
        validate_rule(rule, &path.child("rules").index(i), errors);
    }
    for (field, value, known) in [
        ("failurePolicy", hook.failure_policy, ["Fail", "Ignore"]),
        ("matchPolicy", hook.match_policy, ["Equivalent", "Exact"]),
        (
            "reinvocationPolicy",
            hook.reinvocation_policy,
            ["IfNeeded", "Never"],
        ),
    ] {
        if let Some(value) = value {
            one_of(value, &known, &path.child(field), errors);
        }
    }
    let allowed: &[&str] = if tolerated.side_effects {
        &SIDE_EFFECTS
    } else {
        &NO_SIDE_EFFECTS
    };
    let effects_path = path.child("sideEffects");
    if hook.side_effects.is_empty() {
        let detail = format!("must specify one of {}", allowed.join(", "));
        errors.push(FieldError::required(&effects_path, detail));
    } else {
        one_of(hook.side_effects, allowed, &effects_path, errors);
    }
    if let Some(seconds) = hook.timeout_seconds.filter(|s| !(1..=30).contains(s)) {
        let detail = "the timeout value must be between 1 and 30 seconds";
        let path = path.child("timeoutSeconds");
        errors.push(FieldError::invalid(&path, seconds, detail));
    }
    let selector_path = path.child("namespaceSelector");
    validate_label_selector(hook.namespace_selector, &selector_path, errors);
    validate_label_selector(hook.object_selector, &path.child("objectSelector"), errors);
    let path = path.child("clientConfig");
    match (&hook.client.url, &hook.client.service) {
        (Some(url), None) => validate_url(url, &path.child("url"), errors),
        (None, Some(service)) => {
            let service = Service {
                name: &service.name,
                namespace: &service.namespace,
                path: service.path.as_deref(),
                port: service.port.unwrap_or_default(),
            };
            validate_service(service, &path.child("service"), errors);
        }
        _ => {
            let detail = "exactly one of url or service is required";
            errors.push(FieldError::required(&path, detail));
        }
    }
}

/// Upstream: `IsFullyQualifiedName` in `k8s.io/apimachinery/pkg/util/validation/validation.go`.
fn validate_name(given: &str, path: &Path, errors: &mut ErrorList) {
    let sentences = name::dns1123_subdomain(given);
    if given.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !sentences.is_empty() {
        errors.push(FieldError::invalid(path, given, sentences.join(",")));
    } else if given.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid(path, given, detail));
    }
}

fn is_understood(versions: &[String]) -> bool {
    versions.iter().any(|v| VERSIONS.contains(&v.as_str()))
}

fn validate_versions(
    versions: &[String],
    tolerated: Tolerated,
    path: &Path,
    errors: &mut ErrorList,
) {
    let known = VERSIONS.join(", ");
    if versions.is_empty() {
        let detail = format!("must specify one of {known}");
        errors.push(FieldError::required(path, detail));
        return;
    }
    let mut seen = BTreeSet::new();
    for (i, version) in versions.iter().enumerate() {
        let path = path.index(i);
        if seen.insert(version) {
            invalid_each(&path, version, name::dns1035_label(version), errors);
        } else {
            errors.push(FieldError::invalid(&path, version, "duplicate version"));
        }
    }
    if !tolerated.versions && !is_understood(versions) {
        let detail = format!("must include at least one of {known}");
        errors.push(FieldError::invalid(path, go_strings(versions), detail));
    }
}
