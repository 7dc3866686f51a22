//! Reading and validating policies.
//!
//! Upstream: `pkg/audit/policy/reader.go`, `pkg/apis/audit/validation`.

use portcullis_api::field_error::{BadValue, aggregate, go_quote};
use portcullis_api::name::dns1123_subdomain;
use portcullis_api::{ErrorList, FieldError, Path};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{GroupResources, Level, Matches, Policy, Rule, Stage, Stages, Verdict};

const API_VERSION: &str = "audit.k8s.io/v1";

/// Why a document is not a policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// It cannot be read as one.
    #[error("failed decoding: {0}")]
    Undecodable(String),
    /// Fields have wrong values.
    #[error("{0}")]
    Invalid(String),
    /// It has no rules.
    #[error("loaded illegal policy with 0 rules")]
    NoRules,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    rules: Option<Vec<WrittenRule>>,
    omit_stages: Option<Vec<String>>,
    omit_managed_fields: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenRule {
    level: String,
    omit_stages: Option<Vec<String>>,
    omit_managed_fields: Option<bool>,
    #[serde(flatten)]
    matches: Matches,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn read(document: Value) -> Result<Self, PolicyError> {
        check_type(&document)?;
        let undecodable = |why: serde_json::Error| PolicyError::Undecodable(why.to_string());
        let document: Document =
            serde_json::from_value(without_nulls(document)).map_err(undecodable)?;
        let written = document.rules.unwrap_or_default();
        let (mut rules, mut errors) = (Vec::new(), ErrorList::new());
        // unlike those of rules, upstream does not validate these
        let omitted = document.omit_stages.unwrap_or_default();
        let omitted = stages(&omitted, &Path::default(), &mut ErrorList::new());
        for (at, rule) in written.into_iter().enumerate() {
            let path = Path::new("rules").index(at);
            let verdict = Verdict {
                level: level(&rule.level, &path.child("level"), &mut errors),
                omitted,
                without_managed_fields: rule
                    .omit_managed_fields
                    .unwrap_or(document.omit_managed_fields),
            };
            rules.push(validated(rule, verdict, &path, &mut errors));
        }
        if !errors.is_empty() {
            return Err(PolicyError::Invalid(aggregate(&errors)));
        }
        if rules.is_empty() {
            return Err(PolicyError::NoRules);
        }
        Ok(Self(rules))
    }
}

fn check_type(document: &Value) -> Result<(), PolicyError> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("");
    let (version, kind) = (text("apiVersion"), text("kind"));
    if (version, kind) == (API_VERSION, "Policy") {
        return Ok(());
    }
    Err(PolicyError::Undecodable(match (version, kind) {
        (_, "") => "Object 'Kind' is missing".to_owned(),
        ("", _) => "Object 'apiVersion' is missing".to_owned(),
        _ => format!(
            "no kind {} is registered for version {}",
            go_quote(kind),
            go_quote(version)
        ),
    }))
}

/// Go reads null as an absent field.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| (name, without_nulls(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn validated(rule: WrittenRule, verdict: Verdict, path: &Path, errors: &mut ErrorList) -> Rule {
    let matches = rule.matches;
    let urls = path.child("nonResourceURLs");
    check_urls(&matches.non_resource_urls, &urls, errors);
    check_resources(&matches.resources, &path.child("resources"), errors);
    let omitted = rule.omit_stages.unwrap_or_default();
    let omitted = stages(&omitted, &path.child("omitStages"), errors);
    let about_resources = !matches.resources.is_empty() || !matches.namespaces.is_empty();
    if !matches.non_resource_urls.is_empty() && about_resources {
        let why = "rules cannot apply to both regular resources and non-resource URLs";
        errors.push(FieldError::invalid(
            &urls,
            list(&matches.non_resource_urls),
            why,
        ));
    }
    Rule {
        verdict: Verdict {
            omitted: verdict.omitted.and(omitted),
            ..verdict
        },
        matches,
    }
}

fn level(text: &str, path: &Path, errors: &mut ErrorList) -> Level {
    let levels = [
        Level::None,
        Level::Metadata,
        Level::Request,
        Level::RequestResponse,
    ];
    if let Some(level) = levels.into_iter().find(|level| level.as_str() == text) {
        return level;
    }
    errors.push(match text {
        "" => FieldError::required(path, ""),
        _ => FieldError::not_supported(path, text, &levels.map(Level::as_str)),
    });
    Level::None
}

fn stages(names: &[String], path: &Path, errors: &mut ErrorList) -> Stages {
    let mut stages = Stages::default();
    for (at, name) in names.iter().enumerate() {
        match Stage::ALL.into_iter().find(|stage| stage.as_str() == name) {
            Some(stage) => stages = stages.with(stage),
            None => {
                let allowed = Stage::ALL.map(Stage::as_str).join(",");
                let why = format!("allowed stages are {allowed}");
                errors.push(FieldError::invalid(&path.index(at), name.as_str(), why));
            }
        }
    }
    stages
}

fn check_urls(urls: &[String], path: &Path, errors: &mut ErrorList) {
    for (at, url) in urls.iter().enumerate().filter(|(_, url)| *url != "*") {
        let mut wrong = |why| errors.push(FieldError::invalid(&path.index(at), url.as_str(), why));
        if !url.starts_with('/') {
            wrong("non-resource URL rules must begin with a '/' character");
        }
        if url.find('*').is_some_and(|at| at + 1 < url.len()) {
            wrong("non-resource URL wildcards '*' must be the final character of the rule");
        }
    }
}

fn check_resources(resources: &[GroupResources], path: &Path, errors: &mut ErrorList) {
    for of_group in resources {
        let group = of_group.group.as_str();
        if !group.is_empty() && group != "*" {
            let wrong = dns1123_subdomain(group);
            if !wrong.is_empty() {
                let path = path.child("group");
                errors.push(FieldError::invalid(&path, group, wrong.join(",")));
            }
        }
        if !of_group.resource_names.is_empty() && of_group.resources.is_empty() {
            let why = "using resourceNames requires at least one resource";
            let (path, names) = (path.child("resourceNames"), list(&of_group.resource_names));
            errors.push(FieldError::invalid(&path, names, why));
        }
    }
}

/// A list of texts in Go's notation.
fn list(texts: &[String]) -> BadValue {
    let texts: Vec<_> = texts.iter().map(|text| go_quote(text)).collect();
    BadValue::go(format!("[]string{{{}}}", texts.join(", ")))
}
