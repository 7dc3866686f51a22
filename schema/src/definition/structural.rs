//! The rules of structural schemas
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go`).

mod branch;
mod metadata;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::{any, complete, is, parts, text};
use crate::compile::CompileError;

/// The level of a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Why a schema has no structure at all, with upstream's message; the rules of keywords report it
/// more precisely.
pub(super) fn conversion_error(props: &JSONSchemaProps) -> Option<String> {
    let unsupported = |p: &JSONSchemaProps| -> Option<String> {
        if p.x_kubernetes_preserve_unknown_fields == Some(false) {
            return Some(
                "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
                    .to_owned(),
            );
        }
        if matches!(p.items, Some(JSONSchemaPropsOrArray::Schemas(_))) {
            return Some(CompileError::ItemsArray.to_string());
        }
        crate::compile::supported(p).err().map(|e| e.to_string())
    };
    let found = std::cell::RefCell::new(None);
    any(props, &|p| {
        let error = unsupported(p);
        let broken = error.is_some();
        if broken {
            found.replace(error);
        }
        broken
    });
    found.into_inner()
}

/// Whether a schema, new or stored, is structural.
pub(crate) fn is_structural(props: &JSONSchemaProps) -> bool {
    conversion_error(props).is_none() && validate(props, &Path::default()).is_empty()
}

/// Validates the structure. Errors are sorted by message.
pub(super) fn validate(props: &JSONSchemaProps, path: &Path) -> ErrorList {
    let mut errors = Vec::new();
    let mut patterns = branch::Patterns::default();
    node(props, Level::Root, path, &mut patterns, &mut errors);
    complete::validate(props, path, &mut errors);
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

fn node<'p>(
    props: &'p JSONSchemaProps,
    level: Level,
    path: &Path,
    patterns: &mut branch::Patterns<'p>,
    errors: &mut ErrorList,
) {
    let parts = parts(props);
    if text(props.type_.as_ref()) == "array" && props.items.is_none() {
        errors.push(FieldError::required(
            &path.child("items"),
            "must be specified",
        ));
    }
    if let Some(items) = parts.items {
        node(items, Level::Item, &path.child("items"), patterns, errors);
    }
    for (name, property) in props.properties.iter().flatten() {
        node(
            property,
            Level::Field,
            &path.child("properties").key(name),
            patterns,
            errors,
        );
    }
    if props.additional_properties.is_some() {
        let path = path.child("additionalProperties");
        if level == Level::Root {
            errors.push(FieldError::forbidden(&path, "must not be used at the root"));
        }
        if let Some(values) = parts.values {
            node(values, Level::Field, &path, patterns, errors);
        }
    }
    extensions(props, path, errors);
    branch::validate_values(
        props,
        branch::Skip {
            any_of: branch::is_int_or_string(props),
            first_all_of: branch::starts_with_int_or_string(props),
        },
        path,
        patterns,
        errors,
    );
    types(props, level, path, errors);
    metadata::validate(props, level == Level::Root, path, errors);
}

fn extensions(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    if !is(props.x_kubernetes_int_or_string) {
        return;
    }
    for (name, on) in [
        (
            "x-kubernetes-preserve-unknown-fields",
            props.x_kubernetes_preserve_unknown_fields,
        ),
        (
            "x-kubernetes-embedded-resource",
            props.x_kubernetes_embedded_resource,
        ),
    ] {
        if is(on) {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(&path.child(name), true, detail));
        }
    }
}

fn types(props: &JSONSchemaProps, level: Level, path: &Path, errors: &mut ErrorList) {
    let kind = text(props.type_.as_ref());
    let at = path.child("type");
    let embedded = is(props.x_kubernetes_embedded_resource);
    let preserves = is(props.x_kubernetes_preserve_unknown_fields);
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match kind {
            "" => FieldError::required(&at, detail),
            _ => FieldError::invalid(&at, kind, detail),
        });
    } else if kind.is_empty() && !is(props.x_kubernetes_int_or_string) && !preserves {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(&at, detail));
    }
    if embedded && props.additional_properties.is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(
            &path.child("additionalProperties"),
            detail,
        ));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid(&at, kind, "must be object at the root"));
    }
    if embedded && !preserves && props.properties.as_ref().is_none_or(|p| p.is_empty()) {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(&path.child("properties"), detail));
    }
}
