//! Validates the names of kinds and resources.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionNames;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::{list, text};

/// Checks the names that the spec must set; in the status they may be missing.
pub(super) fn require(names: &CustomResourceDefinitionNames, path: &Path, errors: &mut ErrorList) {
    for (field, value) in [
        ("plural", names.plural.as_str()),
        ("singular", text(names.singular.as_ref())),
        ("kind", names.kind.as_str()),
        ("listKind", text(names.list_kind.as_ref())),
    ] {
        if value.is_empty() {
            errors.push(FieldError::required(&path.child(field), ""));
        }
    }
}

/// Checks that names are DNS labels; kinds may have capital letters.
pub(super) fn validate(names: &CustomResourceDefinitionNames, path: &Path, errors: &mut ErrorList) {
    let list_kind = text(names.list_kind.as_ref());
    for (field, value, mixed_case) in [
        ("plural", names.plural.as_str(), false),
        ("singular", text(names.singular.as_ref()), false),
        ("kind", names.kind.as_str(), true),
        ("listKind", list_kind, true),
    ] {
        if !value.is_empty() {
            label(value, mixed_case, &path.child(field), errors);
        }
    }
    let listed = |field: &str, values: &[String], errors: &mut ErrorList| {
        for (i, value) in values.iter().enumerate() {
            label(value, false, &path.child(field).index(i), errors);
        }
    };
    listed("shortNames", list(names.short_names.as_ref()), errors);
    if !names.kind.is_empty() && names.kind == list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(
            &path.child("listKind"),
            list_kind,
            detail,
        ));
    }
    listed("categories", list(names.categories.as_ref()), errors);
}

fn label(value: &str, mixed_case: bool, path: &Path, errors: &mut ErrorList) {
    let (sentences, lead) = if mixed_case {
        let lead = "may have mixed case, but should otherwise match: ";
        (name::dns1035_label(&value.to_lowercase()), lead)
    } else {
        (name::dns1035_label(value), "")
    };
    if !sentences.is_empty() {
        let detail = format!("{lead}{}", sentences.join(","));
        errors.push(FieldError::invalid(path, value, detail));
    }
}
