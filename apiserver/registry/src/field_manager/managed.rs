//! `metadata.managedFields`, read and written.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/internal/managedfields.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time};

use portcullis_api::{FieldError, Path, fields_v1};

use super::changes::Changes;
use super::element::Malformed;
use super::field_set::FieldSet;
use super::versions::Versions;

/// The most entries for updates; the oldest are merged beyond that.
const UPDATES_MAX: usize = 10;
/// The manager of fields from merged updates.
const ANCIENT: &str = "ancient-changes";
const FIELDS_TYPE: &str = "FieldsV1";

/// How fields were set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By an apply, which contains all fields of its manager.
    Apply,
    /// By anything else.
    Update,
}

impl Operation {
    fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            Some("Apply") => Some(Self::Apply),
            Some("Update") => Some(Self::Update),
            Some(_) | None => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// An owner of fields. Updates of one manager in two versions are two entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The name.
    pub manager: String,
    /// How the fields were set.
    pub operation: Operation,
    /// The version of an update; empty for an apply.
    pub version: String,
    /// The subresource of the writes; usually empty.
    pub subresource: String,
}

/// The fields of an owner, with their time.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// The fields.
    pub fields: FieldSet,
    /// The version their paths are of.
    pub api_version: String,
    /// When the owner last changed a field.
    pub time: Option<Time>,
    /// The fields in their encoded form, if they have not changed since.
    encoded: Option<FieldsV1>,
}

impl Owned {
    /// The fields of a new owner.
    pub fn new(api_version: &str, fields: FieldSet) -> Self {
        Self {
            fields,
            api_version: api_version.to_owned(),
            time: None,
            encoded: None,
        }
    }

    /// The fields of a new owner, encoded, which nothing else is asked of.
    pub(super) fn of_text(api_version: &str, fields: String) -> Self {
        Self {
            encoded: Some(fields_v1::from_text(fields)),
            ..Self::new(api_version, FieldSet::default())
        }
    }

    /// Adds fields.
    pub fn gain(&mut self, fields: FieldSet) {
        if self.encoded.is_some() && self.fields.contains(&fields) {
            return;
        }
        self.fields.union(fields);
        self.encoded = None;
    }

    /// Removes fields.
    pub fn lose(&mut self, fields: &FieldSet) {
        if self.fields.subtract(fields) {
            self.encoded = None;
        }
    }

    fn encode(self) -> FieldsV1 {
        self.encoded.unwrap_or_else(|| self.fields.encode())
    }
}

/// What is wrong with the entries of an object, in a sentence; `None` if nothing is.
///
/// Upstream: `ValidateManagedFields` in `k8s.io/apimachinery/pkg/util/managedfields`.
pub fn mistake(entries: &[ManagedFieldsEntry]) -> Option<String> {
    let path = Path::new("metadata").child("managedFields");
    for entry in entries {
        if Operation::parse(entry.operation.as_deref()).is_none() {
            let said = entry.operation.as_deref().unwrap_or_default();
            let why = "must be `Apply` or `Update`";
            return Some(FieldError::invalid(&path.child("operation"), said, why).to_string());
        }
        let said = entry.fields_type.as_deref().unwrap_or_default();
        if !said.is_empty() && said != FIELDS_TYPE {
            let why = "must be `FieldsV1`";
            return Some(FieldError::invalid(&path.child("fieldsType"), said, why).to_string());
        }
    }
    let malformed = "an entry of metadata.managedFields cannot be decoded";
    let decoded = Managed::decode(entries.to_vec());
    decoded.err().map(|Malformed| malformed.to_owned())
}

/// All owners of an object's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed(pub BTreeMap<Owner, Owned>);

