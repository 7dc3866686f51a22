//! A second evaluator, made from the documentation of the API's fields, over the objects themselves: without
//! an index or preparation, and sharing no code with the crate.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::world::World;

/// One end: a pod with its visible address, or an address of no known pod.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) pod: Option<&'a Pod>,
    pub(crate) address: Option<IpAddr>,
}

#[derive(Clone, Copy)]
pub(crate) struct Packet<'a> {
    pub(crate) from: Place<'a>,
    pub(crate) to: Place<'a>,
    pub(crate) port: u16,
    pub(crate) protocol: &'static str,
}

/// The verdict of policies in one direction.
#[derive(Debug, PartialEq)]
pub(crate) enum Says {
    /// They do not apply: allowed, or denied if one end has ended.
    NotAsked(bool),
    /// These select the pod, and these of their rules, by position, allow it.
    Asked {
        selected_by: Vec<String>,
        admit: Vec<(String, usize)>,
    },
}

impl Says {
    pub(crate) fn allowed(&self) -> bool {
        match self {
            Says::NotAsked(allowed) => *allowed,
            Says::Asked { selected_by, admit } => selected_by.is_empty() || !admit.is_empty(),
        }
    }
}

pub(crate) fn is_host_network(pod: &Pod) -> bool {
    pod.spec.as_ref().unwrap().host_network == Some(true)
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().unwrap().phase.as_deref();
    phase == Some("Succeeded") || phase == Some("Failed")
}

/// The pod whose own an address is.
pub(crate) fn owner(world: &World, address: IpAddr) -> Option<&Pod> {
    world.pods.iter().find(|pod| {
        let ips = pod.status.as_ref().unwrap().pod_ips.clone();
        let has = ips
            .unwrap_or_default()
            .iter()
            .any(|ip| ip.ip == address.to_string());
        has && !is_host_network(pod) && !has_ended(pod)
    })
}

fn is_node_of(place: &Place<'_>, pod: &Pod) -> bool {
    let spec = pod.spec.as_ref().unwrap();
    let ips = pod
        .status
        .as_ref()
        .unwrap()
        .host_ips
        .clone()
        .unwrap_or_default();
    let own_pod = place.pod.is_some_and(|p| !is_host_network(p));
    if own_pod {
        return false;
    }
    let on_it = place.pod.is_some_and(|p| {
        let node = &p.spec.as_ref().unwrap().node_name;
        node.is_some() && *node == spec.node_name
    });
    let at_it = place
        .address
        .is_some_and(|a| ips.iter().any(|ip| ip.ip == a.to_string()));
    on_it || at_it
}

pub(crate) fn says(world: &World, packet: &Packet<'_>, egress: bool) -> Says {
    let (end, other) = if egress {
        (packet.from, packet.to)
    } else {
        (packet.to, packet.from)
    };
    if end.pod.is_some_and(has_ended) || other.pod.is_some_and(has_ended) {
        return Says::NotAsked(false);
    }
    let Some(pod) = end.pod.filter(|pod| !is_host_network(pod)) else {
        return Says::NotAsked(true);
    };
    let is_same = other.pod.is_some_and(|o| {
        o.metadata.name == pod.metadata.name && o.metadata.namespace == pod.metadata.namespace
    });
    if is_same || is_node_of(&other, pod) {
        return Says::NotAsked(true);
    }
    let mut selected_by = Vec::new();
    let mut admit = Vec::new();
    let mut policies: Vec<_> = world.policies.iter().collect();
    policies.sort_by_key(|policy| policy.metadata.name.clone());
    for policy in policies {
        if !selects(policy, pod) || !is_about(policy, egress) {
            continue;
        }
        let name = policy.metadata.name.clone().unwrap();
        for (at, (peers, ports)) in rules(policy, egress).into_iter().enumerate() {
            let peer = peers.is_empty() || peers.iter().any(|p| is_peer(world, policy, p, &other));
            let port = ports.is_empty() || ports.iter().any(|p| is_port(p, packet));
            if peer && port {
                admit.push((name.clone(), at));
            }
        }
        selected_by.push(name);
    }
    Says::Asked { selected_by, admit }
}

/// "`podSelector` selects the pods to which this `NetworkPolicy` object applies." An absent one is empty:
/// all pods of the policy's namespace.
fn selects(policy: &NetworkPolicy, pod: &Pod) -> bool {
    let spec = policy.spec.as_ref().unwrap();
    let everything = LabelSelector::default();
    let selector = spec.pod_selector.as_ref().unwrap_or(&everything);
    policy.metadata.namespace == pod.metadata.namespace && fits(selector, &pod.metadata.labels)
}

