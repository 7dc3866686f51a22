//! Changing objects: a function of the current object, replayed until there is no conflict.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_admission::Operation;
use portcullis_api::encode::TypeMeta;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, GroupKind, Object, Path, Status};
use portcullis_storage::{Entry, Error, ReadAt};
use serde_json::Value;

use crate::conversion::{self, Failure};
use crate::current::Current;
use crate::field_manager::times::older_times;

use crate::registry::Registry;
use crate::scope::Scope;
use crate::{errors, metadata};
use portcullis_kinds::validation::object_meta::validate_changed_meta;

/// A change of an object. Called once per attempt.
#[async_trait]
pub trait Change: Send + Sync {
    /// The object's new state, given its current one.
    ///
    /// # Errors
    /// A status that ends the request.
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status>;

    /// Whether a uid in the result identifies the object, and does not set its uid.
    fn means_uid(&self) -> bool {
        false
    }

    /// Whether it creates a missing object, even of a kind that a PUT does not create.
    fn creates(&self) -> bool {
        false
    }

    /// Whether an unchanged result ends the update before admission. This is for the server's own changes: a
    /// controller that tries again compares, and calls no webhooks.
    fn ends_unchanged(&self) -> bool {
        false
    }
}

/// The result of an update.
pub struct Updated {
    /// The stored object.
    pub entry: Arc<Entry>,
    /// Whether it was created.
    pub created: bool,
}

impl Registry {
    /// Changes an object, or creates it if its kind allows that.
    ///
    /// # Errors
    /// The errors of the change, admission, validation and the store; 409 if the change names a resource
    /// version that is not current.
    pub async fn update(&self, scope: &Scope<'_>, change: &dyn Change) -> Result<Updated, Status> {
        let key = self.key(scope.resource, scope.namespace, scope.name);
        let found = self
            .storage
            .get(&key, ReadAt::Latest)
            .await
            .map_err(|e| errors::status(e, scope))?;
        let mut entry = found.entry;
        for _ in 0..errors::ATTEMPTS_MAX {
            let current = match entry.take() {
                Some(entry) => Some(Current::find(&self.conversions, scope, entry).await?),
                None => None,
            };
            match self.attempt(scope, &key, current.as_ref(), change).await {
                Ok(updated) => return Ok(updated),
                Err(Attempt::Lost(actual)) => entry = actual,
                Err(Attempt::Failed(status)) => return Err(*status),
            }
        }
        Err(errors::crowded_out(scope))
    }

    async fn attempt(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: Option<&Current>,
        change: &dyn Change,
    ) -> Result<Updated, Attempt> {
        let Some(current) = current else {
            if !scope.resource.create_on_update && !change.creates() {
                return Err(scope.not_found().into());
            }
            let object = change.apply(None).await?;
            if !metadata::is_empty(object.metadata().resource_version.as_deref()) {
                // The client expects an object that is gone.
                return Err(
                    Status::conflict(scope.group_resource(), scope.name, errors::MODIFIED).into(),
                );
            }
            let entry = self.create(scope, object).await?;
            return Ok(Updated {
                entry,
                created: true,
            });
        };
        let object = change.apply(Some(current)).await?;
        if change.means_uid() {
            check_uid(scope, object.as_ref(), current)?;
        }
        check_version(scope, object.as_ref(), current)?;
        if change.ends_unchanged() && is_unchanged(scope, object.as_ref(), current) {
            return Ok(Updated {
                entry: self.view(scope, &current.entry).await?,
                created: false,
            });
        }
        let mut object = self.admit_change(scope, object, current).await?;
        let old = current.object.as_ref();
        let reservation = self.reserve(scope, object.as_mut(), Some(old)).await?;
        let written = self.write_change(scope, key, current, object).await;
        let outcome = written.as_ref().map_err(Attempt::code);
        self.ranges.settle(reservation, outcome).await;
        written
    }

