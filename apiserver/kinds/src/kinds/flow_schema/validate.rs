//! What a flow schema may say (upstream: `pkg/apis/flowcontrol/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::flowcontrol::v1::{
    FlowSchema, FlowSchemaSpec, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule,
    ServiceAccountSubject, Subject,
};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::{go_strings, invalid_each, list, required, text};

const ALL: &str = "*";
const PRECEDENCE_MAX: i32 = 10_000;
const METHODS: [&str; 2] = ["ByNamespace", "ByUser"];
const SUBJECTS: [&str; 3] = ["Group", "ServiceAccount", "User"];
const VERBS: [&str; 9] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
];

pub(super) fn validate(schema: &FlowSchema) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = &schema.spec;
    let path = Path::new("spec");
    let name = text(schema.metadata.name.as_ref());
    validate_precedence(spec, name, &path.child("matchingPrecedence"), &mut errors);
    let method = spec.distinguisher_method.as_ref();
    if let Some(method) = method.filter(|method| !METHODS.contains(&method.type_.as_str())) {
        let kind = go_quote(&method.type_);
        let value = BadValue::go(format!(
            "flowcontrol.FlowDistinguisherMethod{{Type:{kind}}}"
        ));
        let path = path.child("distinguisherMethod").child("type");
        errors.push(FieldError::not_supported(&path, value, &METHODS));
    }
    let level = &spec.priority_level_configuration.name;
    let level_path = path.child("priorityLevelConfiguration").child("name");
    if level.is_empty() {
        let detail = "must reference a priority level";
        errors.push(FieldError::required(&level_path, detail));
    } else {
        let sentences = name::dns1123_subdomain(level);
        invalid_each(&level_path, level, sentences, &mut errors);
    }
    for (i, rule) in list(spec.rules.as_ref()).iter().enumerate() {
        validate_rule(rule, &path.child("rules").index(i), &mut errors);
    }
    errors
}

fn validate_precedence(spec: &FlowSchemaSpec, name: &str, path: &Path, errors: &mut ErrorList) {
    let precedence = spec.matching_precedence.unwrap_or_default();
    let mut wrong = |detail: String| errors.push(FieldError::invalid(path, precedence, detail));
    if precedence <= 0 {
        wrong("must be a positive value".into());
    }
    if precedence > PRECEDENCE_MAX {
        wrong(format!("must not be greater than {PRECEDENCE_MAX}"));
    }
    if precedence == 1 && name != "exempt" {
        wrong("only the schema named 'exempt' may have matchingPrecedence 1".into());
    }
}

fn validate_rule(rule: &PolicyRulesWithSubjects, path: &Path, errors: &mut ErrorList) {
    let subjects = path.child("subjects");
    if rule.subjects.is_empty() {
        let detail = "subjects must contain at least one value";
        errors.push(FieldError::required(&subjects, detail));
    }
    for (i, subject) in rule.subjects.iter().enumerate() {
        validate_subject(subject, &subjects.index(i), errors);
    }
    let resources = list(rule.resource_rules.as_ref());
    let others = list(rule.non_resource_rules.as_ref());
    if resources.is_empty() && others.is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.push(FieldError::required(path, detail));
    }
    for (i, rule) in resources.iter().enumerate() {
        validate_resource_rule(rule, &path.child("resourceRules").index(i), errors);
    }
    for (i, rule) in others.iter().enumerate() {
        validate_other_rule(rule, &path.child("nonResourceRules").index(i), errors);
    }
}

/// A subject says what it is, and has the field of that and no other.
fn validate_subject(subject: &Subject, path: &Path, errors: &mut ErrorList) {
    let kind = subject.kind.as_str();
    if !SUBJECTS.contains(&kind) {
        errors.push(FieldError::not_supported(
            &path.child("kind"),
            kind,
            &SUBJECTS,
        ));
        return;
    }
    let user = subject.user.as_ref().map(|user| user.name.as_str());
    let group = subject.group.as_ref().map(|group| group.name.as_str());
    let account = subject.service_account.as_ref();
    let required_field = match kind {
        "User" => ("user", "User", user.is_some()),
        "Group" => ("group", "Group", group.is_some()),
        _ => ("serviceAccount", "ServiceAccount", account.is_some()),
    };
    let (field, of_kind, is_set) = required_field;
    if is_set {
        let path = path.child(field);
        match (kind, account) {
            ("ServiceAccount", Some(account)) => validate_account(account, &path, errors),
            _ => required(user.or(group), &path.child("name"), errors),
        }
    } else {
        let detail = format!("{field} is required when subject kind is '{of_kind}'");
        errors.push(FieldError::required(&path.child(field), detail));
    }
    for (field, of_kind, is_set) in [
        ("serviceAccount", "ServiceAccount", account.is_some()),
        ("user", "User", user.is_some()),
        ("group", "Group", group.is_some()),
    ] {
        if is_set && of_kind != kind {
            let detail = format!("{field} is forbidden when subject kind is not '{of_kind}'");
            errors.push(FieldError::forbidden(&path.child(field), detail));
        }
    }
}