/// "If this field is not specified, it will default based on the existence of ingress or egress rules;
/// policies that contain an egress section are assumed to affect egress, and all policies are assumed to
/// affect ingress." An empty section is none to the API server's defaults.
fn is_about(policy: &NetworkPolicy, egress: bool) -> bool {
    let spec = policy.spec.as_ref().unwrap();
    let has_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
    match &spec.policy_types {
        Some(types) if !types.is_empty() => {
            types.contains(&(if egress { "Egress" } else { "Ingress" }).to_owned())
        }
        _ => !egress || has_egress,
    }
}

type Entries = (Vec<NetworkPolicyPeer>, Vec<NetworkPolicyPort>);

fn rules(policy: &NetworkPolicy, egress: bool) -> Vec<Entries> {
    let spec = policy.spec.clone().unwrap();
    if egress {
        let rules = spec.egress.unwrap_or_default().into_iter();
        rules
            .map(|r| (r.to.unwrap_or_default(), r.ports.unwrap_or_default()))
            .collect()
    } else {
        let rules = spec.ingress.unwrap_or_default().into_iter();
        rules
            .map(|r| (r.from.unwrap_or_default(), r.ports.unwrap_or_default()))
            .collect()
    }
}

fn is_peer(
    world: &World,
    policy: &NetworkPolicy,
    peer: &NetworkPolicyPeer,
    other: &Place<'_>,
) -> bool {
    if let Some(block) = &peer.ip_block {
        return other
            .address
            .is_some_and(|address| is_in_block(block, address));
    }
    let Some(pod) = other.pod.filter(|pod| !is_host_network(pod)) else {
        return false;
    };
    let namespace = world
        .namespaces
        .iter()
        .find(|n| n.metadata.name == pod.metadata.namespace);
    let labels = namespace.and_then(|n| n.metadata.labels.clone());
    match (&peer.namespace_selector, &peer.pod_selector) {
        (None, None) => false,
        (Some(namespaces), None) => fits(namespaces, &labels),
        (None, Some(pods)) => {
            pod.metadata.namespace == policy.metadata.namespace && fits(pods, &pod.metadata.labels)
        }
        (Some(namespaces), Some(pods)) => {
            fits(namespaces, &labels) && fits(pods, &pod.metadata.labels)
        }
    }
}

/// "except is a slice of CIDRs that should not be included within an `IPBlock`".
fn is_in_block(block: &IPBlock, address: IpAddr) -> bool {
    let except = block.except.clone().unwrap_or_default();
    is_in_network(&block.cidr, address) && !except.iter().any(|net| is_in_network(net, address))
}

fn is_in_network(text: &str, address: IpAddr) -> bool {
    let (network, length) = text.split_once('/').unwrap();
    let (network, length): (IpAddr, u32) = (network.parse().unwrap(), length.parse().unwrap());
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - length;
            let cut = |ip: u32| u64::from(ip) >> shift;
            cut(network.to_bits()) == cut(address.to_bits())
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let cut = |ip: u128| if length == 0 { 0 } else { ip >> (128 - length) };
            cut(network.to_bits()) == cut(address.to_bits())
        }
        _ => false,
    }
}

/// "port represents the port on the given protocol. This can either be a numerical or named port on a
/// pod. If this field is not provided, this matches all port names and numbers." "endPort indicates that
/// the range of ports from port to endPort if set, inclusive, should be allowed".
fn is_port(port: &NetworkPolicyPort, packet: &Packet<'_>) -> bool {
    if port.protocol.as_deref().unwrap_or("TCP") != packet.protocol {
        return false;
    }
    let number = i32::from(packet.port);
    match &port.port {
        None => true,
        Some(IntOrString::Int(first)) => {
            let last = port.end_port.unwrap_or(*first);
            *first <= number && number <= last
        }
        Some(IntOrString::String(name)) => {
            let pod = packet.to.pod.filter(|pod| !is_host_network(pod));
            let containers = pod.map(|pod| pod.spec.clone().unwrap().containers);
            let ports = containers
                .into_iter()
                .flatten()
                .flat_map(|c| c.ports.unwrap_or_default());
            ports.into_iter().any(|p| {
                p.name.as_ref() == Some(name)
                    && p.container_port == number
                    && p.protocol.as_deref().unwrap_or("TCP") == packet.protocol
            })
        }
    }
}

/// "A label selector is a label query over a set of resources. The result of matchLabels and
/// matchExpressions are combined. An empty label selector matches all objects."
fn fits(selector: &LabelSelector, labels: &Option<BTreeMap<String, String>>) -> bool {
    let none = BTreeMap::new();
    let labels = labels.as_ref().unwrap_or(&none);
    let equal = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    equal
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| {
            let values = expression.values.clone().unwrap_or_default();
            match (expression.operator.as_str(), labels.get(&expression.key)) {
                ("In", value) => value.is_some_and(|value| values.contains(value)),
                ("NotIn", value) => !value.is_some_and(|value| values.contains(value)),
                ("Exists", value) => value.is_some(),
                ("DoesNotExist", value) => value.is_none(),
                (operator, _) => panic!("no operator {operator}"),
            }
        })
}