    /// From validating admission to the store.
    async fn write_change(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Current,
        object: Box<dyn Object>,
    ) -> Result<Updated, Attempt> {
        let old = current.object.as_ref();
        let attributes = scope.attributes(Operation::Update, scope.name, Some(object), Some(old));
        self.admit_validating(scope, &attributes).await?;
        let mut object = Scope::admitted(attributes)?;
        // Preparing may have set fields that have defaults. Readers default what they decode, so the stored bytes
        // must contain them too.
        scope.resource.strategy.default(object.as_mut());
        if crate::delete::is_due(scope.resource, object.as_ref()) {
            return self.finish_deletion(scope, key, current, object).await;
        }
        let bytes = self.encode_change(scope, object, current).await?;
        let revision = current.entry.revision;
        let entry = if same_document(&bytes, &current.entry.value) {
            self.view(scope, &current.entry).await?
        } else if scope.dry_run {
            let entry = Entry::new(key, bytes, revision);
            self.written(scope, entry).await?
        } else {
            let written = self.storage.compare_and_swap(key, revision, bytes).await;
            let written = written.map_err(|error| Attempt::of(error, scope))?;
            self.written(scope, written).await?
        };
        Ok(Updated {
            entry,
            created: false,
        })
    }

    /// The bytes to store: the current ones if only the times of field managers changed.
    async fn encode_change(
        &self,
        scope: &Scope<'_>,
        mut object: Box<dyn Object>,
        current: &Current,
    ) -> Result<Bytes, Failure> {
        if let Some(older) = older_times(object.as_ref(), current) {
            let newer = object.metadata_mut().managed_fields.replace(older);
            let bytes = self.encode(scope, object.boxed_clone()).await?;
            if same_document(&bytes, &current.entry.value) {
                return Ok(bytes);
            }
            object.metadata_mut().managed_fields = newer;
        }
        self.encode(scope, object).await
    }

    /// From mutating admission to validation.
    async fn admit_change(
        &self,
        scope: &Scope<'_>,
        object: Box<dyn Object>,
        current: &Current,
    ) -> Result<Box<dyn Object>, Status> {
        let old = current.object.as_ref();
        let mut attributes =
            scope.attributes(Operation::Update, scope.name, Some(object), Some(old));
        self.admit_mutating(scope, &mut attributes).await?;
        let mut object = Scope::admitted(attributes)?;
        // a webhook may have set another version, which is then the one that the change is for
        check_version(scope, object.as_ref(), current)?;
        self.guard.check(scope, object.as_ref(), Some(old))?;
        let forbidden = match scope.subresource {
            "status" => ErrorList::new(),
            _ => self.forbidden(object.as_ref()),
        };
        prepare(scope, object.as_mut(), old, forbidden)?;
        Ok(object)
    }

    /// The change removed the last finalizer of a deleted object.
    async fn finish_deletion(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Current,
        object: Box<dyn Object>,
    ) -> Result<Updated, Attempt> {
        if !scope.dry_run {
            let deleted = self.storage.delete(key, current.entry.revision).await;
            deleted.map_err(|error| Attempt::of(error, scope))?;
            // Numbers that only the old object had are released with the reservation.
            self.ranges.release(object.as_ref()).await;
        }
        Ok(Updated {
            entry: conversion::unstored(scope.resource, key, object, current.entry.revision),
            created: false,
        })
    }
}

/// Whether a change had no effect, and nothing remains to be done.
fn is_unchanged(scope: &Scope<'_>, object: &dyn Object, current: &Current) -> bool {
    let type_meta = TypeMeta {
        api_version: "",
        kind: "",
    };
    !crate::delete::is_due(scope.resource, object)
        && object.encode(type_meta) == current.object.encode(type_meta)
}

/// Whether two encodings are equal apart from the order of fields: unset fields are written after the others,
/// so the order may differ, but not the length.
fn same_document(one: &Bytes, other: &Bytes) -> bool {
    let read = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    let may_be = || one.len() == other.len() && weight(one) == weight(other);
    one == other || (may_be() && read(one).is_some_and(|v| Some(v) == read(other)))
}

/// The same for the same bytes in any order, and hardly ever for others: documents of one length need not be
/// parsed to see that they differ.
fn weight(bytes: &[u8]) -> u64 {
    let weights = bytes.iter().map(|byte| u64::from(*byte).pow(2));
    weights.fold(0, u64::wrapping_add)
}

/// Why an attempt did not complete an update.
enum Attempt {
    /// Another write came first; the current entry.
    Lost(Option<Arc<Entry>>),
    /// The request ends with this status.
    Failed(Box<Status>),
}

impl Attempt {
    /// The status code that ends the request; that of a conflict otherwise.
    const fn code(&self) -> u16 {
        match self {
            Self::Lost(_) => 409,
            Self::Failed(status) => status.code,
        }
    }

