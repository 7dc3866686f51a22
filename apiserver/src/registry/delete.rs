//! Deleting objects: at once, or when what holds them lets go.
//!
//! Upstream: `k8s.io/apiserver/pkg/registry/rest/delete.go` and `.../generic/registry/store.go`.

use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use portcullis_admission::Operation;
use portcullis_api::status::Details;
use portcullis_api::{Object, Status};
use portcullis_storage::{Entry, Error, ReadAt};

use super::resource::Resource;
use super::strategy::{GarbageCollection, Grace};
use super::{Registry, Scope, codec, errors, metadata};

/// Held by the garbage collector until the dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Held by the garbage collector until the dependents have been let go.
pub const ORPHAN: &str = "orphan";

/// What to do about objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Delete them afterwards.
    Background,
    /// Delete them first.
    Foreground,
    /// Leave them alone.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds to wait, at most.
    pub grace_period: Option<i64>,
    /// Only an object of this uid.
    pub uid: Option<String>,
    /// Only an object of this resource version.
    pub resource_version: Option<String>,
    /// What to do about dependents; unset as the object's finalizers say, or else its kind.
    pub propagation: Option<Propagation>,
}

/// What became of a deletion.
pub enum Deleted {
    /// The object is gone; this is what it was, and what a Status says of it.
    Gone(Arc<Entry>, Details),
    /// It is marked, and something holds it.
    Pending(Arc<Entry>),
    /// It could not be read, and is gone; this is what a Status says of it.
    Unreadable(Details),
}

