//! Deleting objects: immediately, or once their finalizers are removed.
//!
//! Upstream: `k8s.io/apiserver/pkg/registry/rest/delete.go` and `.../generic/registry/store.go`.

mod plan;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_admission::options::Deletion;
use portcullis_admission::{Operation, RequestOptions};
use portcullis_api::status::Details;
use portcullis_api::{GroupResource, Object, Status};
use portcullis_storage::{Entry, Error, ReadAt};

use crate::conversion::Failure;
use crate::registry::Registry;
use crate::scope::Scope;
use crate::{codec, errors};

pub(super) use self::plan::is_due;
use self::plan::{Plan, plan};

/// The finalizer that the garbage collector removes when the dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer that the garbage collector removes when the dependents are orphaned.
pub const ORPHAN: &str = "orphan";

/// What happens to objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Delete them afterwards.
    Background,
    /// Delete them first.
    Foreground,
    /// Orphan them.
    Orphan,
}

impl Propagation {
    /// The value of `propagationPolicy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// The options of a deletion.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds to wait, at most.
    pub grace_period: Option<i64>,
    /// Only an object with this uid.
    pub uid: Option<String>,
    /// Only an object at this resource version.
    pub resource_version: Option<String>,
    /// What happens to dependents. The default depends on the object's finalizers, or else on its kind.
    pub propagation: Option<Propagation>,
}

/// The result of a deletion.
pub enum Deleted {
    /// The object is gone: its last state, and the details of a Status.
    Gone(Arc<Entry>, Details),
    /// It is marked, and still has finalizers or a grace period.
    Pending(Arc<Entry>),
    /// It could not be read, and is gone: the details of a Status.
    Unreadable(Details),
}

