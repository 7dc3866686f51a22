//! Server-side apply: a client sends all fields it manages, and no others.
//!
//! Upstream: `structured-merge-diff/merge/update.go`, and `FieldManager.Apply`.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::Status;
use serde_json::Value;

use super::conflict::Conflicts;
use super::field_set::FieldSet;
use super::managed::{Managed, Operation, Owned, Owner};
use super::merge::merge;
use super::remove::{with_structs, without};
use super::tracked::{self, Tracked};
use super::update::Writer;
use super::{last_applied, validate};

/// The owner of fields that had no owner before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The configuration of a client.
#[derive(Clone, Copy)]
pub struct Apply<'a> {
    /// Its manager.
    pub writer: Writer<'a>,
    /// The configuration, as JSON.
    pub config: &'a Value,
    /// Whether to take fields from other managers.
    pub force: bool,
}

/// An object with a configuration applied to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The object, without owners; nulls mark removed fields.
    pub object: Value,
    /// The owners.
    pub managed: Option<Vec<ManagedFieldsEntry>>,
}

impl Apply<'_> {
    /// The errors in the configuration itself, whatever it is applied to.
    pub fn list_errors(&self) -> Vec<String> {
        validate::list_errors(self.config, self.writer.tracked().field_type)
    }

    /// Applies the configuration to an object, or to an empty one.
    ///
    /// # Errors
    /// 409 that names the managers of conflicting fields; those of webhooks, if the object must be converted to
    /// the version of another manager.
    pub async fn merge_into(
        &self,
        live: &Value,
        entries: Vec<ManagedFieldsEntry>,
    ) -> Result<Applied, Status> {
        let mut managed = Managed::decode(entries).unwrap_or_default();
        managed.drop_obsolete(self.writer.versions());
        managed.drop_empty();
        if managed.0.is_empty() {
            let empty = tracked::empty(self.writer.resource(), self.writer.api_version());
            self.writer
                .update(&empty, live, BEFORE_FIRST_APPLY, &mut managed)
                .await?;
        }
        let owner = self.writer.owner(self.writer.manager(), Operation::Apply);
        let merged = self.merge(live, managed.clone(), &owner, self.force);
        let (mut object, managed) = match merged.await? {
            Ok(done) => done,
            Err(conflicts) => {
                let allowed = last_applied::unchanged(self.writer, live).unwrap_or_default();
                let rest = conflicts.except(&allowed);
                if !rest.is_empty() {
                    return Err(rest.into());
                }
                self.merge(live, managed, &owner, true).await??
            }
        };
        last_applied::refresh(self.writer, &mut object, self.config);
        Ok(Applied {
            object,
            managed: managed.encode(),
        })
    }

    async fn merge(
        &self,
        live: &Value,
        mut managed: Managed,
        owner: &Owner,
        force: bool,
    ) -> Result<Result<(Value, Managed), Conflicts>, Status> {
        let tracked = self.writer.tracked();
        let others = owned_by(managed.0.iter().filter(|(other, _)| *other != owner));
        let merged = merge(live, self.config, tracked.field_type, &others);
        let before = managed.0.insert(
            owner.clone(),
            Owned::new(self.writer.api_version(), tracked.fields(self.config)),
        );
        let object = match &before {
            Some(last) => self.prune(merged, &managed, last).await?,
            None => merged,
        };
        let changes = self.writer.changes([live, &object], &managed).await?;
        let conflicts = Conflicts::of(&changes, &managed, owner);
        if !force && !conflicts.is_empty() {
            return Ok(Err(conflicts));
        }
        managed.lose(&changes, Some(owner));
        if let Some(owned) = managed.0.get_mut(owner) {
            let unchanged = before.filter(|b| object == *live && b.fields == owned.fields);
            owned.time = match unchanged {
                Some(last) => last.time,
                None => Some(portcullis_kinds::time::now()),
            };
        }
        managed.drop_empty();
        Ok(Ok((object, managed)))
    }

    /// Removes the fields that a manager applied the last time and not this time, unless another manager owns
    /// them. The last configuration may have been of another version, and so may those of other managers.
    async fn prune(&self, merged: Value, managed: &Managed, last: &Owned) -> Result<Value, Status> {
        let (writer, versions) = (self.writer, self.writer.versions());
        if last.fields.is_empty() {
            return Ok(merged);
        }
        let all = versions.convert(Cow::Owned(merged), &last.api_version);
        let all = all.await?;
        let field_type = writer.tracked_in(&last.api_version).field_type;
        let last_fields = with_structs(&last.fields, field_type);
        // all of the last configuration is removed, except owned fields, with the values they are in ...
        let mut pruned = Cow::Owned(without(&all, &last_fields, field_type));
        let mut merged = Cow::Borrowed(&*all);
        for (version, owned) in by_version(managed, &last.api_version) {
            merged = versions.convert(merged, version).await?;
            pruned = versions.convert(pruned, version).await?;
            let tracked = writer.tracked_in(version);
            let mut kept = fields(tracked, &pruned);
            kept.union(with_structs(&owned, tracked.field_type));
            // the name and other metadata without owners
            kept.union(with_structs(&tracked.unowned(&merged), tracked.field_type));
            let mut gone = fields(tracked, &merged);
            gone.subtract(&kept);
            pruned = Cow::Owned(without(&merged, &gone, tracked.field_type));
        }
        // ... and fields that were removed with it but were not in that configuration are restored
        let pruned = versions.convert(pruned, &last.api_version).await?;
        let tracked = writer.tracked_in(&last.api_version);
        let mut gone = fields(tracked, &all);
        gone.subtract(&fields(tracked, &pruned));
        let object = without(&all, &gone.intersection(&last_fields), field_type);
        let object = versions.convert(Cow::Owned(object), writer.api_version());
        Ok(object.await?.into_owned())
    }
}

/// All fields of an object, structs among them.
fn fields(tracked: Tracked<'_>, object: &Value) -> FieldSet {
    with_structs(&tracked.all_fields(object), tracked.field_type)
}

/// The owned fields of each version, a given one first, even if it has no owners: the fields that it keeps may
/// be necessary for conversion.
fn by_version<'m>(managed: &'m Managed, first: &'m str) -> Vec<(&'m str, FieldSet)> {
    let mut versions = vec![first];
    for owned in managed.0.values() {
        if !versions.contains(&owned.api_version.as_str()) {
            versions.push(&owned.api_version);
        }
    }
    let owned = |version| {
        let owners = managed.0.iter();
        owned_by(owners.filter(|(_, owned)| owned.api_version == version))
    };
    versions.into_iter().map(|v| (v, owned(v))).collect()
}

/// All fields of some owners.
fn owned_by<'m>(owners: impl Iterator<Item = (&'m Owner, &'m Owned)>) -> FieldSet {
    let mut all = FieldSet::default();
    for (_, owned) in owners {
        all.union(owned.fields.clone());
    }
    all
}

#[cfg(test)]
mod tests;
