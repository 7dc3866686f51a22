//! The contents of a table's sets, as functions of the cluster: all elements, and those of one address.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::names::name;
use crate::cluster::Cluster;
use crate::judge::is_in;
use crate::pod::{Name, Pod};
use crate::policy::{Group, Namespaces, Numbers, Peer, Rule};

/// The contents of a set.
#[derive(Clone, Debug)]
pub(super) enum Members {
    /// The addresses of the node's pods.
    Known,
    /// The addresses of the pods that a peer selects.
    Peers(Group),
    /// The destinations of an egress rule that have ports with the rule's names, with those ports.
    Ports(Rule),
}

impl Members {
    /// The part of the type of an element after the address.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Known | Self::Peers(_) => "",
            Self::Ports(_) => " . inet_proto . inet_service",
        }
    }

    /// Whether the set depends on the labels of namespaces.
    pub(super) fn selects_namespaces(&self) -> bool {
        let selects = |group: &Group| matches!(group.namespaces, Namespaces::Selected(_));
        match self {
            Self::Known => false,
            Self::Peers(group) => selects(group),
            Self::Ports(rule) => rule.peers.iter().any(|peer| match peer {
                Peer::Pods(group) => selects(group),
                Peer::Block(_) | Peer::Empty => false,
            }),
        }
    }

    /// All elements.
    pub(super) fn all(&self, cluster: &Cluster, node: &str) -> BTreeSet<(IpAddr, String)> {
        let elements = |pod| self.of_pod(cluster, node, pod);
        match self {
            Self::Peers(group) => candidates(cluster, group).flat_map(elements).collect(),
            Self::Known | Self::Ports(_) => cluster.pods().flat_map(elements).collect(),
        }
    }

    /// The elements that begin with an address.
    pub(super) fn at(&self, cluster: &Cluster, node: &str, address: IpAddr) -> BTreeSet<String> {
        let pods = cluster.pods_at(address);
        let elements = pods.flat_map(|pod| self.of_pod(cluster, node, pod));
        let here = elements.filter(|(at, _)| *at == address);
        here.map(|(_, element)| element).collect()
    }

    fn of_pod(&self, cluster: &Cluster, node: &str, pod: &Pod) -> Vec<(IpAddr, String)> {
        if !pod.is_isolable() {
            return Vec::new();
        }
        let addresses = pod.addresses.iter();
        match self {
            Self::Known if pod.node == node => addresses.map(|a| (*a, a.to_string())).collect(),
            Self::Peers(group) if is_in(cluster, pod, group) => {
                addresses.map(|a| (*a, a.to_string())).collect()
            }
            Self::Known | Self::Peers(_) => Vec::new(),
            Self::Ports(rule) => {
                let addresses = addresses.filter(|address| is_peer(cluster, rule, pod, **address));
                let ports = named_ports(rule, pod);
                addresses
                    .flat_map(|a| ports.iter().map(move |port| (*a, format!("{a} . {port}"))))
                    .collect()
            }
        }
    }
}

/// The pods of the namespaces of a group that its selector of pods matches.
fn candidates<'c>(cluster: &'c Cluster, group: &'c Group) -> impl Iterator<Item = &'c Pod> {
    let namespaces: Vec<_> = match &group.namespaces {
        Namespaces::Own(namespace) => vec![namespace.as_str()],
        Namespaces::Selected(selector) => cluster
            .namespaces()
            .filter(|namespace| selector.matches(Some(cluster.labels_of(namespace))))
            .collect(),
    };
    namespaces
        .into_iter()
        .flat_map(|namespace| cluster.pods_in(namespace, &group.pods))
}

/// The ports of a pod that have one of the names in a rule.
fn named_ports(rule: &Rule, pod: &Pod) -> BTreeSet<String> {
    let ports = rule.ports.iter().flat_map(|port| {
        pod.named.iter().filter(move |named| {
            port.protocol == named.protocol
                && matches!(&port.numbers, Numbers::Named(name) if *name == named.name)
        })
    });
    let texts = ports.map(|named| {
        let protocol = named.protocol.as_str().to_ascii_lowercase();
        format!("{protocol} . {}", named.number)
    });
    texts.collect()
}

fn is_peer(cluster: &Cluster, rule: &Rule, pod: &Pod, address: IpAddr) -> bool {
    rule.peers.is_empty()
        || rule.peers.iter().any(|peer| match peer {
            Peer::Pods(group) => is_in(cluster, pod, group),
            Peer::Block(block) => block.contains(address),
            Peer::Empty => false,
        })
}

/// The name of the set of a peer's pods, without the family.
pub(super) fn group_name(group: &Group) -> String {
    let readable = match &group.namespaces {
        Namespaces::Own(namespace) => namespace.as_str(),
        Namespaces::Selected(_) => "namespaces",
    };
    name("pods", readable, &format!("{group:?}"))
}

/// The name of the set of an egress rule with names of ports, without the family.
pub(super) fn ports_name(policy: &Name, rule: &Rule) -> String {
    name("ports", &policy.to_string(), &format!("{rule:?}"))
}
