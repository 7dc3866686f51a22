//! Fills cluster roles that are made of others: `admin`, `edit`, `view` and users' own
//! (upstream: `pkg/controller/clusterroleaggregation`).

use std::sync::Arc;

use futures_util::StreamExt;
use k8s_openapi::api::rbac::v1::ClusterRole;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::aggregation::aggregated_rules;
use portcullis_storage::ReadAt;

use super::edit::edit;
use super::follow::follow;
use crate::registry::collection::ListQuery;
use crate::registry::facts::Selection;
use crate::registry::{Registry, Scope, codec, table};

/// How many changes are aggregated together at most.
const BATCH: usize = 1000;

/// Runs for as long as the server does.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "clusterrole-aggregation-controller");
    let mut seen = follow::<ClusterRole>(registry.clone(), user.clone(), table::CLUSTER_ROLES)
        .ready_chunks(BATCH);
    // Many roles change at once, at a start: they are aggregated together.
    while seen.next().await.is_some() {
        if let Err(status) = reconcile(&registry, &user).await {
            tracing::warn!(
                error = status.message,
                "cluster roles could not be aggregated"
            );
        }
    }
}

async fn reconcile(registry: &Registry, user: &UserInfo) -> Result<(), Status> {
    let scope = Scope::all(table::CLUSTER_ROLES, user);
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::Latest,
        limit: 0,
        continues: None,
    };
    let list = registry.list(&scope, &query).await?;
    let mut all = Vec::with_capacity(list.entries.len());
    for entry in &list.entries {
        all.extend(
            codec::object(table::CLUSTER_ROLES, entry)?
                .as_kind::<ClusterRole>()
                .cloned(),
        );
    }
    for role in &all {
        let Some(rules) =
            aggregated_rules(role, &all).filter(|rules| role.rules.as_ref() != Some(rules))
        else {
            continue;
        };
        let name = role.metadata.name.as_deref().unwrap_or_default();
        // One role that cannot be filled must not hold up the others.
        let fill = |role: &mut ClusterRole| {
            if role.aggregation_rule.is_some() {
                role.rules = Some(rules.clone());
            }
        };
        match edit(registry, &scope.named("", name), fill).await {
            Err(status) if status.code != 404 => {
                tracing::warn!(
                    role = name,
                    error = status.message,
                    "a role could not be filled"
                );
            }
            _ => {}
        }
    }
    Ok(())
}
