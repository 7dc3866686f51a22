//! Compiles a cluster to the table of one of its nodes, and a change of the cluster to a change of the table.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::edit::Edits;
use super::members::{self, Members};
use super::names::name;
use super::rules;
use super::table::{Changes, Table};
use crate::cluster::Cluster;
use crate::pod::{Name, Pod};
use crate::policy::{Direction, Peer, Policy};

/// Follows a cluster and keeps the table of one of its nodes: chains for its pods that policies isolate, and
/// the sets that the chains name.
///
/// A change costs only what it affects: the chains of the pods that a policy selects, the elements of an
/// address. Other pods are not examined.
#[derive(Debug)]
pub struct Compiler {
    cluster: Cluster,
    node: String,
    table: Table,
    touched: Touched,
    /// The node's pods that have chains.
    isolated: BTreeMap<Name, Isolated>,
    /// The pods in `isolated` that a policy selects.
    selected: BTreeMap<Name, BTreeSet<Name>>,
    /// The sets in the table, by name without the family.
    sets: BTreeMap<String, Used>,
}

/// The changes of the cluster since the table was last compiled.
#[derive(Debug, Default)]
struct Touched {
    pods: BTreeSet<Name>,
    /// The current and previous addresses of these pods.
    addresses: BTreeSet<IpAddr>,
    policies: BTreeSet<Name>,
    namespaces: bool,
}

/// The inputs of a pod's chains.
#[derive(Debug, Default)]
struct Isolated {
    addresses: Vec<IpAddr>,
    policies: BTreeSet<Name>,
    sets: BTreeMap<String, Members>,
}

/// A set, and the number of pods whose chains name it.
#[derive(Debug)]
struct Used {
    members: Members,
    pods: usize,
}

impl Compiler {
    /// A compiler for a node, with an empty cluster.
    ///
    /// In the networks of `closed`, an address that is not known to belong to a pod of the node has no
    /// connections: a new pod waits until it is known, and is never open for a moment.
    pub fn new(node: &str, closed: &[IpNet]) -> Self {
        let mut compiler = Self {
            cluster: Cluster::default(),
            node: node.to_owned(),
            table: Table::new(closed),
            touched: Touched::default(),
            isolated: BTreeMap::new(),
            selected: BTreeMap::new(),
            sets: BTreeMap::new(),
        };
        if !closed.is_empty() {
            compiler.acquire("known", &Members::Known, &mut Edits::default());
        }
        compiler
    }

    /// The cluster.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The table as of the last [`Self::changes`].
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Adds or changes a namespace.
    pub fn put_namespace(&mut self, name: &str, labels: portcullis_api::selector::Labels) {
        self.touched.namespaces |= *self.cluster.labels_of(name) != labels;
        self.cluster.put_namespace(name, labels);
    }

    /// Removes a namespace.
    pub fn remove_namespace(&mut self, name: &str) {
        self.touched.namespaces = true;
        self.cluster.remove_namespace(name);
    }

    /// Adds or changes a pod.
    pub fn put_pod(&mut self, pod: Pod) {
        if self.cluster.pod(&pod.name) != Some(&pod) {
            self.touch_pod(&pod.name);
            self.touched.addresses.extend(&pod.addresses);
            self.cluster.put_pod(pod);
        }
    }

    /// Removes a pod.
    pub fn remove_pod(&mut self, name: &Name) {
        self.touch_pod(name);
        self.cluster.remove_pod(name);
    }

    fn touch_pod(&mut self, name: &Name) {
        self.touched.pods.insert(name.clone());
        let before = self.cluster.pod(name).into_iter();
        let addresses = before.flat_map(|pod| &pod.addresses);
        self.touched.addresses.extend(addresses);
    }

    /// Adds or changes a policy.
    pub fn put_policy(&mut self, policy: Policy) {
        if self.cluster.policy(&policy.name) != Some(&policy) {
            self.touched.policies.insert(policy.name.clone());
            self.cluster.put_policy(policy);
        }
    }

    /// Removes a policy.
    pub fn remove_policy(&mut self, name: &Name) {
        self.touched.policies.insert(name.clone());
        self.cluster.remove_policy(name);
    }

    /// Updates the table to the current cluster, and returns the changes.
    pub fn changes(&mut self) -> Changes {
        let mut touched = std::mem::take(&mut self.touched);
        let mut edits = Edits::default();
        self.refresh_sets(&touched, &mut edits);
        let pods = self.concerned(&mut touched);
        for pod in &pods {
            self.compile_pod(pod, &mut touched.addresses, &mut edits);
        }
        for address in &touched.addresses {
            self.map_address(*address, &mut edits);
        }
        self.release_sets(&mut edits);
        edits.changes(&self.table)
    }

    /// Updates the elements of touched pods and namespaces in the sets.
    fn refresh_sets(&mut self, touched: &Touched, edits: &mut Edits) {
        for (name, used) in &self.sets {
            if touched.namespaces && used.members.selects_namespaces() {
                let all = used.members.all(&self.cluster, &self.node);
                self.table.fill(name, all, edits);
                continue;
            }
            for address in &touched.addresses {
                let now = used.members.at(&self.cluster, &self.node, *address);
                self.table.fill_address(name, *address, &now, edits);
            }
        }
    }

    /// The pods whose chains may have changed: changed pods, and those that changed policies select or
    /// selected.
    fn concerned(&self, touched: &mut Touched) -> BTreeSet<Name> {
        let mut pods = std::mem::take(&mut touched.pods);
        for name in &touched.policies {
            pods.extend(self.selected.get(name).into_iter().flatten().cloned());
            if let Some(policy) = self.cluster.policy(name) {
                let selected = self.cluster.pods_in(&name.namespace, &policy.selector);
                let here = selected.into_iter().filter(|pod| pod.node == self.node);
                pods.extend(here.map(|pod| pod.name.clone()));
            }
        }
        pods
    }

