//! Nodes without heartbeats: they become `Unknown` and tainted, and their pods are deleted when they no
//! longer tolerate that (upstream: `pkg/controller/nodelifecycle`, `pkg/controller/tainteviction`).
//!
//! Clocks are not compared: a node is silent for as long as neither its status nor its lease has changed, by
//! the clock of this server.

mod conditions;
mod eviction;
mod health;
mod taints;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use parking_lot::Mutex;
use portcullis_api::selector::FieldSelector;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_storage::ReadAt;
use tokio::time::Instant;

use self::health::Nodes;
use crate::edit::{edit, edit_same};
use crate::follow::{follow, news, pods_in_use, seen_only};
use crate::queue::Queue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

const LEASES: &str = "kube-node-lease";
/// How many nodes are processed concurrently (upstream: `UpdateWorkerSize`).
const AT_ONCE: usize = 8;

/// How long a node may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A node without any status yet (upstream: `--node-startup-grace-period`).
    pub startup: Duration,
    /// Any other node (upstream: `--node-monitor-grace-period`).
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            startup: Duration::from_secs(60),
            grace: Duration::from_secs(40),
        }
    }
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, patience: Patience) {
    let user = UserInfo::service_account("kube-system", "node-controller");
    let lifecycle = Lifecycle {
        nodes: Mutex::new(Nodes::new(patience)),
        queue: Queue::default().counted("node_lifecycle_controller", registry.work_queues()),
        registry,
        user,
    };
    let work = lifecycle.queue.serve(AT_ONCE, |name| {
        let lifecycle = &lifecycle;
        async move {
            lifecycle
                .attempt(&name, Instant::now())
                .await
                .map(|()| true)
        }
    });
    tokio::join!(lifecycle.watch(), work);
}

struct Lifecycle {
    registry: Arc<Registry>,
    user: UserInfo,
    nodes: Mutex<Nodes>,
    queue: Queue,
}

impl Lifecycle {
    async fn watch(&self) {
        let of = || (self.registry.clone(), self.user.clone());
        let ((registry, user), (again, whose)) = (of(), of());
        let mut nodes = news::<Node>(registry, user, table::NODES);
        let mut leases = follow::<Lease>(again, whose, table::LEASES);
        let (registry, user) = of();
        let mut pods = seen_only(pods_in_use(registry, user));
        loop {
            let due = tokio::select! {
                Some(news) = nodes.next() => self.nodes.lock().node(news, Instant::now()),
                Some(seen) = leases.next() => {
                    let lease = seen.object;
                    if !seen.gone && lease.metadata.namespace.as_deref() == Some(LEASES) {
                        self.nodes.lock().lease(&lease, Instant::now());
                    }
                    continue;
                }
                Some(seen) = pods.next() => {
                    let node = seen.object.spec.and_then(|spec| spec.node_name);
                    let evicts = |node: &String| self.nodes.lock().evicts(node);
                    node.filter(|node| !seen.gone && evicts(node)).into_iter().collect()
                }
                else => return,
            };
            for name in due {
                self.queue.add(name.into(), Duration::ZERO);
            }
        }
    }

    /// Does what is due for a node now, and notes when more is due.
    async fn attempt(&self, name: &str, now: Instant) -> Result<(), Status> {
        let scope = Scope::all(table::NODES, &self.user).named("", name);
        let entry = self.registry.get(&scope, ReadAt::Latest).await?;
        let object = codec::object(table::NODES, &entry)?;
        let Some(node) = object.as_kind::<Node>() else {
            return Ok(());
        };
        let uid = node.metadata.uid.as_deref().unwrap_or_default();
        let left = self.nodes.lock().left(name, now);
        let mut node = node.clone();
        if left.is_zero() {
            let status = Scope {
                subresource: "status",
                ..scope
            };
            let at = Timestamp::now();
            edit_same(&self.registry, &status, uid, |object| {
                if let Some(node) = object.as_kind_mut::<Node>() {
                    health::give_up(node, at);
                }
            })
            .await?;
            health::give_up(&mut node, at);
        } else {
            self.queue.add(name.into(), left);
        }
        if self.nodes.lock().stopped(name) {
            self.end_readiness(name).await?;
            self.nodes.lock().pods_marked(name);
        }
        self.taint(&scope, uid, &mut node).await?;
        self.evict(name, &node).await
    }

