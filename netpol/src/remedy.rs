//! What would have to change for a connection that is refused.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use crate::cluster::Cluster;
use crate::judge::{Connection, End};
use crate::pod::{Name, Pod};
use crate::policy::{Direction, Rule};
use crate::verdict::{Miss, Reason, Side};

/// The label that every namespace has, with its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Labels that controllers give, which say nothing about what a pod is.
const OF_CONTROLLERS: &[&str] = &[
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "controller-uid",
];

/// The smallest change that lets a connection through in one direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// In which direction.
    pub direction: Direction,
    /// Where the change is to be made.
    pub at: Place,
    /// The entry of `from` or `to` that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<NetworkPolicyPeer>,
    /// The entry of `ports` that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NetworkPolicyPort>,
}

/// Where a policy is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// In a rule that fits half.
    Rule {
        /// Its policy.
        policy: Name,
        /// Its position, from 0.
        rule: usize,
    },
    /// In a policy that lacks a rule.
    Policy {
        /// Which.
        policy: Name,
    },
    /// In a policy that does not exist: those that select the pod are there to refuse everything.
    New {
        /// In which namespace.
        namespace: String,
        /// What it would select: labels of the pod.
        selecting: BTreeMap<String, String>,
    },
}

/// What would have to change on a side that refuses; `None` if no policy is what refuses, or if the
/// other end is nothing that a rule could name yet.
pub fn remedy(cluster: &Cluster, connection: &Connection<'_>, side: &Side) -> Option<Remedy> {
    let Reason::Refused { missed, .. } = &side.reason else {
        return None;
    };
    let (end, other) = connection.ends(side.direction);
    let pod = end.pod?;
    let port = NetworkPolicyPort {
        port: Some(IntOrString::Int(connection.port.into())),
        protocol: Some(connection.protocol.as_str().to_owned()),
        end_port: None,
    };
    let remedy = |at, peer, port| Remedy {
        direction: side.direction,
        at,
        peer,
        port,
    };
    let rule = |miss: &Miss| Place::Rule {
        policy: miss.policy.clone(),
        rule: miss.rule,
    };
    // A rule for everybody, or for all ports, would open more than what is asked for.
    let names = |miss: &Miss, what: fn(&Rule) -> bool| {
        let policy = cluster.policy(&miss.policy);
        let rules = policy.and_then(|policy| policy.rules(side.direction));
        rules
            .and_then(|rules| rules.get(miss.rule))
            .is_some_and(what)
    };
    let mut halves = missed.iter().filter(|miss| miss.peer);
    if let Some(miss) = halves.find(|miss| names(miss, |rule| !rule.peers.is_empty())) {
        return Some(remedy(rule(miss), None, Some(port)));
    }
    let peer = Some(peer(cluster, pod, other)?);
    let mut halves = missed.iter().filter(|miss| miss.port);
    if let Some(miss) = halves.find(|miss| names(miss, |rule| !rule.ports.is_empty())) {
        return Some(remedy(rule(miss), peer, None));
    }
    let selecting = telling_labels(pod);
    let at = match missed.first() {
        Some(miss) => Place::Policy {
            policy: miss.policy.clone(),
        },
        // a policy for all pods would isolate others, too
        None if selecting.is_empty() => Place::Policy {
            policy: side.selected_by.first()?.clone(),
        },
        None => Place::New {
            namespace: pod.name.namespace.clone(),
            selecting,
        },
    };
    Some(remedy(at, peer, Some(port)))
}

/// The narrowest entry of `from` or `to` that finds an end.
fn peer(cluster: &Cluster, subject: &Pod, other: &End<'_>) -> Option<NetworkPolicyPeer> {
    if let Some(pod) = other.pod.filter(|pod| pod.is_isolable()) {
        let namespace = &pod.name.namespace;
        let elsewhere = *namespace != subject.name.namespace;
        return Some(NetworkPolicyPeer {
            pod_selector: Some(matching(telling_labels(pod))),
            namespace_selector: elsewhere.then(|| matching(namespace_labels(cluster, namespace))),
            ip_block: None,
        });
    }
    let address = other.address?;
    let bits = if address.is_ipv6() { 128 } else { 32 };
    Some(NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: format!("{address}/{bits}"),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    })
}

fn matching(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: (!labels.is_empty()).then_some(labels),
        match_expressions: None,
    }
}

/// The label with a namespace's name, which servers before 1.21 do not set; else what it has.
fn namespace_labels(cluster: &Cluster, namespace: &str) -> BTreeMap<String, String> {
    let labels = cluster.labels_of(namespace);
    match labels.get(NAMESPACE_NAME) {
        None if !labels.is_empty() => labels.clone(),
        _ => BTreeMap::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]),
    }
}

/// The labels that say what a pod is.
pub fn telling_labels(pod: &Pod) -> BTreeMap<String, String> {
    let mut labels = pod.labels.clone();
    labels.retain(|key, _| !OF_CONTROLLERS.contains(&key.as_str()));
    labels
}
