//! The evaluation of a connection.

use std::net::IpAddr;

use crate::cluster::Cluster;
use crate::pod::{Pod, Protocol};
use crate::policy::{Direction, Group, Namespaces, Peer, Rule};
use crate::verdict::{Admission, Miss, Reason, Side, Tier, Verdict};

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its pod, if it is one.
    pub pod: Option<&'a Pod>,
    /// The address the other end sees; a pod may have none yet.
    pub address: Option<IpAddr>,
}

impl<'a> End<'a> {
    /// A pod, by the first of its addresses.
    pub fn pod(pod: &'a Pod) -> Self {
        Self {
            pod: Some(pod),
            address: pod.addresses.first().copied(),
        }
    }

    /// A pod as seen from an address, with its address of the same family.
    pub fn facing(pod: &'a Pod, other: Option<IpAddr>) -> Self {
        let mut addresses = pod.addresses.iter();
        let same =
            addresses.find(|own| other.is_some_and(|other| own.is_ipv4() == other.is_ipv4()));
        Self {
            pod: Some(pod),
            address: same.or(pod.addresses.first()).copied(),
        }
    }

    /// The end at an address: its pod, or something outside.
    pub fn at(cluster: &'a Cluster, address: IpAddr) -> Self {
        Self {
            pod: cluster.pod_at(address),
            address: Some(address),
        }
    }

    /// The pod that selectors can match here.
    fn peer(&self) -> Option<&'a Pod> {
        self.pod.filter(|pod| pod.is_isolable())
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self.pod, other.pod) {
            (Some(a), Some(b)) => a.name == b.name,
            _ => false,
        }
    }

    /// Whether it is the node of a pod.
    fn is_node_of(&self, pod: &Pod) -> bool {
        let on_it = self.pod.is_some_and(|other| {
            other.host_network && !pod.node.is_empty() && other.node == pod.node
        });
        let address = self.address.filter(|_| self.peer().is_none());
        on_it || address.is_some_and(|address| pod.node_addresses.contains(&address))
    }
}

/// A possible connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// Its source.
    pub from: End<'a>,
    /// Its destination.
    pub to: End<'a>,
    /// The port of the destination.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl<'a> Connection<'a> {
    /// The end that policies of a direction apply to, and the other one.
    pub const fn ends(&self, direction: Direction) -> (&End<'a>, &End<'a>) {
        match direction {
            Direction::Egress => (&self.from, &self.to),
            Direction::Ingress => (&self.to, &self.from),
        }
    }
}

/// Evaluates a connection.
pub fn judge(cluster: &Cluster, connection: &Connection<'_>) -> Verdict {
    Verdict {
        egress: side(cluster, connection, Direction::Egress),
        ingress: side(cluster, connection, Direction::Ingress),
    }
}

fn side(cluster: &Cluster, connection: &Connection<'_>, direction: Direction) -> Side {
    let (end, other) = connection.ends(direction);
    let without = |reason| Side {
        direction,
        selected_by: Vec::new(),
        reason,
    };
    if [end, other]
        .iter()
        .any(|end| end.pod.is_some_and(|pod| pod.ended))
    {
        return without(Reason::Ended);
    }
    let Some(pod) = end.pod else {
        return without(Reason::NoPod);
    };
    if pod.host_network {
        return without(Reason::HostNetwork);
    }
    if end.is_same(other) {
        return without(Reason::Itself);
    }
    if other.is_node_of(pod) {
        return without(Reason::OwnNode);
    }
    let opinion = |tier: &Tier| match tier {
        Tier::NetworkPolicy => network_policies(cluster, connection, direction, pod),
    };
    let decided = Tier::ORDER.iter().find_map(opinion);
    decided.unwrap_or_else(|| without(Reason::Open))
}

/// `None` if no policy selects the pod: the next tier decides.
fn network_policies(
    cluster: &Cluster,
    connection: &Connection<'_>,
    direction: Direction,
    pod: &Pod,
) -> Option<Side> {
    let tier = Tier::NetworkPolicy;
    let policies = cluster.policies_of(pod, direction);
    if policies.is_empty() {
        return None;
    }
    let (_, other) = connection.ends(direction);
    let mut missed = Vec::new();
    let mut admitted = None;
    'all: for policy in &policies {
        for (at, rule) in policy.rules(direction).into_iter().flatten().enumerate() {
            let policy = policy.name.clone();
            match try_rule(cluster, connection, other, rule) {
                (Some(peer), Some(port)) => {
                    let by = Admission {
                        policy,
                        rule: at,
                        peer,
                        port,
                    };
                    admitted = Some(Reason::Admitted { tier, by });
                    break 'all;
                }
                (peer, port) => missed.push(Miss {
                    policy,
                    rule: at,
                    peer: peer.is_some(),
                    port: port.is_some(),
                    unknown_address: other.address.is_none()
                        && rule.peers.iter().any(|p| matches!(p, Peer::Block(_))),
                }),
            }
        }
    }
    Some(Side {
        direction,
        selected_by: policies.iter().map(|policy| policy.name.clone()).collect(),
        reason: admitted.unwrap_or(Reason::Refused { tier, missed }),
    })
}

/// The position of a match in a list: `Some(None)` if the list is empty, which matches all.
type Position = Option<Option<usize>>;

fn position<T>(list: &[T], matches: impl Fn(&T) -> bool) -> Position {
    if list.is_empty() {
        return Some(None);
    }
    list.iter().position(matches).map(Some)
}

fn try_rule(
    cluster: &Cluster,
    connection: &Connection<'_>,
    other: &End<'_>,
    rule: &Rule,
) -> (Position, Position) {
    let destination = connection.to.peer();
    let peer = position(&rule.peers, |peer| match peer {
        Peer::Pods(group) => other.peer().is_some_and(|pod| is_in(cluster, pod, group)),
        Peer::Block(block) => other.address.is_some_and(|address| block.contains(address)),
        Peer::Empty => false,
    });
    let port = position(&rule.ports, |port| {
        port.matches(connection.protocol, connection.port, destination)
    });
    (peer, port)
}

/// Whether a peer selects a pod.
pub(crate) fn is_in(cluster: &Cluster, pod: &Pod, group: &Group) -> bool {
    let namespace = &pod.name.namespace;
    let in_namespaces = match &group.namespaces {
        Namespaces::Own(own) => own == namespace,
        Namespaces::Selected(selector) => selector.matches(Some(cluster.labels_of(namespace))),
    };
    in_namespaces && group.pods.matches(Some(&pod.labels))
}