impl Registry {
    /// Deletes an object, or marks it as to be deleted.
    ///
    /// # Errors
    /// 403 for what is never deleted; 404; 409 if a precondition does not hold; what admission
    /// objects to.
    pub async fn delete(
        &self,
        scope: &Scope<'_>,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        if let Some(why) = scope.resource.strategy.undeletable(scope.name) {
            let resource = scope.resource.group_resource();
            return Err(Status::forbidden(resource, scope.name, why));
        }
        let key = self.key(scope.resource, scope.namespace, scope.name);
        let found = self
            .storage
            .get(&key, ReadAt::Latest)
            .await
            .map_err(|e| errors::status(e, scope))?;
        let mut entry = found.entry;
        for _ in 0..errors::ATTEMPTS_MAX {
            let current = entry.take().ok_or_else(|| scope.not_found())?;
            let object = match codec::object(scope.resource, &current) {
                Ok(object) => object,
                Err(why) => {
                    let removed = self.remove_unreadable(scope, &current, options, &why).await;
                    match removed? {
                        Removal::Done(deleted) => return Ok(deleted),
                        Removal::Changed(actual) => entry = actual,
                    }
                    continue;
                }
            };
            check_preconditions(scope, object.metadata(), options)?;
            let mut attributes =
                scope.attributes(Operation::Delete, scope.name, None, Some(object.as_ref()));
            self.admit(&mut attributes).await?;
            self.admit_valid(&attributes).await?;
            let written = match plan(scope.resource, object.boxed_clone(), options) {
                Plan::Nothing => return Ok(Deleted::Pending(current)),
                Plan::Remove => self.remove(scope, &key, &current, object.as_ref()).await,
                Plan::Mark(marked) => self.mark(scope, &key, &current, marked).await,
                Plan::MarkAndRemove(marked) => {
                    self.mark_and_remove(scope, &key, &current, marked).await
                }
            };
            match written {
                Ok(deleted) => return Ok(deleted),
                Err(Error::Conflict { actual, .. }) => entry = actual,
                Err(error) => return Err(errors::status(error, scope)),
            }
        }
        Err(errors::crowded_out(scope))
    }

    async fn remove(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Arc<Entry>,
        object: &dyn Object,
    ) -> Result<Deleted, Error> {
        let revision = if scope.dry_run {
            current.revision
        } else {
            let revision = self.storage.delete(key, current.revision).await?;
            self.ranges.release(object).await;
            revision
        };
        let entry = Entry::new(current.key.clone(), current.value.clone(), revision);
        Ok(Deleted::Gone(
            entry,
            details(scope.resource, object.metadata()),
        ))
    }

    /// Takes away what cannot be read, whatever would have held it: nothing else helps against it.
    ///
    /// Upstream refuses that, before 1.32; since then it can be asked for
    /// (`ignoreStoreReadErrorWithClusterBreakingPotential`).
    async fn remove_unreadable(
        &self,
        scope: &Scope<'_>,
        current: &Arc<Entry>,
        options: &DeleteOptions,
        why: &Status,
    ) -> Result<Removal, Status> {
        let meta = ObjectMeta {
            name: Some(scope.name.to_owned()),
            resource_version: Some(current.revision.to_string()),
            ..ObjectMeta::default()
        };
        check_preconditions(scope, &meta, options)?;
        let mut attributes = scope.attributes(Operation::Delete, scope.name, None, None);
        self.admit(&mut attributes).await?;
        self.admit_valid(&attributes).await?;
        if !scope.dry_run {
            match self.storage.delete(&current.key, current.revision).await {
                Ok(_) => {}
                Err(Error::Conflict { actual, .. }) => return Ok(Removal::Changed(actual)),
                Err(error) => return Err(errors::status(error, scope)),
            }
            tracing::warn!(
                key = %current.key,
                user.name = scope.user.name,
                error = why.message,
                "an object that cannot be read was deleted"
            );
        }
        let gone = details(scope.resource, &meta);
        Ok(Removal::Done(Deleted::Unreadable(gone)))
    }

    /// Shows watchers that the deletion has begun, even where nothing has to wait for it.
    async fn mark_and_remove(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Arc<Entry>,
        marked: Box<dyn Object>,
    ) -> Result<Deleted, Error> {
        let details = details(scope.resource, marked.metadata());
        match self.mark(scope, key, current, marked).await? {
            Deleted::Pending(entry) if !scope.dry_run => {
                let revision = self.storage.delete(key, entry.revision).await?;
                let entry = Entry::new(entry.key.clone(), entry.value.clone(), revision);
                Ok(Deleted::Gone(entry, details))
            }
            Deleted::Pending(entry) | Deleted::Gone(entry, _) => Ok(Deleted::Gone(entry, details)),
            unreadable @ Deleted::Unreadable(_) => Ok(unreadable),
        }
    }

    async fn mark(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Arc<Entry>,
        marked: Box<dyn Object>,
    ) -> Result<Deleted, Error> {
        let bytes = codec::encode(scope.resource, marked);
        let entry = if scope.dry_run {
            Entry::new(key, bytes, current.revision)
        } else {
            self.storage
                .compare_and_swap(key, current.revision, bytes)
                .await?
        };
        Ok(Deleted::Pending(entry))
    }
}

/// What became of an attempt to take away what cannot be read.
enum Removal {
    Done(Deleted),
    /// Another write came first; what is there now.
    Changed(Option<Arc<Entry>>),
}

/// What a Status says of an object that is gone.
fn details(resource: &Resource, meta: &ObjectMeta) -> Details {
    Details {
        name: meta.name.clone().unwrap_or_default(),
        group: resource.group.into(),
        kind: resource.plural.into(),
        uid: meta.uid.clone().unwrap_or_default(),
        ..Details::default()
    }
}

fn check_preconditions(
    scope: &Scope<'_>,
    meta: &ObjectMeta,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let resource = scope.resource.group_resource();
    let uid = meta.uid.as_deref().unwrap_or_default();
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(resource, scope.name, &why));
    }
    let version = meta.resource_version.as_deref().unwrap_or_default();
    if let Some(wanted) = options
        .resource_version
        .as_deref()
        .filter(|wanted| *wanted != version)
    {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(Status::conflict(resource, scope.name, &why));
    }
    Ok(())
}

/// What a deletion does to an object.
enum Plan {
    /// It is being deleted already.
    Nothing,
    /// Take it away.
    Remove,
    /// Store it like this.
    Mark(Box<dyn Object>),
    /// Store it like this, and then take it away.
    MarkAndRemove(Box<dyn Object>),
}