impl Managed {
    /// Reads the entries of an object.
    ///
    /// # Errors
    /// If any of them is malformed.
    pub fn decode(entries: Vec<ManagedFieldsEntry>) -> Result<Self, Malformed> {
        let mut owners = BTreeMap::new();
        for entry in entries {
            let operation = Operation::parse(entry.operation.as_deref()).ok_or(Malformed)?;
            let api_version = entry.api_version.unwrap_or_default();
            if api_version.is_empty() || entry.fields_type.as_deref() != Some(FIELDS_TYPE) {
                return Err(Malformed);
            }
            let fields = entry.fields_v1.as_ref().map(FieldSet::decode);
            let owner = Owner {
                manager: entry.manager.unwrap_or_default(),
                operation,
                version: match operation {
                    Operation::Apply => String::new(),
                    Operation::Update => api_version.clone(),
                },
                subresource: entry.subresource.unwrap_or_default(),
            };
            let owned = Owned {
                fields: fields.transpose()?.unwrap_or_default(),
                api_version,
                time: entry.time,
                encoded: entry.fields_v1,
            };
            owners.insert(owner, owned);
        }
        Ok(Self(owners))
    }

    /// The entries, in upstream's order: applies first, then the oldest.
    pub fn encode(self) -> Option<Vec<ManagedFieldsEntry>> {
        let mut owners: Vec<_> = self.0.into_iter().collect();
        if owners.is_empty() {
            return None;
        }
        // equal ones keep the order of the map: by manager, version and subresource
        owners.sort_by_key(|(owner, owned)| (owner.operation, seconds(owned)));
        let entries = owners.into_iter().map(|(owner, owned)| ManagedFieldsEntry {
            api_version: Some(owned.api_version.clone()),
            fields_type: Some(FIELDS_TYPE.to_owned()),
            manager: Some(owner.manager),
            operation: Some(owner.operation.as_str().to_owned()),
            subresource: Some(owner.subresource).filter(|s| !s.is_empty()),
            time: owned.time.clone(),
            fields_v1: Some(owned.encode()),
        });
        Some(entries.collect())
    }

    /// Drops owners without fields.
    pub fn drop_empty(&mut self) {
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Drops owners in versions that the resource no longer has.
    pub(super) fn drop_obsolete(&mut self, versions: Versions<'_>) {
        self.0
            .retain(|_, owned| versions.contains(&owned.api_version));
    }

    /// The version of each owner.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|owned| owned.api_version.as_str())
    }

    /// Takes the fields of a change from all owners but one, each in its own version.
    pub(super) fn lose(&mut self, changes: &Changes, except: Option<&Owner>) {
        for (owner, owned) in &mut self.0 {
            if Some(owner) != except {
                let changed = changes.in_version(&owned.api_version);
                owned.lose(&changed.set);
                owned.lose(&changed.removed);
            }
        }
    }

    /// Merges the oldest updates of a version until there are few enough of them.
    pub fn cap(&mut self) {
        let is_update = |owner: &Owner| owner.operation == Operation::Update;
        let mut updates: Vec<_> = (self.0.iter())
            .filter(|(owner, _)| is_update(owner))
            .map(|(owner, owned)| (seconds(owned), owner.clone()))
            .collect();
        let mut left = updates.len();
        if left <= UPDATES_MAX {
            return;
        }
        updates.sort();
        let mut firsts: BTreeMap<String, Owner> = BTreeMap::new();
        for (_, owner) in updates {
            if left <= UPDATES_MAX {
                return;
            }
            match firsts.get(&owner.version) {
                None => {
                    firsts.insert(owner.version.clone(), owner);
                }
                Some(first) => {
                    self.bury(&first.clone(), &owner);
                    left -= 1;
                }
            }
        }
    }

    fn bury(&mut self, first: &Owner, later: &Owner) {
        let ancient = Owner {
            manager: ANCIENT.to_owned(),
            operation: Operation::Update,
            version: first.version.clone(),
            subresource: String::new(),
        };
        if !self.0.contains_key(&ancient)
            && let Some(owned) = self.0.remove(first)
        {
            self.0.insert(ancient.clone(), owned);
        }
        if let Some(owned) = self.0.remove(later)
            && let Some(all) = self.0.get_mut(&ancient)
        {
            all.gain(owned.fields);
            all.time = owned.time;
        }
    }
}

