//! From a cluster to the table of one of its nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::names::name;
use super::rules;
use super::table::{Set, Table};
use crate::cluster::Cluster;
use crate::judge::is_in;
use crate::pod::Pod;
use crate::policy::{Direction, Group, Namespaces, Peer, Policy};

/// The table of a node: chains for its pods that policies isolate, and the sets that these name.
///
/// In the networks of `closed`, what has an address of no pod of the node talks to nobody: a pod that is new
/// waits until it is known, and never is open for a moment.
pub fn compile(cluster: &Cluster, node: &str, closed: &[IpNet]) -> Table {
    let mut table = Table {
        closed: closed.iter().map(IpNet::trunc).collect(),
        ..Table::default()
    };
    let mut groups: BTreeMap<&Group, String> = BTreeMap::new();
    let local = cluster
        .pods()
        .filter(|pod| pod.node == node && pod.is_isolable());
    for pod in local.filter(|pod| !pod.addresses.is_empty()) {
        for direction in Direction::BOTH {
            let policies = cluster.policies_of(pod, direction);
            if policies.is_empty() {
                continue;
            }
            let chain = chain_name(pod, direction);
            for address in &pod.addresses {
                let map = table.maps.entry(map_of(direction, *address)).or_default();
                map.insert(*address, chain.clone());
            }
            let mut rules = rules::itself(pod, direction);
            for policy in policies {
                rules.extend(of_policy(
                    policy,
                    direction,
                    pod,
                    cluster,
                    &mut table,
                    &mut groups,
                ));
            }
            rules.push("goto refuse".to_owned());
            table.chains.insert(chain, rules);
        }
    }
    if !closed.is_empty() {
        let known = cluster
            .pods()
            .filter(|pod| pod.node == node && pod.is_isolable());
        put_set(&mut table, "known", addresses(&known.collect::<Vec<_>>()));
    }
    for (group, set) in groups {
        let members = addresses(&members(cluster, group));
        put_set(&mut table, &set, members);
    }
    table
}

fn of_policy<'c>(
    policy: &'c Policy,
    direction: Direction,
    pod: &Pod,
    cluster: &Cluster,
    table: &mut Table,
    groups: &mut BTreeMap<&'c Group, String>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, rule) in policy.rules(direction).into_iter().flatten().enumerate() {
        for peer in &rule.peers {
            if let Peer::Pods(group) = peer {
                groups.entry(group).or_insert_with(|| group_name(group));
            }
        }
        let named = rules::egress_names(rule, direction).then(|| {
            let whole = format!("{} {at}", policy.name);
            let set = name("ports", &policy.name.to_string(), &whole);
            put_set(table, &set, rules::named_ports(cluster, rule));
            set
        });
        let set_of = |group: &Group| groups.get(group).cloned().unwrap_or_default();
        let matches = rules::matches(rule, direction, pod, named.as_deref(), set_of);
        let comment = comment(policy, direction, at);
        lines.extend(matches.into_iter().map(|line| match line.as_str() {
            "" => format!("return comment \"{comment}\""),
            line => format!("{line} return comment \"{comment}\""),
        }));
    }
    lines
}

/// Which rule a line is of, as far as it fits what the kernel keeps.
fn comment(policy: &Policy, direction: Direction, at: usize) -> String {
    let field = match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    };
    let policy: String = policy.name.name.chars().take(80).collect();
    format!("{policy} {field}[{at}]")
}

fn chain_name(pod: &Pod, direction: Direction) -> String {
    let prefix = match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    };
    let whole = pod.name.to_string();
    name(prefix, &whole, &whole)
}

const fn map_of(direction: Direction, address: IpAddr) -> &'static str {
    match (direction, address) {
        (Direction::Egress, IpAddr::V4(_)) => "egress4",
        (Direction::Egress, IpAddr::V6(_)) => "egress6",
        (Direction::Ingress, IpAddr::V4(_)) => "ingress4",
        (Direction::Ingress, IpAddr::V6(_)) => "ingress6",
    }
}

fn group_name(group: &Group) -> String {
    let readable = match &group.namespaces {
        Namespaces::Own(namespace) => namespace.as_str(),
        Namespaces::Selected(_) => "namespaces",
    };
    name("pods", readable, &format!("{group:?}"))
}

/// The pods that a peer means.
fn members<'c>(cluster: &'c Cluster, group: &Group) -> Vec<&'c Pod> {
    let namespaces: Vec<_> = match &group.namespaces {
        Namespaces::Own(namespace) => vec![namespace.as_str()],
        Namespaces::Selected(_) => cluster.namespaces().collect(),
    };
    let pods = namespaces
        .into_iter()
        .flat_map(|n| cluster.pods_in(n, &group.pods));
    pods.filter(|pod| pod.is_isolable() && is_in(cluster, pod, group))
        .collect()
}

/// The elements of a set, for IPv4 and for IPv6.
type Elements = [BTreeSet<String>; 2];

fn addresses(pods: &[&Pod]) -> (&'static str, Elements) {
    let mut found = Elements::default();
    for address in pods.iter().flat_map(|pod| &pod.addresses) {
        found[usize::from(address.is_ipv6())].insert(address.to_string());
    }
    ("", found)
}

/// Puts the sets of both families, which rules name whether they are empty or not.
fn put_set(table: &mut Table, name: &str, (more, elements): (&str, Elements)) {
    for ((family, kind), elements) in [("4", "ipv4_addr"), ("6", "ipv6_addr")]
        .iter()
        .zip(elements)
    {
        let set = Set {
            kind: format!("{kind}{more}"),
            elements,
        };
        table.sets.insert(format!("{name}-{family}"), set);
    }
}