fn plan(resource: &Resource, mut object: Box<dyn Object>, options: &DeleteOptions) -> Plan {
    let grace = resource.strategy.grace(object.as_ref());
    let begun = object.metadata().deletion_timestamp.is_some();
    if begun && !shorten(object.metadata_mut(), options.grace_period) {
        return if is_due(resource, object.as_ref()) {
            Plan::Remove
        } else {
            Plan::Nothing
        };
    }
    if !begun {
        let default = resource.strategy.garbage_collection();
        set_finalizers(object.metadata_mut(), options.propagation, default);
        begin(resource, object.as_mut(), grace, options.grace_period);
    }
    match (is_due(resource, object.as_ref()), grace) {
        (false, _) => Plan::Mark(object),
        (true, Some(_)) => Plan::MarkAndRemove(object),
        (true, None) => Plan::Remove,
    }
}

/// A deletion under way can only be made to end earlier.
fn shorten(meta: &mut ObjectMeta, requested: Option<i64>) -> bool {
    let (Some(period), Some(requested)) = (meta.deletion_grace_period_seconds, requested) else {
        return false;
    };
    let Some(end) = meta.deletion_timestamp.as_ref() else {
        return false;
    };
    if requested >= period {
        return false;
    }
    let earlier = end
        .0
        .checked_sub(SignedDuration::from_secs(period - requested.max(0)));
    meta.deletion_timestamp = Some(Time(earlier.unwrap_or(end.0)));
    meta.deletion_grace_period_seconds = Some(requested.max(0));
    true
}

/// Marks an object as being deleted, from now or after its grace.
fn begin(
    resource: &Resource,
    object: &mut dyn Object,
    grace: Option<Grace>,
    requested: Option<i64>,
) {
    let seconds = match grace {
        None | Some(Grace::None) => 0,
        Some(Grace::Seconds(default)) => requested.unwrap_or(default).max(0),
    };
    let held_by_kind = resource.strategy.holds_deletion(object);
    let meta = object.metadata_mut();
    let now = metadata::now();
    meta.deletion_timestamp = Some(
        now.0
            .checked_add(SignedDuration::from_secs(seconds))
            .map_or(now, Time),
    );
    // What the kind itself holds has no period: upstream's namespaces show none.
    meta.deletion_grace_period_seconds = (!held_by_kind).then_some(seconds);
    if let Some(generation) = meta.generation.as_mut() {
        *generation += 1;
    }
    resource.strategy.mark_deleting(object);
}

/// Adds the finalizer that a propagation policy stands for, and removes the other (upstream:
/// `deletionFinalizersForGarbageCollection`).
fn set_finalizers(meta: &mut ObjectMeta, asked: Option<Propagation>, default: GarbageCollection) {
    let propagation = match (asked, default) {
        (_, GarbageCollection::Unsupported) => Propagation::Background,
        (Some(asked), _) => asked,
        (None, _) if meta.finalizers.iter().flatten().any(is_propagation) => return,
        (None, GarbageCollection::OrphanDependents) => Propagation::Orphan,
        (None, GarbageCollection::DeleteDependents) => return,
    };
    let finalizers = meta.finalizers.get_or_insert_default();
    finalizers.retain(|f| !is_propagation(f));
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
    }
}

/// Whether a finalizer stands for what becomes of dependents.
fn is_propagation(finalizer: impl AsRef<str>) -> bool {
    matches!(finalizer.as_ref(), ORPHAN | FOREGROUND)
}

