//! Fills aggregated cluster roles: `admin`, `edit`, `view` and users' own
//! (upstream: `pkg/controller/clusterroleaggregation`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::rbac::v1::ClusterRole;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::aggregation::aggregated_rules;
use portcullis_storage::{Entry, ReadAt};

use crate::edit::edit;
use crate::follow::follow;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

/// How many changes are aggregated together at most.
const BATCH: usize = 1000;

/// The only key: any change has the same effect.
const ALL: &str = "clusterroles";

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "clusterrole-aggregation-controller");
    let mut seen = follow::<ClusterRole>(registry.clone(), user.clone(), table::CLUSTER_ROLES)
        .ready_chunks(BATCH);
    let queue = Queue::default().counted("ClusterRoleAggregator", registry.work_queues());
    let watch = async {
        // Many roles change together at a start: they are aggregated in one pass.
        while seen.next().await.is_some() {
            queue.add(ALL.into(), Duration::ZERO);
        }
    };
    let work = queue.serve(1, |_| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { reconcile(&registry, &user).await }
    });
    tokio::join!(watch, work);
}

/// Fills all aggregated roles; returns whether all of them could be filled.
async fn reconcile(registry: &Registry, user: &UserInfo) -> Result<bool, Status> {
    let scope = Scope::all(table::CLUSTER_ROLES, user);
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::Latest,
        limit: 0,
        continues: None,
    };
    let list = registry.list(&scope, &query).await?;
    let all: Vec<_> = list.entries.iter().filter_map(|e| read(e)).collect();
    let mut done = true;
    for role in &all {
        let Some(rules) =
            aggregated_rules(role, &all).filter(|rules| role.rules.as_ref() != Some(rules))
        else {
            continue;
        };
        let name = role.metadata.name.as_deref().unwrap_or_default();
        // A role that cannot be filled must not delay the others.
        let fill = |role: &mut ClusterRole| {
            if role.aggregation_rule.is_some() {
                role.rules = Some(rules.clone());
            }
        };
        match edit(registry, &scope.named("", name), fill).await {
            Err(status) if status.code != 404 => {
                done = false;
                let error = status.message;
                tracing::warn!(
                    role = name,
                    error,
                    "the rules of a role could not be aggregated"
                );
            }
            _ => {}
        }
    }
    Ok(done)
}

/// A role; an unreadable one grants nothing.
fn read(entry: &Entry) -> Option<ClusterRole> {
    match codec::object(table::CLUSTER_ROLES, entry) {
        Ok(object) => object.as_kind().cloned(),
        Err(status) => {
            let error = status.message;
            tracing::debug!(key = %entry.key, error, "an unreadable role is not aggregated");
            None
        }
    }
}
