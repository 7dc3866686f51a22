//! The change of a policy that would allow a denied connection.

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

/// Labels that controllers set, which do not identify a kind of pods.
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

/// The smallest change that allows a connection in one direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// In which direction.
    pub direction: Direction,
    /// The object to change.
    pub at: Place,
    /// The entry of `from` or `to` that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<NetworkPolicyPeer>,
    /// The entry of `ports` that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NetworkPolicyPort>,
}

/// The object to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// A rule that matches in part.
    Rule {
        /// Its policy.
        policy: Name,
        /// Its position, from 0.
        rule: usize,
    },
    /// A policy without a rule.
    Policy {
        /// Which.
        policy: Name,
    },
    /// A new policy: those that select the pod are meant to deny everything.
    New {
        /// In which namespace.
        namespace: String,
        /// Its selector: labels of the pod.
        selecting: BTreeMap<String, String>,
    },
}

/// The change for a side that denies; `None` if no policy denies, or if no rule could name the other end yet.
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
    // A rule for all peers, or for all ports, would open more than requested.
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

/// The narrowest entry of `from` or `to` that matches an end.
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

/// The label with a namespace's name, which servers before 1.21 do not set; otherwise its other labels.
fn namespace_labels(cluster: &Cluster, namespace: &str) -> BTreeMap<String, String> {
    let labels = cluster.labels_of(namespace);
    match labels.get(NAMESPACE_NAME) {
        None if !labels.is_empty() => labels.clone(),
        _ => BTreeMap::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]),
    }
}

/// The labels that identify a kind of pods.
pub fn telling_labels(pod: &Pod) -> BTreeMap<String, String> {
    let mut labels = pod.labels.clone();
    labels.retain(|key, _| !OF_CONTROLLERS.contains(&key.as_str()));
    labels
}