/// Whether a deleted object has nothing left that holds it.
pub(super) fn is_due(resource: &Resource, object: &dyn Object) -> bool {
    let meta = object.metadata();
    meta.deletion_timestamp.is_some()
        && meta.deletion_grace_period_seconds.unwrap_or_default() == 0
        && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
        && !resource.strategy.holds_deletion(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::table;
    use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec};

    fn namespaces() -> &'static Resource {
        table::NAMESPACES
    }

    fn namespace(held: bool) -> Box<dyn Object> {
        let finalizers = held.then(|| vec!["kubernetes".to_owned()]);
        Box::new(Namespace {
            spec: Some(NamespaceSpec { finalizers }),
            ..Namespace::default()
        })
    }

    #[test]
    fn what_the_kind_holds_is_marked_and_stays() {
        let Plan::Mark(marked) = plan(namespaces(), namespace(true), &DeleteOptions::default())
        else {
            panic!("not marked");
        };
        assert!(marked.metadata().deletion_timestamp.is_some());
        let status = marked
            .as_kind::<Namespace>()
            .unwrap()
            .status
            .clone()
            .unwrap();
        assert_eq!(status.phase.as_deref(), Some("Terminating"));
        assert!(matches!(
            plan(namespaces(), marked, &DeleteOptions::default()),
            Plan::Nothing
        ));
    }

    #[test]
    fn what_nothing_holds_goes_at_once() {
        assert!(matches!(
            plan(namespaces(), namespace(false), &DeleteOptions::default()),
            Plan::Remove
        ));
    }

    #[test]
    fn a_propagation_policy_is_a_finalizer() {
        for (propagation, finalizer) in [
            (Propagation::Foreground, FOREGROUND),
            (Propagation::Orphan, ORPHAN),
        ] {
            let options = DeleteOptions {
                propagation: Some(propagation),
                ..DeleteOptions::default()
            };
            let Plan::Mark(marked) = plan(namespaces(), namespace(false), &options) else {
                panic!("not marked")
            };
            assert_eq!(
                marked.metadata().finalizers.as_deref(),
                Some([finalizer.to_owned()].as_slice())
            );
        }
    }

    #[test]
    fn a_kind_says_what_becomes_of_dependents_unless_somebody_else_does() {
        use GarbageCollection::{DeleteDependents, OrphanDependents, Unsupported};
        let none: &[&str] = &[];
        for (present, asked, default, left) in [
            (none, None, DeleteDependents, none),
            (none, None, OrphanDependents, &[ORPHAN]),
            (none, Some(Propagation::Background), OrphanDependents, none),
            (
                none,
                Some(Propagation::Foreground),
                OrphanDependents,
                &[FOREGROUND],
            ),
            (
                &[FOREGROUND, "a/b"],
                None,
                OrphanDependents,
                &[FOREGROUND, "a/b"],
            ),
            (
                &[ORPHAN, "a/b"],
                Some(Propagation::Background),
                OrphanDependents,
                &["a/b"],
            ),
            (none, Some(Propagation::Orphan), Unsupported, none),
        ] {
            let finalizers = present.iter().map(|f| (*f).to_owned()).collect();
            let mut meta = ObjectMeta {
                finalizers: Some(finalizers),
                ..ObjectMeta::default()
            };
            set_finalizers(&mut meta, asked, default);
            assert_eq!(
                meta.finalizers.unwrap(),
                left,
                "{present:?} {asked:?} {default:?}"
            );
        }
        for (kind, default) in [
            (table::find("batch/v1", "jobs"), OrphanDependents),
            (
                table::find("v1", "replicationcontrollers"),
                OrphanDependents,
            ),
            (table::find("v1", "events"), Unsupported),
            (table::find("batch/v1", "cronjobs"), DeleteDependents),
            (table::find("apps/v1", "deployments"), DeleteDependents),
        ] {
            assert_eq!(kind.unwrap().strategy.garbage_collection(), default);
        }
    }

    #[test]
    fn a_period_is_only_ever_shortened() {
        let mut meta = ObjectMeta {
            deletion_timestamp: Some(metadata::now()),
            deletion_grace_period_seconds: Some(30),
            ..ObjectMeta::default()
        };
        assert!(!shorten(&mut meta, Some(60)) && !shorten(&mut meta, None));
        let end = meta.deletion_timestamp.clone().unwrap().0;
        assert!(shorten(&mut meta, Some(10)));
        assert_eq!(
            end.duration_since(meta.deletion_timestamp.unwrap().0)
                .as_secs(),
            20
        );
        assert_eq!(meta.deletion_grace_period_seconds, Some(10));
    }
}
