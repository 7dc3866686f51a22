//! A table, as nftables loads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

/// The name of the table, with its family. No other table is ever changed.
pub const TABLE: &str = "inet portcullis_netpol";

/// Packets that conntrack does not know have only their own addresses.
const FORWARD: &str = "    ct state invalid,untracked ip saddr vmap @egress4
    ct state invalid,untracked ip daddr vmap @ingress4
    ct state invalid,untracked ip6 saddr vmap @egress6
    ct state invalid,untracked ip6 daddr vmap @ingress6
    ct original ip saddr vmap @egress4
    ct reply ip saddr vmap @ingress4
    ct original ip6 saddr vmap @egress6
    ct reply ip6 saddr vmap @ingress6
";
/// Bridged IPv6 needs neighbour discovery; ICMP errors belong to their connection.
const HOOK: &str = "    type filter hook forward priority filter - 10; policy accept;
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    ct state related accept
";

/// The sets of addresses of known pods.
pub(super) const KNOWN: [&str; 2] = ["known-4", "known-6"];

/// The sets, maps and chains of a table, without the fixed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Addresses of peers.
    pub(super) sets: BTreeMap<String, Set>,
    /// From addresses of pods to the chain that they go through.
    pub(super) maps: BTreeMap<&'static str, BTreeMap<IpAddr, String>>,
    /// Rules for pods.
    pub(super) chains: BTreeMap<String, Vec<String>>,
    /// The networks of pods in which only addresses of known pods may have connections.
    pub(super) closed: Vec<IpNet>,
}

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Its type, such as `ipv4_addr`.
    pub(super) kind: String,
    pub(super) elements: BTreeSet<String>,
}

/// The changes from one table to another: two transactions, because some kernels do not remove a chain in the
/// transaction that removes the last reference to it from a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The script that puts the new table in force; empty if nothing has changed.
    pub switch: String,
    /// The script that removes unused objects.
    pub tidy: String,
}

/// The maps, with the type of their keys.
pub(super) const MAPS: [(&str, &str); 4] = [
    ("egress4", "ipv4_addr"),
    ("egress6", "ipv6_addr"),
    ("ingress4", "ipv4_addr"),
    ("ingress6", "ipv6_addr"),
];

/// The script that removes the table, if it exists.
pub fn removal() -> String {
    format!("table {TABLE}\ndelete table {TABLE}\n")
}

impl Table {
    /// A table without chains.
    pub(super) fn new(closed: &[IpNet]) -> Self {
        Self {
            sets: BTreeMap::new(),
            maps: MAPS.map(|(name, _)| (name, BTreeMap::new())).into(),
            chains: BTreeMap::new(),
            closed: closed.iter().map(IpNet::trunc).collect(),
        }
    }

    pub(super) fn has_chain(&self, name: &str) -> bool {
        self.chains.contains_key(name)
    }

    /// The whole table, replacing any existing one, in one transaction.
    pub fn script(&self) -> String {
        let mut text = removal();
        let _ = writeln!(text, "table {TABLE} {{");
        for (name, set) in &self.sets {
            let elements = elements(&set.elements);
            let _ = writeln!(text, "  set {name} {{ type {};{elements} }}", set.kind);
        }
        text.push_str("  chain refuse {\n    drop\n  }\n");
        for (name, rules) in &self.chains {
            let _ = writeln!(text, "  chain {name} {{");
            for rule in rules {
                let _ = writeln!(text, "    {rule}");
            }
            text.push_str("  }\n");
        }
        for (name, kind) in MAPS {
            let entries = self.maps.get(name).into_iter().flatten();
            let entries = entries.map(|(address, chain)| format!("{address} : jump {chain}"));
            let elements = elements(&entries.collect());
            let _ = writeln!(text, "  map {name} {{ type {kind} : verdict;{elements} }}");
        }
        let _ = writeln!(
            text,
            "  chain forward {{\n{HOOK}{}{FORWARD}  }}\n}}",
            self.closing()
        );
        text
    }

    /// Rules for addresses of unknown pods.
    fn closing(&self) -> String {
        let rules = self.closed.iter().flat_map(|network| {
            let (family, known) = match network {
                IpNet::V4(_) => ("ip", KNOWN[0]),
                IpNet::V6(_) => ("ip6", KNOWN[1]),
            };
            ["ct original", "ct reply"].map(|end| {
                let address = format!("{end} {family} saddr");
                format!("    {address} {network} {address} != @{known} goto refuse\n")
            })
        });
        rules.collect()
    }
}

fn elements(elements: &BTreeSet<String>) -> String {
    if elements.is_empty() {
        return String::new();
    }
    let elements: Vec<_> = elements.iter().map(String::as_str).collect();
    format!(" elements = {{ {} }}", elements.join(", "))
}
