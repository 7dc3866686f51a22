//! Validates a version: deprecation, schema, subresources, columns, selectable fields.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinitionVersion,
    CustomResourceSubresourceScale, JSONSchemaProps,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::old_definition::{SELECTABLE_MAX, schema};
use super::schema::SchemaRules;
use super::shared::Shared;
use super::{field_path, is, list, text};

/// The maximum length of a deprecation warning, in characters.
const WARNING_MAX: usize = 256;

/// Checks the parts that are not the same in all versions.
pub(super) fn validate(
    version: &CustomResourceDefinitionVersion,
    shared: Shared,
    rules: &SchemaRules<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_warning(version, &path.child("deprecationWarning"), errors);
    if let Some(props) = schema(version).filter(|_| !shared.schema) {
        let status = has_status(version);
        rules.validate(props, &version.name, status, &path.child("schema"), errors);
    }
    if !shared.subresources {
        validate_subresources(version, &path.child("subresources"), errors);
    }
    if !shared.columns {
        validate_columns(version, &path.child("additionalPrinterColumns"), errors);
    }
    if !shared.selectable {
        validate_selectable(version, rules, &path.child("selectableFields"), errors);
    }
}

/// Checks the parts that are the same in all versions, and reports them at the top level.
pub(super) fn validate_shared(
    versions: &[CustomResourceDefinitionVersion],
    shared: Shared,
    rules: &SchemaRules<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(first) = versions.first() else {
        return;
    };
    if let Some(props) = schema(first).filter(|_| shared.schema) {
        let status = versions.iter().any(has_status);
        rules.validate(
            props,
            &first.name,
            status,
            &path.child("validation"),
            errors,
        );
    }
    if shared.subresources {
        validate_subresources(first, &path.child("subresources"), errors);
    }
    if shared.columns {
        validate_columns(first, &path.child("additionalPrinterColumns"), errors);
    }
    if shared.selectable {
        validate_selectable(first, rules, &path.child("selectableFields"), errors);
    }
}

fn has_status(version: &CustomResourceDefinitionVersion) -> bool {
    version
        .subresources
        .as_ref()
        .is_some_and(|s| s.status.is_some())
}

fn validate_warning(
    version: &CustomResourceDefinitionVersion,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(warning) = version.deprecation_warning.as_deref() else {
        return;
    };
    let mut wrong = |detail: String| errors.push(FieldError::invalid(path, warning, detail));
    if !is(version.deprecated) {
        wrong("can only be set for deprecated versions".to_owned());
        return;
    }
    if warning.len() > WARNING_MAX {
        wrong(format!("must be <= {WARNING_MAX} characters long"));
    }
    if warning.is_empty() {
        wrong("must not be an empty string".to_owned());
    }
    if let Some((at, _)) = warning.char_indices().find(|(_, c)| !is_printable(*c)) {
        let detail =
            "must only contain printable UTF-8 characters; non-printable character found at index";
        wrong(format!("{detail} {at}"));
    }
}

/// An approximation of Go's `unicode.IsPrint`: of spaces, only ASCII's.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}'))
}

fn validate_subresources(
    version: &CustomResourceDefinitionVersion,
    path: &Path,
    errors: &mut ErrorList,
) {
    let scale = version.subresources.as_ref().and_then(|s| s.scale.as_ref());
    if let Some(scale) = scale {
        validate_scale(scale, path, errors);
    }
}

fn validate_scale(scale: &CustomResourceSubresourceScale, path: &Path, errors: &mut ErrorList) {
    for (field, value, root) in [
        ("specReplicasPath", &scale.spec_replicas_path, ".spec"),
        ("statusReplicasPath", &scale.status_replicas_path, ".status"),
    ] {
        let path = path.child("scale").child(field);
        if value.is_empty() {
            errors.push(FieldError::required(&path, ""));
        } else if is_simple(value, &path, errors) && !value.starts_with(&format!("{root}.")) {
            let detail = format!("should be a json path under {root}");
            errors.push(FieldError::invalid(&path, value, detail));
        }
    }
    let selector = text(scale.label_selector_path.as_ref());
    let path = path.child("scale").child("labelSelectorPath");
    let below = |root: &str| selector.starts_with(root);
    if !selector.is_empty()
        && is_simple(selector, &path, errors)
        && !below(".spec.")
        && !below(".status.")
    {
        let detail = "should be a json path under either .spec or .status";
        errors.push(FieldError::invalid(&path, selector, detail));
    }
}

