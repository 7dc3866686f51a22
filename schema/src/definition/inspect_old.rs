//! Finds the errors of an old definition, which an update may keep.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition, JSONSchemaProps,
};

use super::old_definition::{OldDefinition, schema, too_many};
use super::{any, conversion, defaults, keywords, list, list_keys, structural};

impl OldDefinition {
    /// For an update of `old`.
    pub(super) fn of(old: &CustomResourceDefinition) -> Self {
        let schemas: Vec<&JSONSchemaProps> = old.spec.versions.iter().filter_map(schema).collect();
        let some =
            |is_such: &dyn Fn(&JSONSchemaProps) -> bool| schemas.iter().any(|s| any(s, &is_such));
        let conditions = old.status.as_ref().and_then(|s| s.conditions.as_ref());
        let is_true =
            |c: &CustomResourceDefinitionCondition| c.type_ == "Established" && c.status == "True";
        Self {
            review_versions: conversion::has_no_known_version(old),
            missing_schemas: old.spec.versions.iter().any(|v| schema(v).is_none()),
            unknown_types: some(&keywords::has_unknown_type),
            not_structural: schemas.iter().any(|s| !structural::is_structural(s)),
            unpruned_defaults: schemas.iter().any(|s| defaults::has_unpruned(s)),
            non_atomic_set_items: some(&|s| list_keys::non_atomic_items(s).is_some()),
            optional_keys: some(&list_keys::has_optional_keys),
            too_many_selectable: old.spec.versions.iter().filter_map(too_many).collect(),
            established: list(conditions).iter().any(is_true),
        }
    }
}
