//! The versions that serve a resource.

use portcullis_api::ObjectType;

use super::Resource;
use crate::release::Release;
use crate::strategy::GarbageCollection;
use crate::version::{Conversion, Served};

impl Resource {
    /// All `apiVersion`s that serve the resource, the stored one first.
    pub fn api_versions(&self) -> impl Iterator<Item = String> {
        let stored = self.stored_is_served.then(|| self.api_version());
        stored
            .into_iter()
            .chain(self.others().map(|v| v.api_version.to_owned()))
    }

    /// The group versions besides the stored one that serve the resource.
    pub fn others(&self) -> impl Iterator<Item = &'static Served> {
        let also = self.also.iter().enumerate();
        also.filter(|(at, _)| self.also_served & (1 << at) != 0)
            .map(|(_, served)| served)
    }

    /// The way to a version that serves the resource and back; `None` for the stored one, and for
    /// those that differ from it in nothing but the label.
    pub fn conversion(&self, api_version: &str) -> Option<&'static Conversion> {
        let mut others = self.others();
        let served = others.find(|v| v.api_version == api_version)?;
        served.conversion.as_ref()
    }

    /// What a release warns users of a version of, if it is deprecated.
    pub fn deprecation(&self, api_version: &str, release: Release) -> Option<String> {
        if let Some(custom) = self.strategy.custom() {
            return custom.deprecation(api_version).map(str::to_owned);
        }
        let served = self.others().find(|v| v.api_version == api_version);
        let lifetime = served.map_or(&self.lifetime, |served| &served.lifetime);
        lifetime.warning(api_version, self.kind, release)
    }

    /// What becomes of dependents where a deletion that was asked for in a version does not say.
    pub fn garbage_collection(&self, api_version: &str) -> GarbageCollection {
        let mut others = self.others();
        let orphans = others.any(|v| v.orphans && v.api_version == api_version);
        match orphans {
            true => GarbageCollection::OrphanDependents,
            false => self.strategy.garbage_collection(),
        }
    }

    /// The type clients of a version send and get.
    pub fn object_type(&self, api_version: &str) -> &'static ObjectType {
        self.conversion(api_version)
            .map_or(self.object_type, |c| c.object_type)
    }
}