fn validate_account(account: &ServiceAccountSubject, path: &Path, errors: &mut ErrorList) {
    let name_path = path.child("name");
    required(Some(&account.name), &name_path, errors);
    if !account.name.is_empty() && account.name != ALL {
        let sentences = name::dns1123_subdomain(&account.name);
        invalid_each(&name_path, &account.name, sentences, errors);
    }
    let path = path.child("namespace");
    if account.namespace.is_empty() {
        let detail = "must specify namespace for service account";
        errors.push(FieldError::required(&path, detail));
    } else {
        let sentences = name::dns1123_label(&account.namespace);
        invalid_each(&path, &account.namespace, sentences, errors);
    }
}

fn validate_verbs(verbs: &[String], path: &Path, errors: &mut ErrorList) {
    if verbs.is_empty() {
        let detail = "verbs must contain at least one value";
        errors.push(FieldError::required(path, detail));
    } else if has_all(verbs) {
        alone(verbs, "verbs", path, errors);
    } else if verbs.iter().any(|verb| !VERBS.contains(&verb.as_str())) {
        let value = go_strings(verbs);
        errors.push(FieldError::not_supported(path, value, &VERBS));
    }
}

fn has_all(values: &[String]) -> bool {
    values.iter().any(|value| value == ALL)
}

/// `*` must be the only value.
fn alone(values: &[String], what: &str, path: &Path, errors: &mut ErrorList) {
    if values.len() > 1 && has_all(values) {
        let detail = format!("if '*' is present, must not specify other {what}");
        errors.push(FieldError::invalid(path, go_strings(values), detail));
    }
}

fn validate_resource_rule(rule: &ResourcePolicyRule, path: &Path, errors: &mut ErrorList) {
    validate_verbs(&rule.verbs, &path.child("verbs"), errors);
    for (field, values, one, others) in [
        ("apiGroups", &rule.api_groups, "api group", "api groups"),
        ("resources", &rule.resources, "resource", "resources"),
    ] {
        let path = path.child(field);
        if values.is_empty() {
            let detail = format!("resource rules must supply at least one {one}");
            errors.push(FieldError::required(&path, detail));
        }
        alone(values, others, &path, errors);
    }
    let namespaces = list(rule.namespaces.as_ref());
    let path = path.child("namespaces");
    if namespaces.is_empty() && rule.cluster_scope != Some(true) {
        let detail =
            "resource rules that are not cluster scoped must supply at least one namespace";
        errors.push(FieldError::required(&path, detail));
    } else if has_all(namespaces) {
        alone(namespaces, "namespaces", &path, errors);
    } else {
        for (i, namespace) in namespaces.iter().enumerate() {
            let sentences = name::dns1123_label(namespace).into_iter();
            let sentences = sentences.map(|sentence| {
                format!("each member of this list must be '*' or a DNS-1123 label; {sentence}")
            });
            invalid_each(&path.index(i), namespace, sentences.collect(), errors);
        }
    }
}

fn validate_other_rule(rule: &NonResourcePolicyRule, path: &Path, errors: &mut ErrorList) {
    validate_verbs(&rule.verbs, &path.child("verbs"), errors);
    let urls = &rule.non_resource_urls;
    let path = path.child("nonResourceURLs");
    if urls.is_empty() {
        let detail = "nonResourceURLs must contain at least one value";
        errors.push(FieldError::required(&path, detail));
    } else if has_all(urls) {
        alone(urls, "non-resource URLs", &path, errors);
    } else {
        for (i, url) in urls.iter().enumerate() {
            if let Some(detail) = wrong_path(url) {
                errors.push(FieldError::invalid(&path.index(i), url, detail));
            }
        }
    }
}

/// What is wrong with the path of a URL.
fn wrong_path(path: &str) -> Option<&'static str> {
    let wildcards = path.matches('*').count();
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !path.starts_with('/') => Some("must start with slash"),
        _ if path.contains(' ') => Some("must not contain white-space"),
        _ if path.contains("//") => Some("must not contain double slash"),
        _ if wildcards > 1 || (wildcards == 1 && !path.ends_with("/*")) => {
            Some("wildcard can only do suffix matching")
        }
        _ => None,
    }
}

/// The conditions of a status, each of which has a type of its own.
pub(in crate::kinds) fn validate_condition_types<'a>(
    types: impl Iterator<Item = &'a str>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let mut seen = BTreeSet::new();
    for (i, kind) in types.enumerate() {
        let path = path.index(i).child("type");
        if !seen.insert(kind) {
            errors.push(FieldError::duplicate(&path, kind));
        }
        if kind.is_empty() {
            errors.push(FieldError::required(&path, "must not be empty"));
        }
    }
}
