//! `--runtime-config`: versions that are switched on or off, whatever the release has.
//!
//! Upstream: `MergeAPIResourceConfigs` in `k8s.io/apiserver/pkg/server/resourceconfig`. There resources can
//! be named in `extensions/v1beta1` only, and what a release has removed does not come back.

use std::collections::BTreeMap;

use portcullis_api::GroupVersion;
use thiserror::Error;

use super::is_stable;
use crate::resource::Resource;
use crate::table;

/// What was asked for, by what it is about: `api/all`, `api/ga`, `api/beta`, `api/alpha`, a version of a group, or
/// one resource of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeConfig(BTreeMap<String, bool>);

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuntimeConfigError {
    /// The value is no boolean.
    #[error("{0:?} is neither true nor false")]
    Value(String),
    /// It is about nothing that has a name.
    #[error(
        "{0:?} is neither GROUP/VERSION, GROUP/VERSION/RESOURCE, nor api/all, api/ga, api/beta or api/alpha"
    )]
    Key(String),
    /// There is no such version, or no such resource in it.
    #[error("{0:?} is not among the versions and resources of this server")]
    Unknown(String),
    /// Nothing would be served.
    #[error("api/all=false alone leaves nothing to serve")]
    Nothing,
}

/// The keys that are about many versions.
const CLASSES: [&str; 4] = ["api/all", "api/ga", "api/beta", "api/alpha"];

impl RuntimeConfig {
    /// Reads `KEY`, `KEY=true` and `KEY=false`; of two about the same the last one counts.
    ///
    /// # Errors
    /// [`RuntimeConfigError`]. What is not there may be switched off if its group is known.
    pub fn parse<'a>(
        entries: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, RuntimeConfigError> {
        let mut config = BTreeMap::new();
        for entry in entries.into_iter().filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
            let enabled = match value {
                "" | "true" | "True" | "TRUE" | "t" | "T" | "1" => true,
                "false" | "False" | "FALSE" | "f" | "F" | "0" => false,
                _ => return Err(RuntimeConfigError::Value(entry.to_owned())),
            };
            if !CLASSES.contains(&key) {
                check(key, enabled)?;
            }
            // the version of the core group is also called `api/v1`
            let is_core = key.starts_with("api/v");
            let key = key.strip_prefix("api/").filter(|_| is_core).unwrap_or(key);
            config.insert(key.to_owned(), enabled);
        }
        if config.len() == 1 && config.get("api/all") == Some(&false) {
            return Err(RuntimeConfigError::Nothing);
        }
        Ok(Self(config))
    }

    /// Whether a resource is served in a version, given whether the release has it. What is most
    /// specific counts; only by its name comes back what the release does not have.
    pub(super) fn decides(&self, api_version: &str, plural: &str, of_release: bool) -> bool {
        let said = |key: &str| self.0.get(key).copied();
        let version = GroupVersion::parse(api_version).version;
        let class = match version {
            _ if is_stable(version) => "api/ga",
            _ if version.contains("beta") => "api/beta",
            _ => "api/alpha",
        };
        let by_name = said(&format!("{api_version}/{plural}")).or_else(|| said(api_version));
        by_name.unwrap_or_else(|| {
            let by_class = said(class).or_else(|| said("api/all"));
            of_release && by_class.unwrap_or(true)
        })
    }
}

/// Whether a key is about something that this server has, or could have had.
fn check(key: &str, enabled: bool) -> Result<(), RuntimeConfigError> {
    let (api_version, plural) = match *key.split('/').collect::<Vec<_>>() {
        [version] if version.starts_with('v') => (version.to_owned(), None),
        ["api", version] => (version.to_owned(), None),
        ["v1", plural] | ["api", "v1", plural] => ("v1".to_owned(), Some(plural)),
        [group, version] => (format!("{group}/{version}"), None),
        [group, version, plural] => (format!("{group}/{version}"), Some(plural)),
        _ => return Err(RuntimeConfigError::Key(key.to_owned())),
    };
    let rows = || table::RESOURCES.iter();
    let is_of = |row: &Resource| plural.is_none_or(|plural| row.plural == plural);
    if rows().any(|row| is_of(row) && row.api_versions().any(|v| v == api_version)) {
        return Ok(());
    }
    let group = GroupVersion::parse(&api_version).group;
    let known = rows().any(|row| {
        let mut versions = row.api_versions();
        versions.any(|version| GroupVersion::parse(&version).group == group)
    });
    match known && !enabled {
        true => Ok(()),
        false => Err(RuntimeConfigError::Unknown(key.to_owned())),
    }
}
