//! Empties namespaces that are being deleted, and removes them
//! (upstream: `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`).

mod conditions;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::{Status, UserInfo, Verb};
use portcullis_storage::ReadAt;

use self::conditions::{Emptied, Remaining};
use crate::edit::edit_same;
use crate::follow::follow;
use crate::queue::Queue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::delete::{DeleteOptions, Propagation};
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

/// The finalizer in a namespace's spec that this controller removes once the namespace is empty.
const FINALIZER: &str = "kubernetes";
/// The cause in admission's error (upstream: `NamespaceTerminatingCause`).
const TERMINATING: &str = "NamespaceTerminating";
/// The longest pause for objects with finalizers or grace periods.
const AGAIN_MAX: Duration = Duration::from_secs(1);
/// How many namespaces are emptied concurrently (upstream: `--concurrent-namespace-syncs`).
const AT_ONCE: usize = 10;

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "namespace-controller");
    let queue = Queue::patient_for(AGAIN_MAX).counted("namespace", registry.work_queues());
    let mut namespaces = follow::<Namespace>(registry.clone(), user.clone(), table::NAMESPACES);
    let watch = async {
        while let Some(seen) = namespaces.next().await {
            if !seen.gone && is_ours(&seen.object) {
                let name = seen.object.metadata.name.unwrap_or_default();
                queue.add(name.into(), Duration::ZERO);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |name| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { attempt(&registry, &user, &name).await }
    });
    tokio::join!(watch, work);
}

/// Whether a namespace is being deleted and waits for this controller.
fn is_ours(namespace: &Namespace) -> bool {
    let finalizers = namespace.spec.as_ref().and_then(|s| s.finalizers.as_ref());
    namespace.metadata.deletion_timestamp.is_some()
        && finalizers.into_iter().flatten().any(|f| f == FINALIZER)
}

/// Empties a namespace; returns whether nothing remains to be done.
async fn attempt(registry: &Registry, user: &UserInfo, name: &str) -> Result<bool, Status> {
    let scope = Scope::all(table::NAMESPACES, user).named("", name);
    let entry = registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(table::NAMESPACES, &entry)?;
    let Some(namespace) = object.as_kind::<Namespace>().filter(|n| is_ours(n)) else {
        return Ok(true);
    };
    let uid = namespace.metadata.uid.as_deref().unwrap_or_default();
    let emptied = empty(registry, user, name).await;
    if emptied.is_all() {
        let scope = Scope {
            subresource: "finalize",
            ..scope
        };
        edit_same(registry, &scope, uid, |object| {
            let namespace = object.as_kind_mut::<Namespace>();
            let spec = namespace.and_then(|n| n.spec.as_mut());
            if let Some(finalizers) = spec.and_then(|s| s.finalizers.as_mut()) {
                finalizers.retain(|f| f != FINALIZER);
            }
        })
        .await?;
        return Ok(true);
    }
    let scope = Scope {
        subresource: "status",
        ..scope
    };
    edit_same(registry, &scope, uid, |object| {
        if let Some(namespace) = object.as_kind_mut::<Namespace>() {
            let known = &mut namespace.status.get_or_insert_default().conditions;
            conditions::update(known.get_or_insert_default(), &emptied);
        }
    })
    .await?;
    match emptied.failures.into_iter().next() {
        Some(status) => Err(status),
        None => Ok(false),
    }
}

/// Whether a request was denied because its namespace is being deleted.
pub(super) fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.into_iter().any(|c| c.reason == TERMINATING)
}

/// Deletes all objects that can be deleted, of every kind, even if others fail.
async fn empty(registry: &Registry, user: &UserInfo, name: &str) -> Emptied {
    let catalogue = registry.catalogue();
    let kinds = catalogue
        .rows()
        .iter()
        .filter(|r| r.namespaced && r.supports(Verb::DeleteCollection));
    let mut emptied = Emptied::default();
    for of_kind in join_all(kinds.map(|kind| empty_of(registry, user, name, kind))).await {
        match of_kind {
            Ok(remaining) => emptied.remaining.extend(remaining),
            Err(status) => emptied.failures.push(status),
        }
    }
    emptied
}

async fn empty_of(
    registry: &Registry,
    user: &UserInfo,
    namespace: &str,
    kind: &Resource,
) -> Result<Option<Remaining>, Status> {
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::Latest,
        limit: 0,
        continues: None,
    };
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    let scope = Scope::all(kind, user).named(namespace, "");
    let found = registry.delete_collection(&scope, &query, &options).await?;
    if found.entries.is_empty() {
        return Ok(None);
    }
    let left = registry.list(&scope, &query).await?.entries;
    Ok(Remaining::of(kind, &left))
}
