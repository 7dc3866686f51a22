//! Which versions of the table's resources a server serves: those of a release, and what it was asked for.

mod runtime_config;

use std::sync::{Arc, LazyLock};

use portcullis_api::GroupVersion;

pub use self::runtime_config::{RuntimeConfig, RuntimeConfigError};
use crate::release::{Lifetime, Release};
use crate::resource::Resource;
use crate::shared::ResourceRef;
use crate::table;

/// What decides which versions are served.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The release to serve as, if one was asked for. Otherwise it is the default one, with every stable
    /// version there is today.
    pub release: Option<Release>,
    /// Whether pod security policies are served though the release has none.
    pub pod_security_policies: bool,
    /// The versions that were asked for one by one.
    pub runtime_config: RuntimeConfig,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            release: None,
            pod_security_policies: true,
            runtime_config: RuntimeConfig::default(),
        }
    }
}

impl Choice {
    /// What is served by this choice.
    pub fn offer(&self) -> Offer {
        let rows = table::RESOURCES.iter();
        Offer {
            release: self.release.unwrap_or_default(),
            rows: rows.filter_map(|row| self.row(row)).collect(),
        }
    }

    /// A row as far as it is served.
    fn row(&self, row: &'static Resource) -> Option<ResourceRef> {
        let stored = self.serves(row, &row.api_version(), &row.lifetime);
        let mut also = 0;
        for (at, served) in row.also.iter().enumerate() {
            if self.serves(row, served.api_version, &served.lifetime) {
                also |= 1 << at;
            }
        }
        ResourceRef::narrowed(row, stored, also)
    }

    fn serves(&self, row: &Resource, api_version: &str, lifetime: &Lifetime) -> bool {
        let version = GroupVersion::parse(api_version).version;
        let of_release = match self.release {
            Some(release) => lifetime.includes(release),
            None => {
                let of_today = is_stable(version) && lifetime.removed.is_none();
                of_today || lifetime.includes(Release::default())
            }
        };
        let kept =
            self.pod_security_policies && row.storage == table::POD_SECURITY_POLICIES.storage;
        let config = &self.runtime_config;
        config.decides(api_version, row.plural, of_release || kept)
    }
}

/// Whether a version is neither an alpha nor a beta.
fn is_stable(version: &str) -> bool {
    !version.contains("alpha") && !version.contains("beta")
}

/// The rows of the table, as far as a server serves them.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The release it serves as.
    pub release: Release,
    /// Those with at least one version.
    pub rows: Arc<[ResourceRef]>,
}

impl Default for Offer {
    fn default() -> Self {
        static DEFAULT: LazyLock<Offer> = LazyLock::new(|| Choice::default().offer());
        DEFAULT.clone()
    }
}

#[cfg(test)]
mod tests;
