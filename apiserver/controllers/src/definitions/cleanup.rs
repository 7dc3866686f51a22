//! The end of a definition: its objects are deleted first (upstream:
//! `pkg/controller/finalizer/crd_finalizer.go`).

use futures_util::future::join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::kinds::custom_resource_definition::{
    CLEANUP, ESTABLISHED, TERMINATING, is_true, set_condition,
};
use portcullis_registry::delete::{DeleteOptions, Propagation};
use portcullis_registry::{Registry, Scope};
use portcullis_storage::{ListRequest, ReadAt};

use crate::edit::edit_same;

/// How many objects are deleted concurrently.
const AT_ONCE: usize = 64;

/// Deletes the objects of a definition that is being deleted, and then removes its finalizer; returns whether
/// nothing remains to be done.
pub(super) async fn clean_up(
    registry: &Registry,
    user: &UserInfo,
    scope: &Scope<'_>,
    definition: &CustomResourceDefinition,
) -> Result<bool, Status> {
    let uid = definition.metadata.uid.as_deref().unwrap_or_default();
    if is_true(definition, ESTABLISHED) {
        let begun = "CustomResource deletion is in progress";
        note(
            registry,
            scope,
            uid,
            true,
            "InstanceDeletionInProgress",
            begun,
        )
        .await?;
        let left = delete_objects(registry, user, definition).await?;
        if left > 0 {
            return Ok(false);
        }
        let done = "removed all instances";
        note(
            registry,
            scope,
            uid,
            false,
            "InstanceDeletionCompleted",
            done,
        )
        .await?;
    } else {
        let never = "resource was never established";
        note(registry, scope, uid, false, "NeverEstablished", never).await?;
    }
    let released = edit_same(registry, scope, uid, |object| {
        let finalizers = object.metadata_mut().finalizers.get_or_insert_default();
        finalizers.retain(|f| f != CLEANUP);
    });
    unless_gone(released.await.map(drop))?;
    Ok(true)
}

/// Writes the progress of the deletion.
async fn note(
    registry: &Registry,
    scope: &Scope<'_>,
    uid: &str,
    terminating: bool,
    reason: &str,
    message: &str,
) -> Result<(), Status> {
    let status = Scope {
        subresource: "status",
        ..*scope
    };
    let noted = edit_same(registry, &status, uid, |object| {
        if let Some(definition) = object.as_kind_mut::<CustomResourceDefinition>() {
            set_condition(definition, TERMINATING, terminating, reason, message);
        }
    });
    unless_gone(noted.await.map(drop))
}

/// Deletes the objects that can be deleted, and returns how many are left.
async fn delete_objects(
    registry: &Registry,
    user: &UserInfo,
    definition: &CustomResourceDefinition,
) -> Result<usize, Status> {
    let spec = &definition.spec;
    let catalogue = registry.catalogue();
    // by its names: there may be no served version left
    let mut rows = catalogue.rows().iter();
    let row = rows.find(|row| row.group == spec.group && row.plural == spec.names.plural);
    let Some(resource) = row else {
        let why = format!(
            "{}.{} is not in the catalogue",
            spec.names.plural, spec.group
        );
        return Err(Status::internal(why));
    };
    let objects = async || {
        let request = ListRequest {
            at: ReadAt::Latest,
            ..ListRequest::all()
        };
        let prefix = registry.collection_key(resource, "");
        let page = registry.storage().list(&prefix, &request).await;
        page.map_err(|error| Status::unavailable(error.to_string()))
    };
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    // one that cannot be deleted does not keep the others
    let mut failed = None;
    for entries in objects().await?.entries.chunks(AT_ONCE) {
        let deletions = entries.iter().filter_map(|entry| {
            let place = registry.place(&entry.key)?;
            let options = &options;
            Some(async move {
                let scope = Scope::all(resource, user).named(place.namespace, place.name);
                registry.delete(&scope, options).await.map(drop)
            })
        });
        let deleted = join_all(deletions).await.into_iter().map(unless_gone);
        failed = failed.or(deleted.filter_map(Result::err).next_back());
    }
    match failed {
        Some(status) => Err(status),
        None => Ok(objects().await?.entries.len()),
    }
}

/// An object that is gone counts as deleted.
fn unless_gone(outcome: Result<(), Status>) -> Result<(), Status> {
    match outcome {
        Err(status) if status.reason == Some(Reason::NotFound) => Ok(()),
        outcome => outcome,
    }
}
