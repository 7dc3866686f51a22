//! Validates keywords of all schemas, including branches.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, JSONSchemaPropsOrStringArray,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::old_definition::OldDefinition;
use super::{is, is_blank, list, list_keys, parts, rules, text};
use crate::prune::META_FIELDS;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// The context of a schema.
#[derive(Clone, Copy)]
pub(super) struct Inside {
    root: bool,
    metadata: bool,
    /// Why defaults are not allowed, if so.
    no_defaults: Option<&'static str>,
}

impl Inside {
    pub(super) const fn root() -> Self {
        Self {
            root: true,
            metadata: false,
            no_defaults: None,
        }
    }

    const fn below(self) -> Self {
        Self {
            root: false,
            ..self
        }
    }

    fn property(self, of: &JSONSchemaProps, name: &str) -> Self {
        let is_object = self.root || is(of.x_kubernetes_embedded_resource);
        if !is_object || !META_FIELDS.contains(&name) {
            return self.below();
        }
        let reason = match name {
            "metadata" => "in top-level metadata",
            "kind" => "in top-level kind",
            _ => "in top-level apiVersion",
        };
        Self {
            root: false,
            metadata: true,
            no_defaults: if self.root {
                Some(reason)
            } else {
                self.no_defaults
            },
        }
    }
}

pub(super) fn has_unknown_type(props: &JSONSchemaProps) -> bool {
    let kind = text(props.type_.as_ref());
    !kind.is_empty() && !TYPES.contains(&kind)
}

pub(super) fn validate(
    props: &JSONSchemaProps,
    old_definition: &OldDefinition,
    inside: Inside,
    path: &Path,
    errors: &mut ErrorList,
) {
    standard(props, old_definition, inside, path, errors);
    if is(props.unique_items) {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(&path.child("uniqueItems"), detail));
    }
    let mut go = |part: &JSONSchemaProps, inside: Inside, path: &Path, errors: &mut ErrorList| {
        validate(part, old_definition, inside, path, errors);
    };
    additional(props, inside, path, errors, &mut go);
    for (name, property) in props.properties.iter().flatten() {
        go(
            property,
            inside.property(props, name),
            &path.child("properties").key(name),
            errors,
        );
    }
    below(props, inside.below(), path, errors, &mut go);
    if props.x_kubernetes_preserve_unknown_fields == Some(false) {
        let path = path.child("x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid(
            &path,
            false,
            "must be true or undefined",
        ));
    }
    map_type(props, path, errors);
    list_keys::validate(props, old_definition, path, errors);
    rules::validate(props, path, errors);
}

/// Keywords of OpenAPI that definitions may not use.
fn standard(
    props: &JSONSchemaProps,
    old_definition: &OldDefinition,
    inside: Inside,
    path: &Path,
    errors: &mut ErrorList,
) {
    let kind = text(props.type_.as_ref());
    if has_unknown_type(props) && !old_definition.unknown_types {
        errors.push(FieldError::not_supported(&path.child("type"), kind, &TYPES));
    }
    if let (Some(reason), true) = (inside.no_defaults, props.default.is_some()) {
        let detail = format!("must not be set {reason}");
        errors.push(FieldError::forbidden(&path.child("default"), detail));
    }
    for (there, name) in [
        (!is_blank(props.id.as_ref()), "id"),
        (props.additional_items.is_some(), "additionalItems"),
        (
            props
                .pattern_properties
                .as_ref()
                .is_some_and(|m| !m.is_empty()),
            "patternProperties",
        ),
        (
            props.definitions.as_ref().is_some_and(|m| !m.is_empty()),
            "definitions",
        ),
        (props.dependencies.is_some(), "dependencies"),
        (props.ref_path.is_some(), "$ref"),
    ] {
        if there {
            errors.push(FieldError::forbidden(
                &path.child(name),
                format!("{name} is not supported"),
            ));
        }
    }
    if kind == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        errors.push(FieldError::forbidden(&path.child("type"), detail));
    }
    if matches!(&props.items, Some(JSONSchemaPropsOrArray::Schemas(items)) if !items.is_empty()) {
        let detail = "items must be a schema object and not an array";
        errors.push(FieldError::forbidden(&path.child("items"), detail));
    }
    if inside.metadata && is(props.x_kubernetes_embedded_resource) {
        let path = path.child("x-kubernetes-embedded-resource");
        errors.push(FieldError::forbidden(
            &path,
            "must not be used inside of resource meta",
        ));
    }
}

/// Visits a child schema.
type Visit<'g> = &'g mut dyn FnMut(&JSONSchemaProps, Inside, &Path, &mut ErrorList);

fn additional(
    props: &JSONSchemaProps,
    inside: Inside,
    path: &Path,
    errors: &mut ErrorList,
    go: Visit<'_>,
) {
    let Some(additional) = &props.additional_properties else {
        return;
    };
    let path = path.child("additionalProperties");
    let declares = props.properties.as_ref().is_some_and(|p| !p.is_empty());
    if declares && !matches!(additional, JSONSchemaPropsOrBool::Bool(true)) {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(&path, detail));
    }
    if let JSONSchemaPropsOrBool::Schema(values) = additional {
        let mut inside = inside.below();
        if inside.metadata {
            inside.no_defaults = Some("inside additionalProperties applying to object metadata");
        }
        go(values, inside, &path, errors);
    }
}

/// Visits all children of a schema except its properties.
fn below(
    props: &JSONSchemaProps,
    inside: Inside,
    path: &Path,
    errors: &mut ErrorList,
    go: Visit<'_>,
) {
    if let Some(not) = &props.not {
        go(not, inside, &path.child("not"), errors);
    }
    for (name, branches) in [
        ("allOf", &props.all_of),
        ("oneOf", &props.one_of),
        ("anyOf", &props.any_of),
    ] {
        for (i, branch) in list(branches.as_ref()).iter().enumerate() {
            go(branch, inside, &path.child(name).index(i), errors);
        }
    }
    for (name, definition) in props.definitions.iter().flatten() {
        go(
            definition,
            inside,
            &path.child("definitions").key(name),
            errors,
        );
    }
    if let Some(items) = parts(props).items {
        go(items, inside, &path.child("items"), errors);
    }
    if let Some(JSONSchemaPropsOrArray::Schemas(items)) = &props.items {
        for (i, item) in items.iter().enumerate() {
            go(item, inside, &path.child("items").index(i), errors);
        }
    }
    for (name, dependency) in props.dependencies.iter().flatten() {
        if let JSONSchemaPropsOrStringArray::Schema(schema) = dependency {
            go(
                schema,
                inside,
                &path.child("dependencies").key(name),
                errors,
            );
        }
    }
}

fn map_type(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    let Some(map_type) = props.x_kubernetes_map_type.as_deref() else {
        return;
    };
    let kind = text(props.type_.as_ref());
    list_keys::require_type(kind, "object", "x-kubernetes-map-type", path, errors);
    if !matches!(map_type, "atomic" | "granular") {
        let path = path.child("x-kubernetes-map-type");
        errors.push(FieldError::not_supported(
            &path,
            map_type,
            &["atomic", "granular"],
        ));
    }
}
