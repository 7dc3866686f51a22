//! The ports on which one end may connect to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::cluster::Cluster;
use crate::judge::{Connection, End, judge};
use crate::pod::{Pod, Protocol};
use crate::policy::{Direction, Numbers, PortMatch};

/// A first and a last port.
pub type Range = (u16, u16);

const ALL: Range = (1, u16::MAX);

/// Ports by protocol; a protocol without any is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ports(pub BTreeMap<Protocol, Vec<Range>>);

impl Ports {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is every port of every protocol.
    pub fn is_everything(&self) -> bool {
        Protocol::ALL
            .iter()
            .all(|p| self.0.get(p).is_some_and(|r| *r == [ALL]))
    }

    /// Whether a port is among them.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        let mut ranges = self.0.get(&protocol).into_iter().flatten();
        ranges.any(|(first, last)| (*first..=*last).contains(&port))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("all ports");
        }
        let words = self.0.iter().map(|(protocol, ranges)| {
            let ranges = ranges.iter().map(|range| match range {
                &ALL => "all".to_owned(),
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first}-{last}"),
            });
            format!("{protocol} {}", ranges.collect::<Vec<_>>().join(","))
        });
        f.write_str(&words.collect::<Vec<_>>().join(", "))
    }
}

/// The ports on which connections from one end to another are allowed, exactly: between the ports in rules
/// about these ends, all ports are equivalent, so one of them is evaluated for all.
pub fn allowed(cluster: &Cluster, from: End<'_>, to: End<'_>) -> Ports {
    let mut found = Ports::default();
    for protocol in Protocol::ALL {
        let starts = starts(cluster, from, to, protocol);
        let mut ranges: Vec<Range> = Vec::new();
        let ends = starts.iter().skip(1).map(|next| next.saturating_sub(1));
        for (&port, last) in starts.iter().zip(ends.chain([u16::MAX])) {
            let connection = Connection {
                from,
                to,
                port,
                protocol,
            };
            if !judge(cluster, &connection).allowed() {
                continue;
            }
            match ranges.last_mut() {
                Some(before) if before.1.checked_add(1) == Some(port) => before.1 = last,
                _ => ranges.push((port, last)),
            }
        }
        if !ranges.is_empty() {
            found.0.insert(protocol, ranges);
        }
    }
    found
}

/// The ports at which the verdict may change.
fn starts(cluster: &Cluster, from: End<'_>, to: End<'_>, protocol: Protocol) -> BTreeSet<u16> {
    let mut starts = BTreeSet::from([ALL.0]);
    for (end, direction) in [(from, Direction::Egress), (to, Direction::Ingress)] {
        let policies = end.pod.map(|pod| cluster.policies_of(pod, direction));
        let rules = policies.into_iter().flatten();
        let rules = rules.flat_map(|policy| policy.rules(direction).into_iter().flatten());
        for port in rules.flat_map(|rule| &rule.ports) {
            for (first, last) in numbers(port, to.pod).filter(|_| port.protocol == protocol) {
                starts.insert(first.max(ALL.0));
                starts.extend(last.checked_add(1));
            }
        }
    }
    starts
}

fn numbers(port: &PortMatch, destination: Option<&Pod>) -> impl Iterator<Item = Range> {
    let ranges: Vec<_> = match &port.numbers {
        Numbers::Range(first, last) => vec![(*first, *last)],
        Numbers::Named(name) => {
            let named = destination.into_iter().flat_map(|pod| &pod.named);
            let named = named.filter(|named| named.name == *name);
            named.map(|named| (named.number, named.number)).collect()
        }
        Numbers::All | Numbers::Nothing => Vec::new(),
    };
    ranges.into_iter()
}
