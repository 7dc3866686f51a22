//! The last heartbeats of nodes.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use super::conditions::{READY, condition, is_ready};
use super::{Patience, taints};
use crate::follow::News;

/// The conditions that only a kubelet can report.
const REPORTED: [&str; 4] = [READY, "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The state of all nodes.
pub(super) struct Nodes {
    patience: Patience,
    by_name: HashMap<String, Health>,
}

struct Health {
    /// When its last heartbeat was seen, by this server's clock.
    heard: Instant,
    /// The time in that heartbeat.
    heartbeat: Option<Timestamp>,
    renewed: Option<Timestamp>,
    /// Whether it is ready; `None` if that is not known.
    ready: Option<bool>,
    /// Whether it has stopped being ready, and its pods have not been marked yet.
    stopped: bool,
    /// Whether it has taints by which pods are deleted.
    evicts: bool,
}

impl Nodes {
    pub(super) fn new(patience: Patience) -> Self {
        let by_name = HashMap::new();
        Self { patience, by_name }
    }

    /// Processes an event of a node; returns the nodes that are due.
    pub(super) fn node(&mut self, news: News<Node>, now: Instant) -> Vec<String> {
        let seen = match news {
            News::Of(seen) => seen,
            // a node that does not follow is missing when it is due
            News::Anew => return Vec::new(),
        };
        let node = seen.object;
        let name = node.metadata.name.clone().unwrap_or_default();
        if seen.gone {
            self.by_name.remove(&name);
            return self.silent();
        }
        let condition = condition(&node, READY);
        let heartbeat = condition
            .and_then(|c| c.last_heartbeat_time.as_ref())
            .map(|at| at.0);
        let health = self.by_name.entry(name.clone()).or_insert(Health {
            heard: now,
            heartbeat,
            renewed: None,
            ready: is_ready(&node),
            stopped: false,
            evicts: false,
        });
        if health.heartbeat != heartbeat {
            health.heartbeat = heartbeat;
            health.heard = now;
        }
        let was = std::mem::replace(&mut health.ready, is_ready(&node));
        health.stopped |= was == Some(true) && health.ready != Some(true);
        health.evicts = !taints::evicting(&node).is_empty();
        let has_turned = was != health.ready;
        let mut due = vec![name];
        if has_turned {
            // whether pods are deleted depends on the other nodes
            due.extend(self.silent());
        }
        due
    }

    fn silent(&self) -> Vec<String> {
        let silent = self
            .by_name
            .iter()
            .filter(|(_, health)| health.ready == Some(false));
        silent.map(|(name, _)| name.clone()).collect()
    }

    /// Processes a node's lease.
    pub(super) fn lease(&mut self, lease: &Lease, now: Instant) {
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        let renewed = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.renew_time.as_ref());
        let renewed = renewed.map(|at| at.0);
        if let Some(health) = self.by_name.get_mut(name)
            && health.renewed < renewed
        {
            health.renewed = renewed;
            health.heard = now;
        }
    }

    /// How long a node may stay silent.
    pub(super) fn left(&self, name: &str, now: Instant) -> Duration {
        // a node that is not known yet will follow
        let Some(health) = self.by_name.get(name) else {
            return self.patience.startup;
        };
        let patience = match health.ready {
            None => self.patience.startup,
            Some(_) => self.patience.grace,
        };
        (health.heard + patience).saturating_duration_since(now)
    }

    /// Whether the pods of a node have to be marked as not ready.
    pub(super) fn stopped(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|health| health.stopped)
    }

    /// Notes that they have been.
    pub(super) fn pods_marked(&mut self, name: &str) {
        if let Some(health) = self.by_name.get_mut(name) {
            health.stopped = false;
        }
    }

    /// Whether pods that do not tolerate a node's taints are deleted.
    pub(super) fn evicts(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|health| health.evicts)
    }
}

/// Sets the conditions of a silent node to unknown (upstream: `tryUpdateNodeHealth`).
pub(super) fn give_up(node: &mut Node, at: Timestamp) {
    let made = node.metadata.creation_timestamp.clone();
    let conditions = node.status.get_or_insert_default();
    let conditions = conditions.conditions.get_or_insert_default();
    for kind in REPORTED {
        let known = conditions
            .iter_mut()
            .find(|condition| condition.type_ == kind);
        match known {
            Some(condition) if condition.status == "Unknown" => {}
            Some(condition) => {
                condition.status = "Unknown".to_owned();
                condition.reason = Some("NodeStatusUnknown".to_owned());
                let message = "Kubelet stopped posting node status.";
                condition.message = Some(message.to_owned());
                condition.last_transition_time = Some(Time(at));
            }
            None => conditions.push(NodeCondition {
                type_: kind.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                message: Some("Kubelet never posted node status.".to_owned()),
                last_heartbeat_time: made.clone(),
                last_transition_time: Some(Time(at)),
            }),
        }
    }
}