impl Registry {
    /// Deletes an object, or marks it for deletion.
    ///
    /// # Errors
    /// 403 for objects that are never deleted; 404; 409 if a precondition does not hold; the errors of
    /// admission.
    pub async fn delete(
        &self,
        scope: &Scope<'_>,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        if let Some(why) = scope.resource.strategy.undeletable(scope.name) {
            let resource = scope.group_resource();
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
            let (view, object) = match self.read(scope, &current).await {
                Ok(read) => read,
                Err(Failure::Webhook(status)) => return Err(status),
                Err(Failure::Unreadable(why)) => {
                    let removed = self.remove_unreadable(scope, &current, options, &why).await;
                    match removed? {
                        Removal::Done(deleted) => return Ok(deleted),
                        Removal::Changed(actual) => entry = actual,
                    }
                    continue;
                }
            };
            check_preconditions(scope, object.metadata(), options)?;
            let (resource, api_version) = (scope.resource, scope.api_version);
            let plan = plan(resource, api_version, object.boxed_clone(), options);
            if matches!(plan, Plan::Nothing) {
                return Ok(Deleted::Pending(view));
            }
            let is_graceful = scope.resource.strategy.grace(object.as_ref()).is_some();
            let granted = plan.grace_period().filter(|_| is_graceful);
            let grace_period = granted.or(options.grace_period);
            self.admit_deletion(scope, options, grace_period, Some(object.as_ref()))
                .await?;
            let written = match plan {
                Plan::Nothing => return Ok(Deleted::Pending(view)),
                Plan::Remove => self.remove(scope, &key, &view, object.as_ref()).await,
                Plan::Mark(marked) => self.mark(scope, &key, &current, marked).await,
                Plan::MarkAndRemove(marked) => {
                    self.mark_and_remove(scope, &key, &current, marked).await
                }
            };
            match written {
                Ok(deleted) => return Ok(deleted),
                Err(Failed::Store(Error::Conflict { actual, .. })) => entry = actual,
                Err(Failed::Store(error)) => return Err(errors::status(error, scope)),
                Err(Failed::Conversion(failure)) => return Err(failure.into()),
            }
        }
        Err(errors::crowded_out(scope))
    }

    /// An entry in the client's version, and decoded.
    async fn read(
        &self,
        scope: &Scope<'_>,
        entry: &Arc<Entry>,
    ) -> Result<(Arc<Entry>, Box<dyn Object>), Failure> {
        let (resource, version) = (scope.resource, scope.api_version);
        let view = self.conversions.view(resource, version, entry).await?;
        let object = codec::object(resource, &view).map_err(Failure::Unreadable)?;
        Ok((view, object))
    }

    /// Runs admission for a deletion, with its effective grace period.
    async fn admit_deletion(
        &self,
        scope: &Scope<'_>,
        options: &DeleteOptions,
        grace_period: Option<i64>,
        object: Option<&dyn Object>,
    ) -> Result<(), Status> {
        let own = object.filter(|_| scope.resource.strategy.deletes_by_uid());
        let own = own.and_then(|object| object.metadata().uid.as_deref());
        let scope = Scope {
            options: RequestOptions {
                deletion: Deletion {
                    grace_period,
                    uid: options.uid.as_deref().or(own),
                    resource_version: options.resource_version.as_deref(),
                    propagation: options.propagation.map(Propagation::as_str),
                },
                ..RequestOptions::default()
            },
            ..*scope
        };
        let mut attributes = scope.attributes(Operation::Delete, scope.name, None, object);
        self.admit_mutating(&scope, &mut attributes).await?;
        self.admit_validating(&scope, &attributes).await
    }

    async fn remove(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Arc<Entry>,
        object: &dyn Object,
    ) -> Result<Deleted, Failed> {
        let revision = if scope.dry_run {
            current.revision
        } else {
            let revision = self.storage.delete(key, current.revision).await?;
            self.ranges.release(object).await;
            revision
        };
        let entry = Entry::new(current.key.clone(), current.value.clone(), revision);
        Ok(Deleted::Gone(entry, details(scope, object.metadata())))
    }

    /// Removes an object that cannot be read, regardless of finalizers: there is no other remedy.
    ///
    /// Upstream rejects that before 1.32; since then it is an option
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
        self.admit_deletion(scope, options, options.grace_period, None)
            .await?;
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
        let gone = details(scope, &meta);
        Ok(Removal::Done(Deleted::Unreadable(gone)))
    }

    /// Shows watchers that the deletion has begun, even if nothing delays it.
    async fn mark_and_remove(
        &self,
        scope: &Scope<'_>,
        key: &str,
        current: &Arc<Entry>,
        marked: Box<dyn Object>,
    ) -> Result<Deleted, Failed> {
        let details = details(scope, marked.metadata());
        match self.mark(scope, key, current, marked).await? {
            Deleted::Pending(entry) if !scope.dry_run => {
                let revision = match self.storage.delete(key, entry.revision).await {
                    Ok(revision) => revision,
                    // Another write found it marked and removed it, which is the requested result (upstream:
                    // `ignoreNotFound` in `Store.Delete`).
                    Err(Error::Conflict { actual: None, .. }) => entry.revision,
                    Err(error) => return Err(error.into()),
                };
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
    ) -> Result<Deleted, Failed> {
        let bytes = self.encode(scope, marked).await?;
        let entry = if scope.dry_run {
            Entry::new(key, bytes, current.revision)
        } else {
            self.storage
                .compare_and_swap(key, current.revision, bytes)
                .await?
        };
        Ok(Deleted::Pending(self.written(scope, entry).await?))
    }
}

/// Why an attempt to delete did not succeed.
enum Failed {
    Store(Error),
    Conversion(Failure),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::Conversion(failure)
    }
}

/// The result of an attempt to remove an unreadable object.
enum Removal {
    Done(Deleted),
    /// Another write came first; the current entry.
    Changed(Option<Arc<Entry>>),
}

/// The details in the Status of a removed object.
fn details(scope: &Scope<'_>, meta: &ObjectMeta) -> Details {
    Details {
        name: meta.name.clone().unwrap_or_default(),
        group: scope.group_resource().group.into(),
        kind: scope.resource.plural.into(),
        uid: meta.uid.clone().unwrap_or_default(),
        ..Details::default()
    }
}

fn check_preconditions(
    scope: &Scope<'_>,
    meta: &ObjectMeta,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let by_uid = scope.resource.strategy.deletes_by_uid();
    for (field, wanted, actual, since) in [
        ("UID", &options.uid, &meta.uid, "deleted and then recreated"),
        (
            "ResourceVersion",
            &options.resource_version,
            &meta.resource_version,
            "modified",
        ),
    ] {
        let actual = actual.as_deref().unwrap_or_default();
        let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != actual) else {
            continue;
        };
        let why = if by_uid {
            format!(
                "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {actual}"
            )
        } else {
            format!(
                "the {field} in the precondition ({wanted}) does not match the {field} in record ({actual}). \
                 The object might have been {since}"
            )
        };
        // the store's conflict is about the resource, that of upstream's own check about the kind
        let resource = match by_uid {
            true => scope.group_resource(),
            false => GroupResource {
                resource: scope.resource.kind,
                ..scope.group_resource()
            },
        };
        return Err(Status::conflict(resource, scope.name, &why));
    }
    Ok(())
}
