//! The rules of a policy, as expressions for packets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::members::group_name;
use crate::pod::{Pod, Protocol};
use crate::policy::{Block, Direction, Numbers, Peer, Rule};
use crate::ports::Range;

/// The address of a connection's other end, for a pod that it leaves or reaches: the source before
/// translation, the destination after it.
const fn other(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "ct reply",
        Direction::Ingress => "ct original",
    }
}

const fn family(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip6",
    }
}

/// The expressions that let a pod connect to itself, through a service.
pub(super) fn itself(pod: &Pod, direction: Direction) -> Vec<String> {
    let rules = pod.addresses.iter().map(|address| {
        let (other, family) = (other(direction), family(address));
        format!("{other} {family} saddr {address} return comment \"itself\"")
    });
    rules.collect()
}

/// Whether a rule has named ports, whose numbers depend on the destination.
pub(super) fn egress_names(rule: &Rule, direction: Direction) -> bool {
    let mut ports = rule.ports.iter();
    direction == Direction::Egress && ports.any(|port| matches!(port.numbers, Numbers::Named(_)))
}

/// The expressions of a rule: a packet that matches one of them is allowed. An empty text matches everything.
pub(super) fn matches(
    rule: &Rule,
    direction: Direction,
    pod: &Pod,
    named: Option<&str>,
) -> Vec<String> {
    let ports = ports(rule, direction, pod);
    let peers = peers(rule, direction);
    let pairs = peers
        .iter()
        .flat_map(|peer| ports.iter().map(move |port| (peer, port)));
    let joined = pairs.map(|(peer, port)| format!("{peer} {port}").trim().to_owned());
    let mut lines: Vec<_> = joined.collect();
    for (family, version) in [("ip", "4"), ("ip6", "6")] {
        // the set has peers and ports together
        lines.extend(named.into_iter().flat_map(|set| {
            let set = format!("@{set}-{version}");
            [
                format!("ct direction original {family} daddr . meta l4proto . th dport {set}"),
                format!("ct direction reply {family} saddr . meta l4proto . th sport {set}"),
            ]
        }));
    }
    lines
}

fn peers(rule: &Rule, direction: Direction) -> Vec<String> {
    if rule.peers.is_empty() {
        return vec![String::new()];
    }
    let other = other(direction);
    let mut found = Vec::new();
    for peer in &rule.peers {
        match peer {
            Peer::Pods(group) => {
                let set = group_name(group);
                found.push(format!("{other} ip saddr @{set}-4"));
                found.push(format!("{other} ip6 saddr @{set}-6"));
            }
            Peer::Block(block) => found.extend(self::block(block, other)),
            Peer::Empty => {}
        }
    }
    found
}

/// `None` if nothing is left of it.
fn block(block: &Block, other: &str) -> Option<String> {
    let network = block.network.trunc();
    let family = family(&network.addr());
    let mut text = match network {
        IpNet::V4(net) if net.prefix_len() == 0 => "meta nfproto ipv4".to_owned(),
        IpNet::V6(net) if net.prefix_len() == 0 => "meta nfproto ipv6".to_owned(),
        network => format!("{other} {family} saddr {network}"),
    };
    for except in block.except.iter().map(IpNet::trunc) {
        if except.addr().is_ipv4() != network.addr().is_ipv4() {
            continue;
        }
        if except.prefix_len() == 0 {
            return None;
        }
        text.push_str(&format!(" {other} {family} saddr != {except}"));
    }
    Some(text)
}

/// The ports whose numbers are known here, by protocol; for both directions of packets.
fn ports(rule: &Rule, direction: Direction, pod: &Pod) -> Vec<String> {
    if rule.ports.is_empty() {
        return vec![String::new()];
    }
    let mut ranges: BTreeMap<Protocol, Vec<Range>> = BTreeMap::new();
    for port in &rule.ports {
        let ranges = ranges.entry(port.protocol).or_default();
        match &port.numbers {
            Numbers::All => ranges.push((0, u16::MAX)),
            Numbers::Range(first, last) => ranges.push((*first, *last)),
            Numbers::Named(name) if direction == Direction::Ingress => {
                let named = pod.named.iter().filter(|named| named.name == *name);
                let named = named.filter(|named| named.protocol == port.protocol);
                ranges.extend(named.map(|named| (named.number, named.number)));
            }
            Numbers::Named(_) | Numbers::Nothing => {}
        }
    }
    let mut found = Vec::new();
    for (protocol, ranges) in ranges {
        let name = protocol.as_str().to_ascii_lowercase();
        match merged(ranges).as_slice() {
            [] => {}
            [(0, u16::MAX)] => found.push(format!("meta l4proto {name}")),
            ranges => {
                let ranges: Vec<_> = ranges.iter().map(words).collect();
                let ranges = ranges.join(", ");
                found.push(format!("ct direction original {name} dport {{ {ranges} }}"));
                found.push(format!("ct direction reply {name} sport {{ {ranges} }}"));
            }
        }
    }
    found
}

fn words((first, last): &Range) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

/// Ranges that neither overlap nor touch, as a set accepts no others.
fn merged(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.retain(|(first, last)| first <= last);
    ranges.sort_unstable();
    let mut merged: Vec<Range> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}
