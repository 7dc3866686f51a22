//! All kinds that are served at one moment: the rows of the table, and those of definitions.
//!
//! A catalogue never changes. A request takes one and uses it from start to end; a changed definition makes
//! the next one, with its look-ups.

use std::collections::{HashMap, HashSet};

use portcullis_api::gvk::GroupVersion;

use crate::offer::Offer;
use crate::resource::Resource;
use crate::shared::ResourceRef;
use crate::table;

/// All rows, found by their names.
#[derive(Clone, Debug)]
pub struct Catalogue {
    offer: Offer,
    rows: Vec<ResourceRef>,
    /// By API version, and then by plural.
    by_plural: ByVersion,
    /// By API version, and then by kind; only kinds whose objects are stored.
    by_kind: ByVersion,
    by_storage: HashMap<&'static str, usize>,
    built_in_groups: HashSet<&'static str>,
    /// The storage names of definitions that are being deleted.
    terminating: HashSet<&'static str>,
}

type ByVersion = HashMap<String, HashMap<&'static str, usize>>;

impl Default for Catalogue {
    /// The rows of the table that are served by default.
    fn default() -> Self {
        Self::new([])
    }
}

impl Catalogue {
    /// The rows of the default offer, and then these.
    pub fn new(custom: impl IntoIterator<Item = ResourceRef>) -> Self {
        Self::of(Offer::default(), custom)
    }

    /// The rows that are offered, and then these. Of two rows with the same name the first is found.
    pub fn of(offer: Offer, custom: impl IntoIterator<Item = ResourceRef>) -> Self {
        let built_in = offer.rows.iter().cloned();
        let mut catalogue = Self {
            rows: built_in.chain(custom).collect(),
            offer,
            by_plural: HashMap::new(),
            by_kind: HashMap::new(),
            by_storage: HashMap::new(),
            built_in_groups: table::RESOURCES.iter().flat_map(groups).collect(),
            terminating: HashSet::new(),
        };
        for (at, row) in catalogue.rows.iter().enumerate() {
            for version in row.api_versions() {
                if !row.is_review() {
                    let of_version = catalogue.by_kind.entry(version.clone()).or_default();
                    of_version.entry(row.kind).or_insert(at);
                }
                let of_version = catalogue.by_plural.entry(version).or_default();
                of_version.entry(row.plural).or_insert(at);
            }
            if !row.is_review() {
                catalogue.by_storage.entry(row.storage).or_insert(at);
            }
        }
        catalogue
    }

    /// The same catalogue, with the definitions of these rows being deleted.
    #[must_use]
    pub fn with_terminating(self, rows: impl IntoIterator<Item = ResourceRef>) -> Self {
        Self {
            terminating: rows.into_iter().map(|row| row.storage).collect(),
            ..self
        }
    }

    /// Whether the definition of a resource is being deleted.
    pub fn is_terminating(&self, resource: &Resource) -> bool {
        self.terminating.contains(resource.storage)
    }

    /// What is served of the table.
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// All rows, those of the table first.
    pub fn rows(&self) -> &[ResourceRef] {
        &self.rows
    }

    /// The resource of that plural in a group version, such as `pods` in `v1`.
    pub fn find(&self, api_version: &str, plural: &str) -> Option<&ResourceRef> {
        self.rows
            .get(*self.by_plural.get(api_version)?.get(plural)?)
    }

    /// The resource of that kind in a group version, such as `Pod` in `v1`, if its objects are stored.
    pub fn find_kind(&self, api_version: &str, kind: &str) -> Option<&ResourceRef> {
        self.rows.get(*self.by_kind.get(api_version)?.get(kind)?)
    }

    /// Whether a row is in this catalogue: its definition has neither changed nor been deleted.
    pub fn has(&self, row: &ResourceRef) -> bool {
        let found = self.by_storage.get(row.storage);
        found.is_some_and(|at| self.rows.get(*at).is_some_and(|found| found.is(row)))
    }

    /// Whether a group is one of the table; the core group is the empty one. The other groups exist only by
    /// definitions.
    pub fn is_built_in_group(&self, group: &str) -> bool {
        group.is_empty() || self.built_in_groups.contains(group)
    }

    /// The resource of a storage key, given the key without the common prefix; and the rest of the key after
    /// the resource's own part: `[namespace/]name`.
    pub fn find_key<'k>(&self, key: &'k str) -> Option<(&ResourceRef, &'k str)> {
        let slashes = key.match_indices('/').map(|(at, _)| at);
        // `services/specs`, `GROUP/PLURAL` and the like before `services`
        let mut ends: Vec<_> = slashes.take(2).collect();
        ends.reverse();
        ends.into_iter().find_map(|end| {
            let (storage, path) = key.split_at_checked(end)?;
            let row = self.rows.get(*self.by_storage.get(storage)?)?;
            Some((row, path.strip_prefix('/')?))
        })
    }
}

/// The groups of a row.
fn groups(row: &Resource) -> impl Iterator<Item = &'static str> {
    let also = row.also.iter();
    let also = also.map(|served| GroupVersion::parse(served.api_version).group);
    std::iter::once(row.group).chain(also)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_all_their_names() {
        let catalogue = Catalogue::default();
        for row in catalogue.rows() {
            for version in row.api_versions() {
                let found = catalogue.find(&version, row.plural).unwrap();
                assert!(found.is(row), "{version} {}", row.plural);
                let of_kind = catalogue.find_kind(&version, row.kind);
                assert_eq!(
                    of_kind.is_some(),
                    !row.is_review(),
                    "{version} {}",
                    row.kind
                );
            }
        }
        assert!(catalogue.find("v1", "gadgets").is_none());
        let groups = ["apps", "", "extensions", "example.com"];
        let built_in = groups.map(|group| catalogue.is_built_in_group(group));
        assert_eq!(built_in, [true, true, true, false]);
    }

    #[test]
    fn keys_lead_to_their_rows() {
        let catalogue = Catalogue::default();
        for (key, plural, path) in [
            ("pods/default/a", "pods", "default/a"),
            ("services/specs/default/a", "services", "default/a"),
            ("services/endpoints/default/a", "endpoints", "default/a"),
            ("minions/n", "nodes", "n"),
        ] {
            let (row, rest) = catalogue.find_key(key).unwrap();
            assert_eq!((row.plural, rest), (plural, path), "{key}");
        }
        assert!(catalogue.find_key("ranges/serviceips").is_none());
        assert!(catalogue.find_key("pods").is_none());
    }
}
