//! The action for one object (upstream: `attemptToDeleteItem`, `processDeletingDependentsItem`
//! and `attemptToOrphanWorker`).

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use parking_lot::Mutex;
use portcullis_api::{Object, Status};
use portcullis_storage::{Entry, ReadAt};

use super::graph::Phase;
use super::owners::Unclear;
use super::{AT_ONCE, Collector};
use crate::edit::edit_same;
use portcullis_registry::delete::{DeleteOptions, FOREGROUND, ORPHAN, Propagation};
use portcullis_registry::head::HeadMeta;
use portcullis_registry::{Place, Scope};

/// A stored object.
pub(super) struct Item<'a> {
    pub(super) place: Place<'a>,
    pub(super) meta: HeadMeta,
    entry: Arc<Entry>,
}

impl Collector {
    /// Does what is due for the object of a key; 404 if it is gone meanwhile.
    pub(super) async fn attempt(&self, key: &str) -> Result<(), Status> {
        let Some(item) = self.item(key).await? else {
            return Ok(());
        };
        match Phase::of(&item.meta) {
            Phase::Orphaning => self.orphan(&item).await,
            Phase::Waiting if self.graph.lock().is_blocked(&item.meta.uid) => Ok(()),
            Phase::Waiting => self.release(&item, FOREGROUND).await,
            // Its dependents are processed once it is gone.
            Phase::Ordinary if item.meta.is_deleting() => Ok(()),
            Phase::Ordinary => self.collect(&item).await,
        }
    }

    async fn item<'a>(&self, key: &'a str) -> Result<Option<Item<'a>>, Status> {
        let Some(place) = self.registry.place(key) else {
            return Ok(None);
        };
        let found = self
            .registry
            .storage()
            .get(key, ReadAt::NotOlderThan(0))
            .await;
        let found = found.map_err(|error| Status::unavailable(error.to_string()))?;
        let Some(entry) = found.entry else {
            return Ok(None);
        };
        let meta = HeadMeta::read(&entry)
            .map_err(|error| Status::internal(format!("cannot read {key}: {error}")))?;
        Ok(Some(Item { place, meta, entry }))
    }

    /// Deletes an object whose owners are all gone or being deleted; from one that has other owners, removes
    /// those.
    async fn collect(&self, item: &Item<'_>) -> Result<(), Status> {
        if item.meta.owner_references.is_empty() {
            return Ok(());
        }
        let references = &item.meta.owner_references;
        let owners = match self.owners(item.place.namespace, references).await {
            Ok(owners) => owners,
            Err(Unclear::Unreachable(kind, reference)) => {
                self.report(item, &kind, &reference).await;
                return Ok(());
            }
            Err(Unclear::Later(status)) => return Err(status),
        };
        self.report_elsewhere(item, &owners.gone).await;
        if owners.solid {
            let lost: Vec<_> = owners.gone.into_iter().chain(owners.waiting).collect();
            return self.disown(item, &lost).await;
        }
        let uid = &item.meta.uid;
        let (parent, circle) = {
            let graph = self.graph.lock();
            (graph.has_dependents(uid), graph.dependent_waits(uid))
        };
        if owners.waiting.is_empty() || !parent {
            return self.delete(item, propagation(&item.meta)).await;
        }
        if circle {
            // A dependent may wait for the owner that waits for it.
            self.unblock(item).await?;
            return match self.item(&item.entry.key).await? {
                Some(unblocked) => self.delete(&unblocked, Propagation::Foreground).await,
                None => Ok(()),
            };
        }
        self.delete(item, Propagation::Foreground).await
    }

    /// Orphans the dependents of an object, and then removes the finalizer.
    async fn orphan(&self, item: &Item<'_>) -> Result<(), Status> {
        let dependents = self.graph.lock().dependents_of(&item.meta.uid);
        // All of them, even if one fails.
        let failed = Mutex::new(None);
        stream::iter(dependents)
            .for_each_concurrent(AT_ONCE, |key| {
                let failed = &failed;
                async move {
                    if let Err(status) = self.let_go(&key, &item.meta.uid).await {
                        failed.lock().get_or_insert(status);
                    }
                }
            })
            .await;
        match failed.into_inner() {
            Some(status) => Err(status),
            None => self.release(item, ORPHAN).await,
        }
    }

    async fn let_go(&self, key: &str, owner: &str) -> Result<(), Status> {
        let Some(dependent) = self.item(key).await? else {
            return Ok(());
        };
        let mut references = dependent.meta.owner_references.iter();
        let lost: Vec<_> = references
            .find(|r| r.uid == owner)
            .cloned()
            .into_iter()
            .collect();
        match self.disown(&dependent, &lost).await {
            Err(status) if status.code == 404 => Ok(()),
            done => done,
        }
    }

    async fn disown(&self, item: &Item<'_>, lost: &[OwnerReference]) -> Result<(), Status> {
        if lost.is_empty() {
            return Ok(());
        }
        let keep = |owner: &OwnerReference| lost.iter().all(|lost| lost.uid != owner.uid);
        self.change(item, |object| {
            if let Some(owners) = object.metadata_mut().owner_references.as_mut() {
                owners.retain(keep);
            }
        })
        .await
    }

    async fn unblock(&self, item: &Item<'_>) -> Result<(), Status> {
        self.change(item, |object| {
            for owner in object.metadata_mut().owner_references.iter_mut().flatten() {
                if owner.block_owner_deletion == Some(true) {
                    owner.block_owner_deletion = Some(false);
                }
            }
        })
        .await
    }

    /// Removes a finalizer.
    async fn release(&self, item: &Item<'_>, finalizer: &str) -> Result<(), Status> {
        self.change(item, |object| {
            if let Some(finalizers) = object.metadata_mut().finalizers.as_mut() {
                finalizers.retain(|f| f != finalizer);
            }
        })
        .await
    }

    async fn change(
        &self,
        item: &Item<'_>,
        change: impl Fn(&mut dyn Object) + Send + Sync,
    ) -> Result<(), Status> {
        let edited = edit_same(&self.registry, &self.scope(item), &item.meta.uid, change).await;
        edited.map(drop)
    }

    async fn delete(&self, item: &Item<'_>, propagation: Propagation) -> Result<(), Status> {
        let options = DeleteOptions {
            uid: Some(item.meta.uid.clone()),
            // Not if it has been given an owner meanwhile.
            resource_version: Some(item.entry.revision.to_string()),
            propagation: Some(propagation),
            grace_period: None,
        };
        let deleted = self.registry.delete(&self.scope(item), &options).await;
        deleted.map(drop)
    }

    fn scope<'a>(&'a self, item: &'a Item<'_>) -> Scope<'a> {
        let Place {
            resource,
            namespace,
            name,
        } = &item.place;
        Scope::all(resource, &self.user).named(namespace, name)
    }
}

/// The propagation that an object's own finalizers request.
fn propagation(meta: &HeadMeta) -> Propagation {
    if meta.has_finalizer(ORPHAN) {
        Propagation::Orphan
    } else if meta.has_finalizer(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}
