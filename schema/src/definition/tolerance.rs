//! What an update may leave as it is though a new definition may not have it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionVersion, JSONSchemaProps,
};

use super::{list, text};

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
    pub(super) too_many_selectable: Vec<(String, Vec<String>)>,
    /// The definition is served: its kind and scope are fixed.
    pub(super) established: bool,
}

impl Tolerance {
    /// That of a new definition.
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
