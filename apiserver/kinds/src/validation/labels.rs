//! Labels and label selectors (upstream: `k8s.io/apimachinery/pkg/apis/meta/v1/validation`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::{go_elements, invalid_each, list};

/// Keys and values of labels.
pub fn validate_labels(
    labels: Option<&BTreeMap<String, String>>,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (key, value) in labels.into_iter().flatten() {
        validate_label_name(key, path, errors);
        invalid_each(path, value, name::label_value(value), errors);
    }
}

/// The key of a label.
pub fn validate_label_name(key: &str, path: &Path, errors: &mut ErrorList) {
    invalid_each(path, key, name::qualified_name(key), errors);
}

/// Validates a selector of objects by their labels; it may be absent.
pub fn validate_label_selector(
    selector: Option<&LabelSelector>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(selector) = selector else { return };
    validate_labels(
        selector.match_labels.as_ref(),
        &path.child("matchLabels"),
        errors,
    );
    let expressions = path.child("matchExpressions");
    for (i, requirement) in list(selector.match_expressions.as_ref()).iter().enumerate() {
        validate_requirement(requirement, &expressions.index(i), errors);
    }
}

fn validate_requirement(
    requirement: &LabelSelectorRequirement,
    path: &Path,
    errors: &mut ErrorList,
) {
    let values = list(requirement.values.as_ref());
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
            &path.child("values"),
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            &path.child("values"),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(FieldError::invalid(
            &path.child("operator"),
            other,
            "not a valid selector operator",
        )),
    }
    validate_label_name(&requirement.key, &path.child("key"), errors);
}

/// A selector as Go's `%#v` prints it.
pub fn go_selector(selector: &LabelSelector) -> BadValue {
    let requirement = |r: &LabelSelectorRequirement| {
        let values = match &r.values {
            Some(values) => format!("[]string{}", go_elements(values)),
            None => "[]string(nil)".to_owned(),
        };
        let (key, operator) = (go_quote(&r.key), go_quote(&r.operator));
        format!("v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{values}}}")
    };
    let expressions = match &selector.match_expressions {
        Some(expressions) => {
            let texts: Vec<_> = expressions.iter().map(requirement).collect();
            format!("{{{}}}", texts.join(", "))
        }
        None => "(nil)".to_owned(),
    };
    BadValue::go(format!(
        "v1.LabelSelector{{MatchLabels:{}, MatchExpressions:[]v1.LabelSelectorRequirement{expressions}}}",
        // `{}` is decoded to nil in Go
        go_map(selector.match_labels.as_ref().filter(|l| !l.is_empty()))
    ))
}

/// Labels as Go's `%#v` prints them.
pub fn go_map(labels: Option<&BTreeMap<String, String>>) -> String {
    let Some(labels) = labels else {
        return "map[string]string(nil)".to_owned();
    };
    let pairs: Vec<_> = labels
        .iter()
        .map(|(k, v)| format!("{}:{}", go_quote(k), go_quote(v)))
        .collect();
    format!("map[string]string{{{}}}", pairs.join(", "))
}

/// Whether a selector has no requirements, and so matches everything.
pub fn is_empty_selector(selector: &LabelSelector) -> bool {
    selector
        .match_labels
        .as_ref()
        .is_none_or(BTreeMap::is_empty)
        && list(selector.match_expressions.as_ref()).is_empty()
}

/// A selector in the form of Tables (upstream: `FormatLabelSelector`).
pub fn format_label_selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else {
        return "<none>".to_owned();
    };
    let mut parts: Vec<(&str, String)> = Vec::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        parts.push((key, format!("{key}={value}")));
    }
    for expression in list(selector.match_expressions.as_ref()) {
        let key = expression.key.as_str();
        let mut values = list(expression.values.as_ref()).to_vec();
        values.sort_unstable();
        let values = values.join(",");
        parts.push((
            key,
            match expression.operator.as_str() {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.to_owned(),
                "DoesNotExist" => format!("!{key}"),
                _ => return "<error>".to_owned(),
            },
        ));
    }
    parts.sort_by(|a, b| a.0.cmp(b.0));
    if parts.is_empty() {
        return "<none>".to_owned();
    }
    let texts: Vec<_> = parts.into_iter().map(|(_, text)| text).collect();
    texts.join(",")
}

/// Labels in the form of Tables (upstream: `labels.FormatLabels`).
pub fn format_labels(labels: Option<&BTreeMap<String, String>>) -> String {
    let pairs: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    if pairs.is_empty() {
        "<none>".to_owned()
    } else {
        pairs.join(",")
    }
}
