//! Validates the spec: group, scope, versions, and their shared parts.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec, CustomResourceDefinitionVersion,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::old_definition::{OldDefinition, schema};
use super::schema::SchemaRules;
use super::shared::Shared;
use super::{any, conversion, go_strings, is, names, version};
use crate::embedded::CheckMetadata;

pub(super) fn validate(
    new: &CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
    old_definition: &OldDefinition,
    check: CheckMetadata<'_>,
    errors: &mut ErrorList,
) {
    let path = Path::new("spec");
    let spec = &new.spec;
    validate_group(&spec.group, &path.child("group"), errors);
    validate_scope(&spec.scope, &path.child("scope"), errors);
    validate_presence(spec, old_definition, &path, errors);
    let shared = Shared::of(&spec.versions);
    let rules = SchemaRules {
        old_definition,
        check,
        structural: requires_structural(spec, old_definition),
        old_versions: old.map_or(&[], |old| &old.spec.versions),
    };
    for (i, version) in spec.versions.iter().enumerate() {
        let path = path.child("versions").index(i);
        let sentences = name::dns1035_label(&version.name);
        if !sentences.is_empty() {
            let path = path.child("name");
            errors.push(FieldError::invalid(
                &path,
                &version.name,
                sentences.join(","),
            ));
        }
        version::validate(version, shared, &rules, &path, errors);
    }
    validate_versions(&spec.versions, &path, errors);
    names::require(&spec.names, &path.child("names"), errors);
    names::validate(&spec.names, &path.child("names"), errors);
    version::validate_shared(&spec.versions, shared, &rules, &path, errors);
    validate_conversion(spec, old_definition, &path, errors);
    if let Some(old) = old {
        validate_immutable(spec, &old.spec, old_definition, &path, errors);
    }
}

fn validate_group(group: &str, path: &Path, errors: &mut ErrorList) {
    let sentences = name::dns1123_subdomain(group);
    if group.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !sentences.is_empty() {
        errors.push(FieldError::invalid(path, group, sentences.join(",")));
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.push(FieldError::invalid(path, group, detail));
    }
}

fn validate_scope(scope: &str, path: &Path, errors: &mut ErrorList) {
    match scope {
        "" => errors.push(FieldError::required(path, "")),
        "Cluster" | "Namespaced" => {}
        _ => errors.push(FieldError::not_supported(
            path,
            scope,
            &["Cluster", "Namespaced"],
        )),
    }
}

/// Each version must have a schema.
fn validate_presence(
    spec: &CustomResourceDefinitionSpec,
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    let preserves = is(spec.preserve_unknown_fields);
    let detail = match old_definition.missing_schemas {
        false => "schemas are required",
        true if preserves => return,
        true => "because otherwise all fields are pruned",
    };
    for (i, version) in spec.versions.iter().enumerate() {
        let counts = version.served || !old_definition.missing_schemas;
        if counts && schema(version).is_none() {
            let path = path
                .child("versions")
                .index(i)
                .child("schema")
                .child("openAPIV3Schema");
            errors.push(FieldError::required(&path, detail));
        }
    }
    let has_default = |v: &CustomResourceDefinitionVersion| {
        schema(v).is_some_and(|s| any(s, &|s| s.default.is_some()))
    };
    if preserves && spec.versions.iter().any(has_default) {
        let path = path.child("preserveUnknownFields");
        let detail = "must be false in order to use defaults in the schema";
        errors.push(FieldError::invalid(&path, true, detail));
    }
}

/// Pruning, defaults and Kubernetes' extensions require a structural schema.
fn requires_structural(
    spec: &CustomResourceDefinitionSpec,
    old_definition: &OldDefinition,
) -> bool {
    let needs = |version: &CustomResourceDefinitionVersion| {
        schema(version).is_some_and(|s| {
            any(s, &|s| {
                s.default.is_some()
                    || is(s.x_kubernetes_embedded_resource)
                    || is(s.x_kubernetes_int_or_string)
                    || s.x_kubernetes_preserve_unknown_fields.is_some()
                    || s.x_kubernetes_list_type.is_some()
                    || s.x_kubernetes_list_map_keys
                        .as_ref()
                        .is_some_and(|k| !k.is_empty())
                    || s.x_kubernetes_validations
                        .as_ref()
                        .is_some_and(|v| !v.is_empty())
            })
        })
    };
    !old_definition.not_structural
        || !is(spec.preserve_unknown_fields)
        || spec.versions.iter().any(needs)
}

/// Names must be unique, and exactly one version must be the storage version.
fn validate_versions(
    versions: &[CustomResourceDefinitionVersion],
    path: &Path,
    errors: &mut ErrorList,
) {
    // only the names, as the whole versions are as long as the definition
    let value = || -> BadValue {
        let names: Vec<_> = versions.iter().map(|v| v.name.clone()).collect();
        go_strings(&names)
    };
    let mut seen = HashSet::new();
    let all = path.child("versions");
    if !versions.iter().all(|version| seen.insert(&version.name)) {
        errors.push(FieldError::invalid(
            &all,
            value(),
            "must contain unique version names",
        ));
    }
    if versions.iter().filter(|version| version.storage).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(&all, value(), detail));
    }
    // upstream's internal type repeats the first one
    let Some(first) = versions.first().filter(|first| !first.name.is_empty()) else {
        return;
    };
    let sentences = name::dns1035_label(&first.name);
    if !sentences.is_empty() {
        let path = path.child("version");
        errors.push(FieldError::invalid(&path, &first.name, sentences.join(",")));
    }
}

fn validate_conversion(
    spec: &CustomResourceDefinitionSpec,
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(conversion) = &spec.conversion else {
        return;
    };
    let path = path.child("conversion");
    if conversion.strategy != "None" && is(spec.preserve_unknown_fields) {
        let detail = "must be None if spec.preserveUnknownFields is true";
        errors.push(FieldError::invalid(
            &path.child("strategy"),
            &conversion.strategy,
            detail,
        ));
    }
    conversion::validate(conversion, old_definition, &path, errors);
}

fn validate_immutable(
    new: &CustomResourceDefinitionSpec,
    old: &CustomResourceDefinitionSpec,
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    let names = path.child("names");
    for (new, old, path, fixed) in [
        (
            &new.scope,
            &old.scope,
            path.child("scope"),
            old_definition.established,
        ),
        (
            &new.names.kind,
            &old.names.kind,
            names.child("kind"),
            old_definition.established,
        ),
        (&new.group, &old.group, path.child("group"), true),
        (
            &new.names.plural,
            &old.names.plural,
            names.child("plural"),
            true,
        ),
    ] {
        if fixed && new != old {
            errors.push(FieldError::invalid(&path, new, "field is immutable"));
        }
    }
}
