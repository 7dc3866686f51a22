//! The mistakes of an old definition, which an update of it may leave.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition, JSONSchemaProps,
};

use super::tolerance::{Tolerance, schema, too_many};
use super::{any, conversion, defaults, keywords, list, list_keys, structural};

impl Tolerance {
    /// That of an update: what its old definition has already.
    pub(super) fn of(old: &CustomResourceDefinition) -> Self {
        let schemas: Vec<&JSONSchemaProps> = old.spec.versions.iter().filter_map(schema).collect();
        let some =
            |is_such: &dyn Fn(&JSONSchemaProps) -> bool| schemas.iter().any(|s| any(s, &is_such));
        let conditions = old.status.as_ref().and_then(|s| s.conditions.as_ref());
        let is_true =
            |c: &CustomResourceDefinitionCondition| c.type_ == "Established" && c.status == "True";
        Self {
            review_versions: conversion::knows_no_version(old),
            missing_schemas: old.spec.versions.iter().any(|v| schema(v).is_none()),
            odd_types: some(&keywords::has_odd_type),
            not_structural: schemas.iter().any(|s| !structural::is_structural(s)),
            unpruned_defaults: schemas.iter().any(|s| defaults::has_unpruned(s)),
            sets_of_granular: some(&|s| list_keys::is_set_of_granular(s).is_some()),
            loose_keys: some(&list_keys::has_loose_keys),
            too_many_selectable: old.spec.versions.iter().filter_map(too_many).collect(),
            established: list(conditions).iter().any(is_true),
        }
    }
}
