//! Changes as the managers of other versions see them.
//!
//! The paths of a manager's fields are those of the version that it wrote. So that a change can be compared with
//! them, the object before and after it is converted to that version. If all managers wrote in the version
//! of the request, nothing is converted or copied.
//!
//! Upstream: `structured-merge-diff/merge/update.go`.

use std::borrow::Cow;

use portcullis_api::Status;
use serde_json::Value;

use super::field_set::FieldSet;
use super::tracked::Tracked;
use super::versions::Versions;

/// The fields that a change affects, in one version.
pub(super) struct Changed {
    /// Fields with other values, and new ones.
    pub(super) set: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

impl Changed {
    fn between(tracked: Tracked<'_>, old: &Value, new: &Value) -> Self {
        let found = tracked.compare(old, new);
        let mut set = found.modified;
        set.union(found.added);
        Self {
            set,
            removed: found.removed,
        }
    }
}

/// A change in the versions of all managers.
pub(super) struct Changes {
    /// In the version of the request.
    pub(super) own: Changed,
    /// In other versions.
    others: Vec<(String, Changed)>,
}

impl Changes {
    /// Compares an object before and after a change, both in a version, for managers of these versions.
    ///
    /// # Errors
    /// Those of the webhook.
    pub(super) async fn between(
        versions: Versions<'_>,
        api_version: &str,
        [old, new]: [&Value; 2],
        managers: impl Iterator<Item = &str>,
    ) -> Result<Self, Status> {
        let mut changes = Self {
            own: Changed::between(versions.tracked(api_version), old, new),
            others: Vec::new(),
        };
        for version in managers {
            if version == api_version || changes.others.iter().any(|(v, _)| v == version) {
                continue;
            }
            let both = [old, new].map(Cow::Borrowed);
            let [old, new] = versions.convert_all(both, version).await?;
            let changed = Changed::between(versions.tracked(version), &old, &new);
            changes.others.push((version.to_owned(), changed));
        }
        Ok(changes)
    }

    /// The change in the version of a manager.
    pub(super) fn in_version(&self, api_version: &str) -> &Changed {
        let other = self.others.iter().find(|(v, _)| v == api_version);
        other.map_or(&self.own, |(_, changed)| changed)
    }
}