fn seconds(owned: &Owned) -> i64 {
    owned.time.as_ref().map_or(0, |t| t.0.as_second())
}

/// Whether a client resets all ownership: with an empty list, or one empty entry.
pub(super) fn is_reset(entries: Option<&[ManagedFieldsEntry]>) -> bool {
    match entries {
        None => false,
        Some([]) => true,
        Some([only]) => *only == ManagedFieldsEntry::default(),
        Some(_) => false,
    }
}

/// Whether two lists of entries are equal, times aside.
pub(super) fn same_but_for_times(a: &[ManagedFieldsEntry], b: &[ManagedFieldsEntry]) -> bool {
    // entries are ordered by their times, which need not be the same
    let same = |a: &ManagedFieldsEntry, b: &ManagedFieldsEntry| {
        a.manager == b.manager
            && a.operation == b.operation
            && a.subresource == b.subresource
            && a.api_version == b.api_version
            && a.fields_type == b.fields_type
            && same_fields(a.fields_v1.as_ref(), b.fields_v1.as_ref())
    };
    a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| same(a, b)))
}

/// Whether the fields are the same: other servers, and older ones, write them in another order.
fn same_fields(a: Option<&FieldsV1>, b: Option<&FieldsV1>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return a == b;
    };
    a == b || FieldSet::decode(a).is_ok_and(|a| FieldSet::decode(b) == Ok(a))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::field_set::testing;
    use super::*;

    fn entry(manager: &str, operation: &str, second: i64) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            api_version: Some("v1".into()),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(FieldsV1(json!({"f:data": {format!("f:{manager}"): {}}}))),
            manager: Some(manager.into()),
            operation: Some(operation.into()),
            time: jiff::Timestamp::from_second(second).ok().map(Time),
            ..ManagedFieldsEntry::default()
        }
    }

    #[test]
    fn applies_come_first_and_then_the_oldest() {
        let entries = [
            entry("c", "Update", 5),
            entry("b", "Apply", 9),
            entry("a", "Update", 7),
            entry("d", "Update", 5),
        ];
        let sorted = Managed::decode(entries.to_vec()).unwrap().encode().unwrap();
        let managers: Vec<_> = sorted.iter().filter_map(|e| e.manager.as_deref()).collect();
        assert_eq!(managers, ["b", "c", "d", "a"]);
        assert!(same_but_for_times(&sorted, &entries));
    }

    #[test]
    fn the_oldest_updates_are_merged_when_there_are_too_many() {
        let names: Vec<_> = ('a'..='l').map(String::from).collect();
        let entries: Vec<_> = (names.iter().zip(0..))
            .map(|(n, at)| entry(n, "Update", at))
            .collect();
        let mut managed = Managed::decode(entries).unwrap();
        managed.cap();
        let capped = managed.encode().unwrap();
        assert_eq!(capped.len(), UPDATES_MAX);
        assert_eq!(capped[0].manager.as_deref(), Some("ancient-changes"));
        assert_eq!(
            testing::tree(capped[0].fields_v1.as_ref().unwrap()),
            json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}})
        );
    }

    #[test]
    fn malformed_entries_are_rejected() {
        let good = entry("a", "Update", 1);
        let bad = [
            ManagedFieldsEntry {
                operation: None,
                ..good.clone()
            },
            ManagedFieldsEntry {
                api_version: None,
                ..good.clone()
            },
            ManagedFieldsEntry {
                fields_type: Some("V2".into()),
                ..good.clone()
            },
            ManagedFieldsEntry {
                fields_v1: Some(FieldsV1(json!({"x": 1}))),
                ..good
            },
        ];
        for entry in bad {
            assert_eq!(Managed::decode(vec![entry]), Err(Malformed));
        }
    }

    #[test]
    fn an_empty_list_or_an_empty_entry_resets() {
        assert!(is_reset(Some(&[])) && is_reset(Some(&[ManagedFieldsEntry::default()])));
        assert!(!is_reset(None) && !is_reset(Some(&[entry("a", "Update", 1)])));
    }
}
