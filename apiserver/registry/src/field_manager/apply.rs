//! Server-side apply: a client sends all fields it manages, and no others.
//!
//! Upstream: `structured-merge-diff/merge/update.go`, and `FieldManager.Apply`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::Status;
use serde_json::Value;

use super::conflict::Conflicts;
use super::field_set::FieldSet;
use super::managed::{Managed, Operation, Owned, Owner};
use super::merge::merge;
use super::remove::{with_structs, without};
use super::tracked;
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
    /// 409 that names the managers of conflicting fields.
    pub fn merge_into(
        &self,
        live: &Value,
        entries: Vec<ManagedFieldsEntry>,
    ) -> Result<Applied, Status> {
        let mut managed = Managed::decode(entries).unwrap_or_default();
        managed.prune(|version| self.writer.serves(version));
        if managed.0.is_empty() {
            let empty = tracked::empty(self.writer.resource(), self.writer.api_version());
            self.writer
                .update(&empty, live, BEFORE_FIRST_APPLY, &mut managed);
        }
        let owner = self.writer.owner(self.writer.manager(), Operation::Apply);
        let (mut object, managed) = match self.merge(live, managed.clone(), &owner, self.force) {
            Ok(done) => done,
            Err(conflicts) => {
                let allowed = last_applied::unchanged(self.writer, live).unwrap_or_default();
                let rest = conflicts.except(&allowed);
                if !rest.is_empty() {
                    return Err(rest.into());
                }
                self.merge(live, managed, &owner, true)?
            }
        };
        last_applied::refresh(self.writer, &mut object, self.config);
        Ok(Applied {
            object,
            managed: managed.encode(),
        })
    }

    fn merge(
        &self,
        live: &Value,
        mut managed: Managed,
        owner: &Owner,
        force: bool,
    ) -> Result<(Value, Managed), Conflicts> {
        let tracked = self.writer.tracked();
        let others = owned_by(managed.0.iter().filter(|(other, _)| *other != owner));
        let merged = merge(live, self.config, tracked.field_type, &others);
        let before = managed.0.insert(
            owner.clone(),
            Owned::new(self.writer.api_version(), tracked.fields(self.config)),
        );
        let object = match &before {
            Some(last) => self.prune(merged, &managed, &last.fields),
            None => merged,
        };
        let found = tracked.compare(live, &object);
        let mut changed = found.modified;
        changed.union(found.added);
        let conflicts = Conflicts::of(&changed, &managed, owner);
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        for (other, owned) in &mut managed.0 {
            if other != owner {
                owned.lose(&changed);
                owned.lose(&found.removed);
            } else if let Some(last) = before
                .as_ref()
                .filter(|b| object == *live && b.fields == owned.fields)
            {
                owned.time.clone_from(&last.time);
            } else {
                owned.time = Some(portcullis_kinds::time::now());
            }
        }
        managed.prune(|_| true);
        Ok((object, managed))
    }

    /// Removes the fields that a manager applied the last time and not this time, unless another manager owns
    /// them.
    fn prune(&self, merged: Value, managed: &Managed, last: &FieldSet) -> Value {
        if last.is_empty() {
            return merged;
        }
        let tracked = self.writer.tracked();
        let field_type = tracked.field_type;
        let fields = |object: &Value| with_structs(&tracked.all_fields(object), field_type);
        let last = with_structs(last, field_type);
        // the name, which has no owner, keeps the metadata
        let mut owned = tracked.all_fields(self.config);
        owned.union(owned_by(managed.0.iter()));
        let all = fields(&merged);
        // all of the last configuration is removed, except owned fields, with the values they are in ...
        let mut kept = fields(&without(&merged, &last, field_type));
        kept.union(with_structs(&owned, field_type));
        let mut gone = all.clone();
        gone.subtract(&kept);
        // ... and fields that were removed with it but were not in that configuration are restored
        let pruned = fields(&without(&merged, &gone, field_type));
        let mut gone = all;
        gone.subtract(&pruned);
        without(&merged, &gone.intersection(&last), field_type)
    }
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
