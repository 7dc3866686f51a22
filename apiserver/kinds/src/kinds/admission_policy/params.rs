//! Parameters: their kind in a policy, and the reference to objects in a binding.

use k8s_openapi::api::admissionregistration::v1::{ParamKind, ParamRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::Cell;
use crate::validation::labels::validate_label_selector;
use crate::validation::{invalid_each, one_of, text};

/// The cell of an unset value.
const UNSET: &str = "<unset>";
const EITHER: &str = "name and selector are mutually exclusive";

/// Validates a kind of parameters.
pub(in crate::kinds) fn validate_kind(kind: &ParamKind, path: &Path, errors: &mut ErrorList) {
    let version_path = path.child("apiVersion");
    match text(kind.api_version.as_ref()) {
        "" => errors.push(FieldError::required(&version_path, "")),
        given => validate_api_version(given, &version_path, errors),
    }
    let (given, path) = (text(kind.kind.as_ref()), path.child("kind"));
    if given.is_empty() {
        errors.push(FieldError::required(&path, ""));
        return;
    }
    let sentences = name::dns1035_label(&given.to_lowercase());
    if !sentences.is_empty() {
        let what = "may have mixed case, but should otherwise match: ";
        let detail = format!("{what}{}", sentences.join(","));
        errors.push(FieldError::invalid(&path, given, detail));
    }
}

fn validate_api_version(given: &str, path: &Path, errors: &mut ErrorList) {
    let (group, version) = match given.split_once('/') {
        _ if given == "/" => ("", ""),
        None => ("", given),
        Some((_, rest)) if rest.contains('/') => {
            let detail = format!("unexpected GroupVersion string: {given}");
            errors.push(FieldError::invalid(path, given, detail));
            return;
        }
        Some(parts) => parts,
    };
    let sentences = name::dns1123_subdomain(group);
    if !group.is_empty() && !sentences.is_empty() {
        errors.push(FieldError::invalid(path, group, sentences.join(",")));
    }
    let sentences = name::dns1035_label(version);
    if version.is_empty() {
        let detail = "version must be specified";
        errors.push(FieldError::invalid(path, given, detail));
    } else if !sentences.is_empty() {
        errors.push(FieldError::invalid(path, version, sentences.join(",")));
    }
}

/// Validates a reference to parameters.
pub(in crate::kinds) fn validate_reference(
    reference: &ParamRef,
    path: &Path,
    errors: &mut ErrorList,
) {
    let (given, selector) = (text(reference.name.as_ref()), &reference.selector);
    let (name_path, selector_path) = (path.child("name"), path.child("selector"));
    if !given.is_empty() {
        invalid_each(&name_path, given, name::path_segment(given), errors);
        if selector.is_some() {
            errors.push(FieldError::forbidden(&name_path, EITHER));
        }
    }
    if selector.is_some() {
        validate_label_selector(selector.as_ref(), &selector_path, errors);
        if !given.is_empty() {
            errors.push(FieldError::forbidden(&selector_path, EITHER));
        }
    }
    if given.is_empty() && selector.is_none() {
        let detail = "one of name or selector must be specified";
        errors.push(FieldError::required(path, detail));
    }
    let path = path.child("parameterNotFoundAction");
    match text(reference.parameter_not_found_action.as_ref()) {
        "" => errors.push(FieldError::required(&path, "")),
        action => one_of(action, &["Deny", "Allow"], &path, errors),
    }
}

/// The cell of a kind of parameters.
pub(in crate::kinds) fn kind_cell(kind: Option<&ParamKind>) -> Cell {
    Cell::text(kind.map_or_else(
        || UNSET.to_owned(),
        |kind| {
            let api_version = text(kind.api_version.as_ref());
            format!("{api_version}/{}", text(kind.kind.as_ref()))
        },
    ))
}

/// The cell of a reference to parameters.
pub(in crate::kinds) fn reference_cell(reference: Option<&ParamRef>) -> Cell {
    let Some(reference) = reference else {
        return Cell::text(UNSET);
    };
    let place = |name: &str| match text(reference.namespace.as_ref()) {
        // whether the kind is namespaced is not known here
        "" => format!("*/{name}"),
        namespace => format!("{namespace}/{name}"),
    };
    Cell::text(match (text(reference.name.as_ref()), &reference.selector) {
        ("", None) => UNSET.to_owned(),
        ("", Some(selector)) => go_selector(selector),
        (name, _) => place(name),
    })
}

/// A selector in Go's print format.
fn go_selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}: {value},"));
    let expressions = selector.match_expressions.iter().flatten();
    let expressions = expressions.map(|requirement| {
        let values = requirement.values.as_deref().unwrap_or_default().join(" ");
        format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},",
            requirement.key, requirement.operator
        )
    });
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        String::from_iter(labels),
        String::from_iter(expressions)
    )
}