fn is_simple(value: &str, path: &Path, errors: &mut ErrorList) -> bool {
    let simple = value.starts_with('.');
    if !simple {
        let detail = "must be a simple json path starting with .";
        errors.push(FieldError::invalid(path, value, detail));
    }
    simple
}

fn validate_columns(
    version: &CustomResourceDefinitionVersion,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, column) in list(version.additional_printer_columns.as_ref())
        .iter()
        .enumerate()
    {
        validate_column(column, &path.index(i), errors);
    }
}

fn validate_column(column: &CustomResourceColumnDefinition, path: &Path, errors: &mut ErrorList) {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 8] = [
        "byte",
        "date",
        "date-time",
        "double",
        "float",
        "int32",
        "int64",
        "password",
    ];
    let one_of = |known: &[&str]| format!("must be one of {}", known.join(","));
    if column.name.is_empty() {
        errors.push(FieldError::required(&path.child("name"), ""));
    }
    let kind = column.type_.as_str();
    if kind.is_empty() {
        errors.push(FieldError::required(&path.child("type"), one_of(&TYPES)));
    } else if !TYPES.contains(&kind) {
        errors.push(FieldError::invalid(
            &path.child("type"),
            kind,
            one_of(&TYPES),
        ));
    }
    let format = text(column.format.as_ref());
    if !format.is_empty() && !FORMATS.contains(&format) {
        errors.push(FieldError::invalid(
            &path.child("format"),
            format,
            one_of(&FORMATS),
        ));
    }
    let json_path = path.child("JSONPath");
    if column.json_path.is_empty() {
        errors.push(FieldError::required(&json_path, ""));
    } else {
        is_simple(&column.json_path, &json_path, errors);
    }
}

fn validate_selectable(
    version: &CustomResourceDefinitionVersion,
    rules: &SchemaRules<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let fields = list(version.selectable_fields.as_ref());
    if fields.is_empty() {
        return;
    }
    let Some(props) = schema(version) else {
        let detail = "may only be set when `version.schema.openAPIV3Schema` is not included";
        errors.push(FieldError::invalid(path, "", detail));
        return;
    };
    let mut unique = HashSet::new();
    for (i, field) in fields.iter().enumerate() {
        let path = path.index(i).child("jsonPath");
        if field.json_path.is_empty() {
            errors.push(FieldError::required(&path, ""));
        } else if let Some(names) = selectable(&field.json_path, props, &path, errors)
            && !unique.insert(names)
        {
            errors.push(FieldError::duplicate(&path, &field.json_path));
        }
    }
    if unique.len() > SELECTABLE_MAX && !rules.old_definition.allows_selectable(version) {
        errors.push(FieldError::too_many(path, unique.len(), SELECTABLE_MAX));
    }
}

/// The names on the path of a selectable field, if it is valid.
fn selectable(
    json_path: &str,
    props: &JSONSchemaProps,
    path: &Path,
    errors: &mut ErrorList,
) -> Option<Vec<String>> {
    let (names, found) = match field_path::resolve(json_path, props, false) {
        Ok(found) => found,
        Err(error) => {
            let detail = format!("is an invalid path: {error}");
            errors.push(FieldError::invalid(path, json_path, detail));
            return None;
        }
    };
    if names.first().is_some_and(|name| name == "metadata") {
        let detail = "must not point to fields in metadata";
        errors.push(FieldError::invalid(path, json_path, detail));
    }
    let kind = found.map_or("", |p| text(p.type_.as_ref()));
    if !matches!(kind, "string" | "boolean" | "integer") {
        let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
        errors.push(FieldError::invalid(path, json_path, detail));
    }
    Some(names)
}