    /// Adds and removes taints according to a node's status.
    async fn taint(&self, scope: &Scope<'_>, uid: &str, node: &mut Node) -> Result<(), Status> {
        let is_alone = conditions::is_ready(node) == Some(false) && self.all_are_silent().await?;
        let at = Timestamp::now();
        let wanted = taints::wanted(node, is_alone, at);
        if wanted == taints::of(node) {
            return Ok(());
        }
        edit_same(&self.registry, scope, uid, |object| {
            if let Some(node) = object.as_kind_mut::<Node>() {
                let wanted = taints::wanted(node, is_alone, at);
                let spec = node.spec.get_or_insert_default();
                spec.taints = Some(wanted).filter(|taints| !taints.is_empty());
            }
        })
        .await?;
        node.spec.get_or_insert_default().taints = Some(wanted);
        Ok(())
    }

    /// Whether no node is ready: then more likely this server cannot be reached, and no pod is deleted
    /// (upstream: `stateFullDisruption`).
    async fn all_are_silent(&self) -> Result<bool, Status> {
        let nodes: Vec<Node> = self.list(table::NODES, None).await?;
        Ok(nodes
            .iter()
            .all(|node| conditions::is_ready(node) == Some(false)))
    }

    /// Marks the pods of a node that stopped being ready as not ready.
    async fn end_readiness(&self, node: &str) -> Result<(), Status> {
        for pod in self
            .pods(node)
            .await?
            .iter()
            .filter(|pod| eviction::is_ready(pod))
        {
            let (namespace, name) = eviction::place(pod);
            let scope = Scope {
                subresource: "status",
                ..Scope::all(table::PODS, &self.user).named(namespace, name)
            };
            let at = Timestamp::now();
            match edit(&self.registry, &scope, |pod| {
                eviction::end_readiness(pod, at)
            })
            .await
            {
                Err(status) if status.code != 404 => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes the pods of a node that no longer tolerate its taints.
    async fn evict(&self, name: &str, node: &Node) -> Result<(), Status> {
        let taints = taints::evicting(node);
        if taints.is_empty() {
            return Ok(());
        }
        let now = Timestamp::now();
        for pod in self.pods(name).await? {
            let Some(left) = eviction::left(&pod, &taints, now) else {
                continue;
            };
            if !left.is_zero() {
                self.queue.add(name.into(), left);
                continue;
            }
            let (namespace, of) = eviction::place(&pod);
            let scope = Scope::all(table::PODS, &self.user).named(namespace, of);
            let options = DeleteOptions {
                uid: pod.metadata.uid.clone(),
                ..DeleteOptions::default()
            };
            match self.registry.delete(&scope, &options).await {
                Err(status) if !matches!(status.code, 404 | 409) => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }

    async fn pods(&self, node: &str) -> Result<Vec<Pod>, Status> {
        let on = FieldSelector::parse(&format!("spec.nodeName={node}"));
        let on = on.map_err(|why| Status::internal(why.to_string()))?;
        self.list(table::PODS, Some(on)).await
    }

    async fn list<K: Object + Clone>(
        &self,
        resource: &'static Resource,
        fields: Option<FieldSelector>,
    ) -> Result<Vec<K>, Status> {
        let query = ListQuery {
            selection: Selection {
                fields: fields.unwrap_or_default(),
                ..Selection::default()
            },
            at: ReadAt::NotOlderThan(0),
            limit: 0,
            continues: None,
        };
        let scope = Scope::all(resource, &self.user);
        let entries = self.registry.list(&scope, &query).await?.entries;
        let objects = entries.iter().filter_map(|entry| {
            let object = codec::object(resource, entry).ok()?;
            object.as_kind::<K>().cloned()
        });
        Ok(objects.collect())
    }
}