    /// Compiles the chains of a pod; `addresses` collects those whose entries in the maps have to be set.
    fn compile_pod(&mut self, name: &Name, addresses: &mut BTreeSet<IpAddr>, edits: &mut Edits) {
        let mut now = Isolated::default();
        let pod = self
            .cluster
            .pod(name)
            .filter(|pod| pod.node == self.node && pod.is_isolable() && !pod.addresses.is_empty());
        for direction in Direction::BOTH {
            let rules = pod.and_then(|pod| chain(&self.cluster, pod, direction, &mut now));
            self.table
                .put_chain(chain_name(name, direction), rules, edits);
        }
        if !now.policies.is_empty() {
            now.addresses = pod.map(|pod| pod.addresses.clone()).unwrap_or_default();
        }
        addresses.extend(&now.addresses);
        for (set, members) in &now.sets {
            self.acquire(set, members, edits);
        }
        for policy in &now.policies {
            let selected = self.selected.entry(policy.clone()).or_default();
            selected.insert(name.clone());
        }
        let before = match now.policies.is_empty() {
            true => self.isolated.remove(name),
            false => self.isolated.insert(name.clone(), now),
        };
        if let Some(before) = before {
            addresses.extend(&before.addresses);
            self.drop_uses(name, &before);
        }
    }

    /// Releases the sets and policies that a pod's chains used before they were compiled again.
    fn drop_uses(&mut self, name: &Name, before: &Isolated) {
        for set in before.sets.keys() {
            if let Some(used) = self.sets.get_mut(set) {
                used.pods -= 1;
            }
        }
        let now = self.isolated.get(name);
        let gone = before
            .policies
            .iter()
            .filter(|policy| now.is_none_or(|now| !now.policies.contains(*policy)));
        for policy in gone {
            if let Some(selected) = self.selected.get_mut(policy) {
                selected.remove(name);
                if selected.is_empty() {
                    self.selected.remove(policy);
                }
            }
        }
    }

    fn acquire(&mut self, name: &str, members: &Members, edits: &mut Edits) {
        if let Some(used) = self.sets.get_mut(name) {
            used.pods += 1;
            return;
        }
        let members = members.clone();
        self.table.put_set(name, members.key(), edits);
        let all = members.all(&self.cluster, &self.node);
        self.table.fill(name, all, edits);
        let used = Used { members, pods: 1 };
        self.sets.insert(name.to_owned(), used);
    }

    fn release_sets(&mut self, edits: &mut Edits) {
        self.sets.retain(|name, used| {
            if used.pods == 0 {
                self.table.remove_set(name, edits);
            }
            used.pods > 0
        });
    }

    /// If several pods of the node have the address, the last by name gets it.
    fn map_address(&mut self, address: IpAddr, edits: &mut Edits) {
        for direction in Direction::BOTH {
            let pods = self.cluster.pods_at(address);
            let chains = pods
                .filter(|pod| pod.node == self.node)
                .map(|pod| chain_name(&pod.name, direction))
                .filter(|chain| self.table.has_chain(chain));
            let chain = chains.last();
            self.table
                .put_entry(map_of(direction, address), address, chain, edits);
        }
    }
}

/// The rules for a pod in a direction; `None` if no policy isolates it there. The sets and policies used are
/// added to `uses`.
fn chain(
    cluster: &Cluster,
    pod: &Pod,
    direction: Direction,
    uses: &mut Isolated,
) -> Option<Vec<String>> {
    let policies = cluster.policies_of(pod, direction);
    if policies.is_empty() {
        return None;
    }
    let mut lines = rules::itself(pod, direction);
    for policy in policies {
        uses.policies.insert(policy.name.clone());
        lines.extend(of_policy(policy, direction, pod, &mut uses.sets));
    }
    lines.push("goto refuse".to_owned());
    Some(lines)
}

fn of_policy(
    policy: &Policy,
    direction: Direction,
    pod: &Pod,
    sets: &mut BTreeMap<String, Members>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, rule) in policy.rules(direction).into_iter().flatten().enumerate() {
        for peer in &rule.peers {
            if let Peer::Pods(group) = peer {
                let set = sets.entry(members::group_name(group));
                set.or_insert_with(|| Members::Peers(group.clone()));
            }
        }
        let named = rules::egress_names(rule, direction).then(|| {
            let set = members::ports_name(&policy.name, rule);
            sets.insert(set.clone(), Members::Ports(rule.clone()));
            set
        });
        let matches = rules::matches(rule, direction, pod, named.as_deref());
        let comment = comment(policy, direction, at);
        lines.extend(matches.into_iter().map(|line| match line.as_str() {
            "" => format!("return comment \"{comment}\""),
            line => format!("{line} return comment \"{comment}\""),
        }));
    }
    lines
}

/// The policy and rule of a line, as far as they fit the kernel's limit.
fn comment(policy: &Policy, direction: Direction, at: usize) -> String {
    let policy: String = policy.name.name.chars().take(80).collect();
    format!("{policy} {}[{at}]", prefix(direction))
}

const fn prefix(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

fn chain_name(pod: &Name, direction: Direction) -> String {
    let whole = pod.to_string();
    name(prefix(direction), &whole, &whole)
}

const fn map_of(direction: Direction, address: IpAddr) -> &'static str {
    match (direction, address) {
        (Direction::Egress, IpAddr::V4(_)) => "egress4",
        (Direction::Egress, IpAddr::V6(_)) => "egress6",
        (Direction::Ingress, IpAddr::V4(_)) => "ingress4",
        (Direction::Ingress, IpAddr::V6(_)) => "ingress6",
    }
}
