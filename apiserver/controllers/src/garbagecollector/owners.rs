//! The state of the owners that an object names.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use portcullis_api::Status;
use portcullis_storage::ReadAt;

use super::Collector;
use super::graph::Phase;
use portcullis_kinds::shared::ResourceRef;
use portcullis_registry::head::HeadMeta;

/// Why the state of an object's owners is unknown.
pub(super) enum Unclear {
    /// The object is cluster-scoped and its owner namespaced, which is never valid: the kind of the owner.
    Unreachable(ResourceRef, OwnerReference),
    /// An error that may pass.
    Later(Status),
}

/// An object's owners by their state.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Whether one exists, and does not wait for its dependents.
    pub(super) solid: bool,
    /// Those that do not exist.
    pub(super) gone: Vec<OwnerReference>,
    /// Those that wait for their dependents.
    pub(super) waiting: Vec<OwnerReference>,
}

enum Fate {
    Solid,
    Gone,
    Waiting,
}

impl Collector {
    /// Looks up each of the owners that an object in `namespace` names (upstream:
    /// `classifyReferences`).
    pub(super) async fn owners(
        &self,
        namespace: &str,
        references: &[OwnerReference],
    ) -> Result<Owners, Unclear> {
        let mut owners = Owners::default();
        for reference in references {
            match self.fate(namespace, reference).await? {
                Fate::Solid => owners.solid = true,
                Fate::Gone => owners.gone.push(reference.clone()),
                Fate::Waiting => owners.waiting.push(reference.clone()),
            }
        }
        Ok(owners)
    }

    async fn fate(&self, namespace: &str, reference: &OwnerReference) -> Result<Fate, Unclear> {
        if self.graph.lock().is_gone(&reference.uid) {
            return Ok(Fate::Gone);
        }
        let (api_version, kind) = (&reference.api_version, &reference.kind);
        let catalogue = self.registry.catalogue();
        let Some(resource) = catalogue.find_kind(api_version, kind) else {
            let why = format!("no matches for kind {kind:?} in version {api_version:?}");
            return Err(Unclear::Later(Status::internal(why)));
        };
        if namespace.is_empty() && resource.namespaced {
            return Err(Unclear::Unreachable(resource.clone(), reference.clone()));
        }
        // From the store, and not from memory: an object whose owner is not found is deleted.
        let key = self.registry.key(resource, namespace, &reference.name);
        let found = self.registry.storage().get(&key, ReadAt::Latest).await;
        let found =
            found.map_err(|error| Unclear::Later(Status::unavailable(error.to_string())))?;
        let Some(entry) = found.entry else {
            return Ok(Fate::Gone);
        };
        let owner = HeadMeta::read(&entry).map_err(|error| {
            Unclear::Later(Status::internal(format!("cannot read {key}: {error}")))
        })?;
        Ok(if owner.uid != reference.uid {
            Fate::Gone
        } else if Phase::of(&owner) == Phase::Waiting {
            Fate::Waiting
        } else {
            Fate::Solid
        })
    }
}
