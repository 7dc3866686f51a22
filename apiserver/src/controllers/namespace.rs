//! Empties namespaces that are being deleted, and lets them go
//! (upstream: `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use portcullis_api::{Status, UserInfo, Verb};
use portcullis_storage::ReadAt;

use super::edit::edit;
use super::follow::{Seen, follow};
use crate::registry::collection::ListQuery;
use crate::registry::delete::{DeleteOptions, Propagation};
use crate::registry::facts::Selection;
use crate::registry::metadata;
use crate::registry::resource::Resource;
use crate::registry::{Registry, Scope, table};

/// What this controller removes from a namespace's spec when nothing is left in it.
const FINALIZER: &str = "kubernetes";
/// How long to wait for what finalizers or grace periods hold.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs for as long as the server does.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "namespace-controller");
    let deletions = tokio_util::task::TaskTracker::new();
    let stop = Stop(tokio_util::sync::CancellationToken::new());
    let mut namespaces = follow::<Namespace>(registry.clone(), user.clone(), table::NAMESPACES);
    while let Some(seen) = namespaces.next().await {
        let Some(name) = seen.object.metadata.name.clone().filter(|_| begins(&seen)) else {
            continue;
        };
        // One namespace that cannot be emptied must not hold up the others.
        let (registry, user) = (registry.clone(), user.clone());
        let deletion = async move { delete(&registry, &user, &name).await };
        deletions.spawn(stop.0.clone().run_until_cancelled_owned(deletion));
    }
}

/// Ends the deletions under way when the controller ends.
struct Stop(tokio_util::sync::CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Whether there is something to do for a namespace.
fn begins(seen: &Seen<Namespace>) -> bool {
    let spec = seen.object.spec.as_ref();
    let held = spec
        .and_then(|s| s.finalizers.as_ref())
        .is_some_and(|f| f.iter().any(|f| f == FINALIZER));
    let conditions = seen
        .object
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_ref());
    // Conditions are this controller's own writing, which must not call it again.
    !seen.gone
        && held
        && seen.object.metadata.deletion_timestamp.is_some()
        && conditions.is_none_or(Vec::is_empty)
}

async fn delete(registry: &Registry, user: &UserInfo, name: &str) {
    let mut told = false;
    loop {
        match empty(registry, user, name).await {
            Ok(remaining) if remaining.is_empty() => break,
            Ok(remaining) if told => tracing::debug!(
                namespace = name,
                resources = remaining.len(),
                "not empty yet"
            ),
            Ok(remaining) => {
                told = true;
                let conditions = conditions(&remaining);
                let tell = |namespace: &mut Namespace| {
                    namespace.status.get_or_insert_default().conditions = Some(conditions.clone());
                };
                report(name, change(registry, user, name, "status", tell).await);
            }
            Err(status) => report(name, Err(status)),
        }
        tokio::time::sleep(AGAIN).await;
    }
    report(
        name,
        change(registry, user, name, "finalize", finalize).await,
    );
}

fn report(namespace: &str, result: Result<(), Status>) {
    match result {
        Err(status) if status.code != 404 => {
            tracing::warn!(
                namespace,
                error = status.message,
                "the namespace cannot be deleted yet"
            );
        }
        _ => {}
    }
}

/// Deletes all that can be deleted; returns how many objects of which resource remain.
async fn empty(
    registry: &Registry,
    user: &UserInfo,
    name: &str,
) -> Result<Vec<(&'static Resource, usize)>, Status> {
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
    let mut remaining = Vec::new();
    for resource in table::RESOURCES
        .iter()
        .filter(|r| r.namespaced && r.supports(Verb::DeleteCollection))
    {
        let scope = Scope::all(resource, user).named(name, "");
        registry.delete_collection(&scope, &query, &options).await?;
        let left = registry.list(&scope, &query).await?.entries.len();
        if left > 0 {
            remaining.push((resource, left));
        }
    }
    Ok(remaining)
}

async fn change(
    registry: &Registry,
    user: &UserInfo,
    name: &str,
    subresource: &str,
    change: impl Fn(&mut Namespace) + Send + Sync,
) -> Result<(), Status> {
    let scope = Scope {
        subresource,
        ..Scope::all(table::NAMESPACES, user).named("", name)
    };
    edit(registry, &scope, change).await.map(drop)
}

/// Takes this controller's finalizer away.
fn finalize(namespace: &mut Namespace) {
    if let Some(finalizers) = namespace.spec.as_mut().and_then(|s| s.finalizers.as_mut()) {
        finalizers.retain(|f| f != FINALIZER);
    }
}

/// What remains, in upstream's words.
fn conditions(remaining: &[(&Resource, usize)]) -> Vec<NamespaceCondition> {
    let list: Vec<_> = remaining
        .iter()
        .map(|(r, n)| format!("{} has {n} resource instances", r.group_resource()))
        .collect();
    vec![NamespaceCondition {
        type_: "NamespaceContentRemaining".into(),
        status: "True".into(),
        reason: Some("SomeResourcesRemain".into()),
        message: Some(format!("Some resources are remaining: {}", list.join(", "))),
        last_transition_time: Some(metadata::now()),
    }]
}
