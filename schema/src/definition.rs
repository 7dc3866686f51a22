//! Validates definitions
//! (`k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`).
//!
//! If all versions have the same schema, subresources, columns or selectable fields, errors in them
//! are reported at the top level of the spec, because upstream's internal type has them there.

mod approval;
mod complete;
mod conversion;
mod defaults;
mod expressions;
mod field_path;
mod inspect_old;
mod keywords;
mod list_keys;
mod names;
mod old_definition;
mod rules;
mod schema;
mod shared;
mod spec;
mod structural;
mod version;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, JSONSchemaProps,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use self::old_definition::OldDefinition;
pub(crate) use self::structural::is_structural;
use crate::embedded::CheckMetadata;

/// Sets the default names and conversion of a definition.
pub fn default_definition(definition: &mut CustomResourceDefinition) {
    let names = &mut definition.spec.names;
    if is_blank(names.singular.as_ref()) {
        names.singular = Some(names.kind.to_lowercase());
    }
    if is_blank(names.list_kind.as_ref()) && !names.kind.is_empty() {
        names.list_kind = Some(format!("{}List", names.kind));
    }
    let conversion = definition
        .spec
        .conversion
        .get_or_insert_with(|| CustomResourceConversion {
            strategy: "None".to_owned(),
            webhook: None,
        });
    let client = conversion
        .webhook
        .as_mut()
        .and_then(|w| w.client_config.as_mut());
    if let Some(service) = client.and_then(|c| c.service.as_mut()) {
        service.port.get_or_insert(443);
    }
}

/// Sets the status that a definition has when it is validated: that of the definition it replaces,
/// or only the storage version.
pub fn prepare_definition(
    new: &mut CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
) {
    new.status = old.and_then(|old| old.status.clone());
    let storage = new.spec.versions.iter().find(|version| version.storage);
    let Some(storage) = storage.map(|version| version.name.clone()) else {
        return;
    };
    let status = new.status.get_or_insert_default();
    let stored = status.stored_versions.get_or_insert_default();
    if !stored.contains(&storage) {
        stored.push(storage);
    }
}

/// Validates a new or updated definition that was defaulted and prepared.
///
/// The caller validates its metadata; `check` is used for metadata within defaults.
pub fn validate_definition(
    new: &CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
    check: CheckMetadata<'_>,
) -> ErrorList {
    let mut errors = Vec::new();
    if old.is_none() {
        validate_name(new, &mut errors);
    }
    let old_definition = old.map_or_else(OldDefinition::none, OldDefinition::of);
    spec::validate(new, old, &old_definition, check, &mut errors);
    validate_status(new, &mut errors);
    approval::validate(new, old, &mut errors);
    validate_preserve(new, old, &mut errors);
    errors
}

/// Validates a write of a definition's status.
pub fn validate_definition_status(new: &CustomResourceDefinition) -> ErrorList {
    let mut errors = Vec::new();
    validate_accepted_names(new, &mut errors);
    errors
}

/// A name that is missing is reported with the metadata.
fn validate_name(new: &CustomResourceDefinition, errors: &mut ErrorList) {
    let wanted = format!("{}.{}", new.spec.names.plural, new.spec.group);
    for (field, name) in [
        ("generateName", new.metadata.generate_name.as_deref()),
        ("name", new.metadata.name.as_deref()),
    ] {
        if let Some(name) = name.filter(|name| !name.is_empty() && *name != wanted) {
            let path = Path::new("metadata").child(field);
            let detail = r#"must be spec.names.plural+"."+spec.group"#;
            errors.push(FieldError::invalid(&path, name, detail));
        }
    }
}

fn validate_accepted_names(new: &CustomResourceDefinition, errors: &mut ErrorList) {
    let accepted = new.status.as_ref().and_then(|s| s.accepted_names.as_ref());
    if let Some(accepted) = accepted {
        names::validate(
            accepted,
            &Path::new("status").child("acceptedNames"),
            errors,
        );
    }
}

fn validate_status(new: &CustomResourceDefinition, errors: &mut ErrorList) {
    validate_accepted_names(new, errors);
    let stored = new.status.as_ref().and_then(|s| s.stored_versions.as_ref());
    let stored = stored.map_or(&[][..], Vec::as_slice);
    let path = Path::new("status").child("storedVersions");
    if stored.is_empty() {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid(
            &path,
            BadValue::go("[]string(nil)"),
            detail,
        ));
        return;
    }
    // as upstream, a version counts once: a second one of the same name is not stored
    let mut left: Vec<&String> = stored.iter().collect();
    for version in &new.spec.versions {
        let at = left.iter().position(|name| **name == version.name);
        if let Some(at) = at {
            left.remove(at);
        } else if version.storage {
            let detail = format!("must have the storage version {}", version.name);
            errors.push(FieldError::invalid(&path, go_strings(stored), detail));
        }
    }
    for (i, name) in stored.iter().enumerate() {
        if !new
            .spec
            .versions
            .iter()
            .any(|version| version.name == *name)
        {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in \
                 spec.versions until a storage migration ensures no data remains persisted in {name} and \
                 removes {name} from status.storedVersions"
            );
            errors.push(FieldError::invalid(&path.index(i), name, detail));
        }
    }
}

fn validate_preserve(
    new: &CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
    errors: &mut ErrorList,
) {
    let preserves = |d: &CustomResourceDefinition| is(d.spec.preserve_unknown_fields);
    if preserves(new) && !old.is_some_and(preserves) {
        let path = Path::new("spec").child("preserveUnknownFields");
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid(&path, true, detail));
    }
}

fn is(flag: Option<bool>) -> bool {
    flag.unwrap_or_default()
}

fn is_blank(text: Option<&String>) -> bool {
    text.is_none_or(String::is_empty)
}

fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn list<T>(list: Option<&Vec<T>>) -> &[T] {
    list.map_or(&[], Vec::as_slice)
}

fn go_strings(values: &[String]) -> BadValue {
    let quoted: Vec<_> = values
        .iter()
        .map(|v| portcullis_api::field_error::go_quote(v))
        .collect();
    BadValue::go(format!("[]string{{{}}}", quoted.join(", ")))
}

/// The child schemas of one, without branches.
fn parts(props: &JSONSchemaProps) -> Parts<'_> {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    };
    Parts {
        items: match &props.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
            Some(JSONSchemaPropsOrArray::Schemas(_)) | None => None,
        },
        values: match &props.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Some(values),
            Some(JSONSchemaPropsOrBool::Bool(_)) | None => None,
        },
    }
}

struct Parts<'p> {
    items: Option<&'p JSONSchemaProps>,
    /// The schema of `additionalProperties`.
    values: Option<&'p JSONSchemaProps>,
}

/// Whether a schema or one of its descendants satisfies a predicate.
fn any(props: &JSONSchemaProps, is_such: &impl Fn(&JSONSchemaProps) -> bool) -> bool {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray;
    let below = |p: &JSONSchemaProps| any(p, is_such);
    let parts = parts(props);
    let branches = [&props.all_of, &props.any_of, &props.one_of];
    let tuple = match &props.items {
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.as_slice(),
        Some(JSONSchemaPropsOrArray::Schema(_)) | None => &[],
    };
    is_such(props)
        || parts.items.is_some_and(below)
        || parts.values.is_some_and(below)
        || tuple.iter().any(below)
        || props.properties.iter().flatten().any(|(_, p)| below(p))
        || branches
            .into_iter()
            .any(|b| list(b.as_ref()).iter().any(below))
        || props.not.as_deref().is_some_and(below)
}

#[cfg(test)]
mod tests;