    fn of(error: Error, scope: &Scope<'_>) -> Self {
        match error {
            Error::Conflict { actual, .. } => Self::Lost(actual),
            error => errors::status(error, scope).into(),
        }
    }
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Status::from(failure).into()
    }
}

impl From<Status> for Attempt {
    fn from(status: Status) -> Self {
        Self::Failed(Box::new(status))
    }
}

/// A change with a uid is for that object only.
fn check_uid(scope: &Scope<'_>, object: &dyn Object, current: &Current) -> Result<(), Status> {
    let uid = object.metadata().uid.as_deref().unwrap_or_default();
    let actual = current.object.metadata().uid.as_deref().unwrap_or_default();
    if uid.is_empty() || uid == actual {
        return Ok(());
    }
    let why = errors::other_uid(&current.entry.key, uid, actual);
    let resource = scope.group_resource();
    Err(Status::conflict(resource, scope.name, &why))
}

/// A change with a version is for that version only.
fn check_version(scope: &Scope<'_>, object: &dyn Object, current: &Current) -> Result<(), Status> {
    let resource = scope.group_resource();
    match object
        .metadata()
        .resource_version
        .as_deref()
        .unwrap_or_default()
    {
        "" | "0" if scope.resource.unconditional_update => Ok(()),
        "" | "0" => Err(no_version(scope)),
        version => match version.parse::<u64>() {
            Ok(version) if version == current.entry.revision => Ok(()),
            Ok(_) => Err(Status::conflict(resource, scope.name, errors::MODIFIED)),
            Err(_) => Err(Status::bad_request(format!(
                "invalid resourceVersion {version:?}: it must be a number"
            ))),
        },
    }
}

/// Upstream's text has the resource instead of the kind.
fn no_version(scope: &Scope<'_>) -> Status {
    let kind = GroupKind {
        group: scope.resource.group,
        kind: scope.resource.plural,
    };
    let path = Path::new("metadata").child("resourceVersion");
    let error = FieldError::invalid(
        &path,
        BadValue::go("0x0"),
        "must be specified for an update",
    );
    Status::invalid(kind, scope.name, &[error])
}

/// Sets the fields that the system and the kind keep, and validates the rest.
fn prepare(
    scope: &Scope<'_>,
    object: &mut dyn Object,
    old: &dyn Object,
    forbidden: ErrorList,
) -> Result<(), Status> {
    let resource = scope.resource;
    metadata::carry_over(object.metadata_mut(), old.metadata());
    let validate_name = |value: &str| resource.strategy.validate_name(value);
    let mut checks = resource.strategy.metadata_checks().changing(0, 1);
    let found = match scope.subresource {
        "status" => {
            resource.strategy.prepare_status_update(object, old);
            resource.strategy.validate_status_update(object, old)
        }
        // a scale is part of the object itself
        "" | "scale" => {
            resource.strategy.prepare_for_update(object, old);
            if resource.strategy.spec_changed(object, old) == Some(true) {
                let generation = old.metadata().generation.unwrap_or_default() + 1;
                object.metadata_mut().generation = Some(generation);
            }
            checks = resource.strategy.metadata_checks();
            let mut found = resource.strategy.validate_update(object, old);
            let strategy = &resource.strategy;
            found.extend(strategy.validate_served_update(scope.api_version, object, old));
            found
        }
        other => {
            resource.strategy.prepare_subresource(other, object, old);
            resource.strategy.validate_subresource(other, object, old)
        }
    };
    let (new, old) = (object.metadata(), old.metadata());
    let mut errors = validate_changed_meta(new, old, resource.namespaced, checks, &validate_name);
    errors.extend(found);
    errors.extend(forbidden);
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(resource.group_kind(), scope.name, &errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_apart_from_the_order_of_fields() {
        let same = |one: &'static str, other: &'static str| {
            same_document(&Bytes::from(one), &Bytes::from(other))
        };
        let document = r#"{"a":1,"b":{"c":"12"}}"#;
        assert!(same(document, r#"{"b":{"c":"12"},"a":1}"#));
        assert!(!same(document, r#"{"a":1,"b":{"c":"13"}}"#));
        // the same bytes in another order
        assert!(!same(document, r#"{"a":1,"b":{"c":"21"}}"#));
        assert!(!same(document, r#"{"a":1,"b":{"c":"1"}}"#));
    }
}
