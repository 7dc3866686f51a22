//! What an update may leave as it is though a new definition may not have it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
};

use super::{any, conversion, defaults, keywords, list, list_keys, structural, text};

/// How many selectable fields a version may have.
pub(super) const SELECTABLE_MAX: usize = 8;

/// Mistakes that the old definition has already.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a mistake of its own"
)]
pub(super) struct Tolerance {
    /// No conversion review version is one this server knows.
    pub(super) review_versions: bool,
    /// A version has no schema.
    pub(super) missing_schemas: bool,
    pub(super) odd_types: bool,
    pub(super) not_structural: bool,
    pub(super) unpruned_defaults: bool,
    /// A set has items that are not atomic.
    pub(super) sets_of_granular: bool,
    /// Keys of lists may be missing or null.
    pub(super) loose_keys: bool,
    /// Versions with too many selectable fields, and those fields.
    too_many_selectable: Vec<(String, Vec<String>)>,
    /// The definition is served: its kind and scope are fixed.
    pub(super) established: bool,
}

impl Tolerance {
    /// That of a new definition.
    pub(super) fn none() -> Self {
        Self::default()
    }

    pub(super) fn of(old: &CustomResourceDefinition) -> Self {
        let schemas: Vec<&JSONSchemaProps> = old.spec.versions.iter().filter_map(schema).collect();
        let some =
            |is_such: &dyn Fn(&JSONSchemaProps) -> bool| schemas.iter().any(|s| any(s, &is_such));
        let conditions = old.status.as_ref().and_then(|s| s.conditions.as_ref());
        let is_true = |c: &&_| -> bool {
            let c: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionCondition = c;
            c.type_ == "Established" && c.status == "True"
        };
        Self {
            review_versions: conversion::knows_no_version(old),
            missing_schemas: old.spec.versions.iter().any(|v| schema(v).is_none()),
            odd_types: some(&keywords::has_odd_type),
            not_structural: schemas.iter().any(|s| !structural::is_structural(s)),
            unpruned_defaults: schemas.iter().any(|s| defaults::has_unpruned(s)),
            sets_of_granular: some(&|s| list_keys::is_set_of_granular(s).is_some()),
            loose_keys: some(&list_keys::has_loose_keys),
            too_many_selectable: old.spec.versions.iter().filter_map(too_many).collect(),
            established: list(conditions).iter().any(|c| is_true(&c)),
        }
    }

    /// Whether a version has as many selectable fields as before.
    pub(super) fn allows_selectable(&self, version: &CustomResourceDefinitionVersion) -> bool {
        too_many(version).is_some_and(|v| self.too_many_selectable.contains(&v))
    }
}

pub(super) fn schema(version: &CustomResourceDefinitionVersion) -> Option<&JSONSchemaProps> {
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

fn too_many(version: &CustomResourceDefinitionVersion) -> Option<(String, Vec<String>)> {
    let fields = list(version.selectable_fields.as_ref());
    let paths = fields.iter().map(|f| f.json_path.clone()).collect();
    (fields.len() > SELECTABLE_MAX).then(|| (text(Some(&version.name)).to_owned(), paths))
}
