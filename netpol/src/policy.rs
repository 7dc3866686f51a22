//! A network policy, parsed once.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::selector::LabelSelector;
use serde::Serialize;

use crate::pod::{Name, Pod, Protocol};

/// The direction of a connection at the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Out of it.
    Egress,
    /// Into it.
    Ingress,
}

impl Direction {
    /// In the order of a connection.
    pub const BOTH: [Self; 2] = [Self::Egress, Self::Ingress];
}

/// A policy. Parts that the API's validation would reject match nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name; it selects pods of its own namespace only.
    pub name: Name,
    /// The selector of these pods.
    pub selector: LabelSelector,
    /// The rules for connections from them; `None` if it does not restrict these.
    pub egress: Option<Vec<Rule>>,
    /// The rules for connections to them; `None` if it does not restrict these.
    pub ingress: Option<Vec<Rule>>,
}

/// What one rule allows: any of the peers on any of the ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The other ends; empty for all.
    pub peers: Vec<Peer>,
    /// The ports of the destination; empty for all.
    pub ports: Vec<PortMatch>,
}

/// The other ends of an entry of `from` or `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Pods of any namespace.
    Pods(Group),
    /// Addresses.
    Block(Block),
    /// None: an empty entry.
    Empty,
}

/// Pods by their labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Their namespaces.
    pub namespaces: Namespaces,
    /// Their labels.
    pub pods: LabelSelector,
}

/// The namespaces of a [`Group`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespaces {
    /// The policy's own.
    Own(String),
    /// Those with such labels.
    Selected(LabelSelector),
}

/// A network without some parts of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The network.
    pub network: IpNet,
    /// The parts.
    pub except: Vec<IpNet>,
}

/// An entry of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMatch {
    /// The protocol.
    pub protocol: Protocol,
    /// The numbers.
    pub numbers: Numbers,
}

/// The numbers of an entry of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Any.
    All,
    /// A range with its first and last port.
    Range(u16, u16),
    /// A named port of the destination pod.
    Named(String),
    /// None: an entry without a valid port.
    Nothing,
}

impl Policy {
    /// Parses a policy, with the API server's defaults.
    pub fn of(policy: &networking::NetworkPolicy) -> Self {
        let spec = policy.spec.clone().unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let namespace = text(&policy.metadata.namespace);
        let egress = spec.egress.iter().flatten();
        let egress: Vec<_> = egress
            .map(|rule| Rule::of(&namespace, rule.to.as_deref(), rule.ports.as_deref()))
            .collect();
        let ingress = spec.ingress.iter().flatten();
        let ingress: Vec<_> = ingress
            .map(|rule| Rule::of(&namespace, rule.from.as_deref(), rule.ports.as_deref()))
            .collect();
        let types = spec.policy_types.unwrap_or_default();
        let says = |name: &str| types.iter().any(|given| given == name);
        let about_egress = says("Egress") || (types.is_empty() && !egress.is_empty());
        let about_ingress = says("Ingress") || types.is_empty();
        Self {
            selector: LabelSelector::of(Some(&spec.pod_selector.unwrap_or_default())),
            egress: about_egress.then_some(egress),
            ingress: about_ingress.then_some(ingress),
            name: Name {
                namespace,
                name: text(&policy.metadata.name),
            },
        }
    }

    /// Its rules in a direction; `None` if it does not restrict that.
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Egress => self.egress.as_deref(),
            Direction::Ingress => self.ingress.as_deref(),
        }
    }
}

impl Rule {
    fn of(
        namespace: &str,
        peers: Option<&[networking::NetworkPolicyPeer]>,
        ports: Option<&[networking::NetworkPolicyPort]>,
    ) -> Self {
        let peers = peers.unwrap_or_default().iter();
        let ports = ports.unwrap_or_default().iter();
        Self {
            peers: peers.map(|peer| Peer::of(namespace, peer)).collect(),
            ports: ports.map(PortMatch::of).collect(),
        }
    }
}

impl Peer {
    fn of(namespace: &str, peer: &networking::NetworkPolicyPeer) -> Self {
        let selector = |selector: &meta::LabelSelector| LabelSelector::of(Some(selector));
        if let Some(block) = &peer.ip_block {
            return Block::of(block).map_or(Self::Empty, Self::Block);
        }
        let namespaces = match (&peer.namespace_selector, &peer.pod_selector) {
            (None, None) => return Self::Empty,
            (None, Some(_)) => Namespaces::Own(namespace.to_owned()),
            (Some(selected), _) => Namespaces::Selected(selector(selected)),
        };
        let pods = peer.pod_selector.as_ref().map(selector);
        Self::Pods(Group {
            namespaces,
            pods: pods.unwrap_or_default(),
        })
    }
}

impl Block {
    /// `None` if any part of it is not a network: it must not allow what it meant to exclude.
    fn of(block: &networking::IPBlock) -> Option<Self> {
        let except = block.except.iter().flatten();
        Some(Self {
            network: block.cidr.parse().ok()?,
            except: except.map(|net| net.parse().ok()).collect::<Option<_>>()?,
        })
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.contains(&address) && !self.except.iter().any(|net| net.contains(&address))
    }
}

impl PortMatch {
    fn of(port: &networking::NetworkPolicyPort) -> Self {
        let number = |number: i32| u16::try_from(number).ok();
        let protocol = Protocol::of(port.protocol.as_deref());
        let numbers = match (&port.port, port.end_port) {
            _ if protocol.is_none() => Numbers::Nothing,
            (None, None) => Numbers::All,
            (Some(IntOrString::String(name)), None) => Numbers::Named(name.clone()),
            (Some(IntOrString::Int(first)), last) => {
                let ends = number(*first).zip(number(last.unwrap_or(*first)));
                ends.map_or(Numbers::Nothing, |(first, last)| {
                    Numbers::Range(first, last)
                })
            }
            (None | Some(IntOrString::String(_)), Some(_)) => Numbers::Nothing,
        };
        Self {
            protocol: protocol.unwrap_or(Protocol::Tcp),
            numbers,
        }
    }

    /// Whether it matches a port of a destination, which may be a pod.
    pub fn matches(&self, protocol: Protocol, port: u16, destination: Option<&Pod>) -> bool {
        self.protocol == protocol
            && match &self.numbers {
                Numbers::All => true,
                Numbers::Range(first, last) => (*first..=*last).contains(&port),
                Numbers::Named(name) => destination.is_some_and(|pod| {
                    pod.named.iter().any(|named| {
                        named.name == *name && named.protocol == protocol && named.number == port
                    })
                }),
                Numbers::Nothing => false,
            }
    }
}
