//! Validates the schema of a version: its root, and then all checks in order.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionVersion, JSONSchemaProps,
};
use portcullis_api::{ErrorList, FieldError, Path};

use super::defaults::{self, Defaults};
use super::expressions::Expressions;
use super::keywords::{self, Inside};
use super::old_definition::{OldDefinition, schema};
use super::{is, is_blank, list, structural, text};
use crate::arena::Schema;
use crate::embedded::CheckMetadata;

/// The parameters of the validation of schemas.
pub(super) struct SchemaRules<'a> {
    pub(super) old_definition: &'a OldDefinition,
    pub(super) check: CheckMetadata<'a>,
    /// Whether the schema must be structural.
    pub(super) structural: bool,
    /// The versions of the definition that is updated.
    pub(super) old_versions: &'a [CustomResourceDefinitionVersion],
}

/// The result of the validation of a structure.
#[derive(Default)]
struct Structure {
    /// Why the schema has no structure at all.
    broken: Option<String>,
    /// The compiled schema, if its structure and its defaults are valid.
    compiled: Option<Arc<Schema>>,
}

impl SchemaRules<'_> {
    /// Validates the schema of a version in `openAPIV3Schema` at a path.
    pub(super) fn validate(
        &self,
        props: &JSONSchemaProps,
        version: &str,
        status: bool,
        path: &Path,
        errors: &mut ErrorList,
    ) {
        let before = errors.len();
        let schema_path = path.child("openAPIV3Schema");
        if status {
            validate_root(props, &schema_path, errors);
        }
        if is(props.nullable) {
            let path = schema_path.child("nullable");
            errors.push(FieldError::forbidden(
                &path,
                "nullable cannot be true at the root",
            ));
        }
        let structure = self.validate_structure(props, &schema_path, errors);
        let mut of_keywords = ErrorList::new();
        keywords::validate(
            props,
            self.old_definition,
            Inside::root(),
            &schema_path,
            &mut of_keywords,
        );
        if let Some(compiled) = structure.compiled {
            let expressions = Expressions {
                schema: &compiled,
                unchanged: self.is_unchanged(props, version),
                earlier: &of_keywords,
            };
            let mut found = ErrorList::new();
            expressions.validate(&schema_path, &mut found);
            of_keywords.extend(found);
        }
        errors.extend(of_keywords);
        if errors.len() > before {
            return;
        }
        if let Some(error) = structure.broken {
            errors.push(FieldError::invalid(&schema_path, "", error));
        } else if let Err(error) = Schema::compile(props) {
            let detail = format!("error building validator: {error}");
            errors.push(FieldError::invalid(path, "", detail));
        }
    }

    fn is_unchanged(&self, props: &JSONSchemaProps, version: &str) -> bool {
        let mut old = self.old_versions.iter();
        let old = old.find(|old| old.name == version).and_then(schema);
        old == Some(props)
    }

    /// Validates the structure, and if that is valid, the defaults. Errors of schemas without any
    /// structure duplicate those of keywords, so they are only returned.
    fn validate_structure(
        &self,
        props: &JSONSchemaProps,
        path: &Path,
        errors: &mut ErrorList,
    ) -> Structure {
        let broken = |error: String| Structure {
            broken: Some(error),
            compiled: None,
        };
        if !self.structural {
            return Structure::default();
        }
        if let Some(error) = structural::conversion_error(props) {
            return broken(error);
        }
        let found = structural::validate(props, path);
        if !found.is_empty() {
            errors.extend(found);
            return Structure::default();
        }
        let compiled = match Schema::compile(props) {
            Ok(compiled) => compiled,
            Err(error) => return broken(error.to_string()),
        };
        let before = errors.len();
        let defaults = Defaults {
            pruned: !self.old_definition.unpruned_defaults,
            check: self.check,
        };
        defaults::validate(&defaults, props, compiled.root(), path, errors);
        Structure {
            broken: None,
            compiled: (errors.len() == before).then_some(compiled),
        }
    }
}

/// With a status subresource, the root may only have keywords that still apply when the status is
/// validated alone.
fn validate_root(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    let kind = text(props.type_.as_ref());
    if !kind.is_empty() && kind != "object" {
        let detail = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
        errors.push(FieldError::invalid(&path.child("type"), kind, detail));
        return;
    }
    // only the keyword, as upstream's dump of the whole schema is less useful
    if let Some(name) = not_at_root(props) {
        let detail = "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum \
                      MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items \
                      Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed \
                      at the root of the schema if the status subresource is enabled";
        errors.push(FieldError::invalid(path, name, detail));
    }
}

fn not_at_root(props: &JSONSchemaProps) -> Option<&'static str> {
    let filled = |l: &Option<Vec<JSONSchemaProps>>| !list(l.as_ref()).is_empty();
    [
        (!is_blank(props.id.as_ref()), "id"),
        (!is_blank(props.schema.as_ref()), "$schema"),
        (props.ref_path.is_some(), "$ref"),
        (is(props.nullable), "nullable"),
        (props.default.is_some(), "default"),
        (props.enum_.is_some(), "enum"),
        (props.max_properties.is_some(), "maxProperties"),
        (props.min_properties.is_some(), "minProperties"),
        (filled(&props.all_of), "allOf"),
        (filled(&props.one_of), "oneOf"),
        (filled(&props.any_of), "anyOf"),
        (props.not.is_some(), "not"),
        (
            props.additional_properties.is_some(),
            "additionalProperties",
        ),
        (props.pattern_properties.is_some(), "patternProperties"),
        (props.dependencies.is_some(), "dependencies"),
        (props.additional_items.is_some(), "additionalItems"),
        (props.definitions.is_some(), "definitions"),
        (
            is(props.x_kubernetes_embedded_resource),
            "x-kubernetes-embedded-resource",
        ),
        (
            is(props.x_kubernetes_int_or_string),
            "x-kubernetes-int-or-string",
        ),
        (
            props.x_kubernetes_list_map_keys.is_some(),
            "x-kubernetes-list-map-keys",
        ),
        (
            props.x_kubernetes_list_type.is_some(),
            "x-kubernetes-list-type",
        ),
        (
            props.x_kubernetes_map_type.is_some(),
            "x-kubernetes-map-type",
        ),
    ]
    .into_iter()
    .find_map(|(there, name)| there.then_some(name))
}
