//! The state of the definition that an update replaces, as far as validation depends on it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionVersion, JSONSchemaProps,
};

use super::{list, text};

/// The number of selectable fields that a version may have.
pub(super) const SELECTABLE_MAX: usize = 8;

/// Errors that the old definition already has, which an update may keep, and whether it is
/// established. All false for a new definition.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an error of its own")]
pub(super) struct OldDefinition {
    /// No conversion review version is known.
    pub(super) review_versions: bool,
    /// A version has no schema.
    pub(super) missing_schemas: bool,
    pub(super) unknown_types: bool,
    pub(super) not_structural: bool,
    pub(super) unpruned_defaults: bool,
    /// A set has items that are not atomic.
    pub(super) non_atomic_set_items: bool,
    /// Keys of lists may be missing or null.
    pub(super) optional_keys: bool,
    /// Versions with too many selectable fields, and those fields.
    pub(super) too_many_selectable: Vec<(String, Vec<String>)>,
    /// The definition is established: its kind and scope are immutable.
    pub(super) established: bool,
}

impl OldDefinition {
    /// For a new definition.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Whether a version has as many selectable fields as before.
    pub(super) fn allows_selectable(&self, version: &CustomResourceDefinitionVersion) -> bool {
        too_many(version).is_some_and(|v| self.too_many_selectable.contains(&v))
    }
}

pub(super) fn schema(version: &CustomResourceDefinitionVersion) -> Option<&JSONSchemaProps> {
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

/// The name of a version that has too many selectable fields, and those fields.
pub(super) fn too_many(version: &CustomResourceDefinitionVersion) -> Option<(String, Vec<String>)> {
    let fields = list(version.selectable_fields.as_ref());
    let paths = fields.iter().map(|f| f.json_path.clone()).collect();
    (fields.len() > SELECTABLE_MAX).then(|| (text(Some(&version.name)).to_owned(), paths))
}
