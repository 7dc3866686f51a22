//! Deletes pods that no kubelet will end (upstream: `pkg/controller/podgc`).
//!
//! These are pods whose nodes are gone, pods that are being deleted and never were on a node, and the oldest
//! of those that have ended, if there are too many.

mod known;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use self::known::{Due, Known, Reason};
use crate::follow::{news, pods_in_use};
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Registry, Scope, codec};

/// How many pods are processed concurrently.
const AT_ONCE: usize = 16;

/// The limits for pods.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many ended pods are kept (upstream: `--terminated-pod-gc-threshold`).
    pub ended_max: usize,
    /// How long a node must have been gone (upstream: `quarantineTime`).
    pub quarantine: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ended_max: 12_500,
            quarantine: Duration::from_secs(40),
        }
    }
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, limits: Limits) {
    let user = UserInfo::service_account("kube-system", "pod-garbage-collector");
    let mut pods = pods_in_use(registry.clone(), user.clone());
    let mut nodes = news::<Node>(registry.clone(), user.clone(), table::NODES);
    let queue = Queue::default().counted("pod_garbage_collector", registry.work_queues());
    let mut known = Known::new(limits.ended_max);
    let watch = async {
        loop {
            let due = tokio::select! {
                Some(news) = pods.next() => known.pod(news),
                Some(news) = nodes.next() => known.node(news),
                else => return,
            };
            for Due { reason, place } in due {
                let after = match reason {
                    Reason::Orphaned => limits.quarantine,
                    Reason::NeverBound | Reason::Excess => Duration::ZERO,
                };
                queue.add(format!("{}:{place}", reason.as_str()).into(), after);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |key| {
        let (registry, user) = (&registry, &user);
        async move { attempt(registry, user, &key).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

async fn attempt(registry: &Registry, user: &UserInfo, key: &str) -> Result<(), Status> {
    let (reason, place) = key.split_once(':').unwrap_or_default();
    let (namespace, name) = place.split_once('/').unwrap_or_default();
    let scope = Scope::all(table::PODS, user).named(namespace, name);
    let entry = registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(table::PODS, &entry)?;
    let Some(pod) = object.as_kind::<Pod>() else {
        return Ok(());
    };
    let still = match Reason::of(reason) {
        Some(Reason::Orphaned) => is_orphaned(registry, user, pod).await?,
        Some(Reason::NeverBound) => known::is_never_bound(pod),
        Some(Reason::Excess) => known::has_ended(pod),
        None => false,
    };
    if !still {
        return Ok(());
    }
    let options = DeleteOptions {
        grace_period: Some(0),
        uid: pod.metadata.uid.clone(),
        ..DeleteOptions::default()
    };
    match registry.delete(&scope, &options).await {
        // the name now belongs to another pod
        Err(status) if status.code == 409 => Ok(()),
        deleted => deleted.map(drop),
    }
}

async fn is_orphaned(registry: &Registry, user: &UserInfo, pod: &Pod) -> Result<bool, Status> {
    let Some(node) = known::node_of(pod) else {
        return Ok(false);
    };
    let scope = Scope::all(table::NODES, user).named("", node);
    match registry.get(&scope, ReadAt::Latest).await {
        Err(status) if status.code == 404 => Ok(true),
        found => found.map(|_| false),
    }
}
