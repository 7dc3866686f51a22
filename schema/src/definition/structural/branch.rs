//! Branches (`anyOf`, `allOf`, `oneOf` and `not`) may only have value validations, not structure.

use std::collections::HashMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrBool,
};
use portcullis_api::{ErrorList, FieldError, Path};

use crate::definition::{is, is_blank, list, parts};
use crate::pattern::{self, PatternError};

/// The two forms of `x-kubernetes-int-or-string` in which branches may have types.
#[derive(Clone, Copy, Default)]
pub(super) struct Skip {
    /// `anyOf` consists of an integer and a string.
    pub(super) any_of: bool,
    /// So does the `anyOf` in the first branch of `allOf`.
    pub(super) first_all_of: bool,
}

/// Whether `anyOf` consists of an integer and a string.
pub(super) fn is_int_or_string(props: &JSONSchemaProps) -> bool {
    let of = |kind: &str| JSONSchemaProps {
        type_: Some(kind.to_owned()),
        ..JSONSchemaProps::default()
    };
    matches!(list(props.any_of.as_ref()), [a, b] if *a == of("integer") && *b == of("string"))
}

pub(super) fn starts_with_int_or_string(props: &JSONSchemaProps) -> bool {
    list(props.all_of.as_ref())
        .first()
        .is_some_and(is_int_or_string)
}

/// The errors of patterns that were checked. Definitions repeat the same patterns many times, and
/// compiling them dominates validation.
#[derive(Default)]
pub(super) struct Patterns<'p>(HashMap<&'p str, Option<PatternError>>);

impl<'p> Patterns<'p> {
    fn check(&mut self, source: &'p str) -> Option<&PatternError> {
        let known = self.0.entry(source);
        known
            .or_insert_with(|| pattern::check(source).err())
            .as_ref()
    }
}

/// Validates the value validations of a schema, in a branch or outside.
pub(super) fn validate_values<'p>(
    props: &'p JSONSchemaProps,
    skip: Skip,
    path: &Path,
    patterns: &mut Patterns<'p>,
    errors: &mut ErrorList,
) {
    let junctors = [
        (&props.any_of, "anyOf", skip.any_of),
        (&props.all_of, "allOf", false),
        (&props.one_of, "oneOf", false),
    ];
    for (branches, name, _) in junctors.into_iter().filter(|(_, _, skipped)| !skipped) {
        for (i, branch) in list(branches.as_ref()).iter().enumerate() {
            let skip = Skip {
                any_of: name == "allOf" && i == 0 && skip.first_all_of,
                first_all_of: false,
            };
            validate(branch, skip, &path.child(name).index(i), patterns, errors);
        }
    }
    if let Some(not) = &props.not {
        validate(not, Skip::default(), &path.child("not"), patterns, errors);
    }
    let source = props.pattern.as_deref().unwrap_or_default();
    if source.is_empty() {
        return;
    }
    if let Some(error) = patterns.check(source) {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid(&path.child("pattern"), source, detail));
    }
}

fn validate<'p>(
    branch: &'p JSONSchemaProps,
    skip: Skip,
    path: &Path,
    patterns: &mut Patterns<'p>,
    errors: &mut ErrorList,
) {
    validate_values(branch, skip, path, patterns, errors);
    if let Some(items) = parts(branch).items {
        validate(
            items,
            Skip::default(),
            &path.child("items"),
            patterns,
            errors,
        );
    }
    for (name, property) in branch.properties.iter().flatten() {
        let path = path.child("properties").key(name);
        validate(property, Skip::default(), &path, patterns, errors);
    }
    for (there, name, detail) in forbidden(branch) {
        if there {
            let detail = format!("must be {detail} to be structural");
            errors.push(FieldError::forbidden(&path.child(name), detail));
        }
    }
    if branch
        .properties
        .as_ref()
        .is_some_and(|p| p.contains_key("metadata"))
    {
        let path = path.child("properties").key("metadata");
        let detail = "must not be specified in a nested context";
        errors.push(FieldError::forbidden(&path, detail));
    }
}

fn forbidden(branch: &JSONSchemaProps) -> [(bool, &'static str, &'static str); 13] {
    let values = match &branch.additional_properties {
        Some(JSONSchemaPropsOrBool::Bool(allowed)) => *allowed,
        Some(JSONSchemaPropsOrBool::Schema(_)) => true,
        None => false,
    };
    let filled = |l: Option<usize>| l.is_some_and(|len| len > 0);
    [
        (!is_blank(branch.type_.as_ref()), "type", "empty"),
        (values, "additionalProperties", "undefined"),
        (branch.default.is_some(), "default", "undefined"),
        (!is_blank(branch.title.as_ref()), "title", "empty"),
        (
            !is_blank(branch.description.as_ref()),
            "description",
            "empty",
        ),
        (is(branch.nullable), "nullable", "false"),
        (
            is(branch.x_kubernetes_preserve_unknown_fields),
            "x-kubernetes-preserve-unknown-fields",
            "false",
        ),
        (
            is(branch.x_kubernetes_embedded_resource),
            "x-kubernetes-embedded-resource",
            "false",
        ),
        (
            is(branch.x_kubernetes_int_or_string),
            "x-kubernetes-int-or-string",
            "false",
        ),
        (
            filled(branch.x_kubernetes_list_map_keys.as_ref().map(Vec::len)),
            "x-kubernetes-list-map-keys",
            "empty",
        ),
        (
            branch.x_kubernetes_list_type.is_some(),
            "x-kubernetes-list-type",
            "undefined",
        ),
        (
            branch.x_kubernetes_map_type.is_some(),
            "x-kubernetes-map-type",
            "undefined",
        ),
        (
            filled(branch.x_kubernetes_validations.as_ref().map(Vec::len)),
            "x-kubernetes-validations",
            "empty",
        ),
    ]
}
