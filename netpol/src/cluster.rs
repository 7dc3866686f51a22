//! Pods, namespaces and policies, indexed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_api::selector::{LabelSelector, Labels};

use crate::index::{Labelled, Selecting};
use crate::pod::{Name, Pod};
use crate::policy::{Direction, Policy};

/// All objects that a verdict depends on. A change costs only what it affects: for a pod its labels and
/// addresses, for a policy its selector.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    namespaces: BTreeMap<String, Namespace>,
    by_address: BTreeMap<IpAddr, BTreeSet<Name>>,
}

#[derive(Clone, Debug, Default)]
struct Namespace {
    exists: bool,
    labels: Labels,
    pods: BTreeMap<String, Pod>,
    by_label: Labelled<String>,
    policies: BTreeMap<String, Policy>,
    by_selector: Selecting<String>,
}

static NO_LABELS: Labels = Labels::new();

impl Cluster {
    /// Adds or changes a namespace.
    pub fn put_namespace(&mut self, name: &str, labels: Labels) {
        let namespace = self.namespaces.entry(name.to_owned()).or_default();
        namespace.exists = true;
        namespace.labels = labels;
    }

    /// Removes a namespace; its pods and policies are removed by their own events.
    pub fn remove_namespace(&mut self, name: &str) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.exists = false;
            namespace.labels.clear();
        }
        self.tidy(name);
    }

    /// Adds or changes a pod.
    pub fn put_pod(&mut self, pod: Pod) {
        self.remove_pod(&pod.name);
        for address in &pod.addresses {
            let at = self.by_address.entry(*address).or_default();
            at.insert(pod.name.clone());
        }
        let namespace = self.namespaces.entry(pod.name.namespace.clone());
        let namespace = namespace.or_default();
        namespace.by_label.insert(&pod.name.name, &pod.labels);
        namespace.pods.insert(pod.name.name.clone(), pod);
    }

    /// Removes a pod.
    pub fn remove_pod(&mut self, name: &Name) {
        let Some(namespace) = self.namespaces.get_mut(&name.namespace) else {
            return;
        };
        let Some(pod) = namespace.pods.remove(&name.name) else {
            return;
        };
        namespace.by_label.remove(&name.name, &pod.labels);
        for address in &pod.addresses {
            if let Some(at) = self.by_address.get_mut(address) {
                at.remove(name);
                if at.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
        self.tidy(&name.namespace);
    }

    /// Adds or changes a policy.
    pub fn put_policy(&mut self, policy: Policy) {
        self.remove_policy(&policy.name);
        let namespace = self.namespaces.entry(policy.name.namespace.clone());
        let namespace = namespace.or_default();
        let name = &policy.name.name;
        namespace.by_selector.insert(name, &policy.selector);
        namespace.policies.insert(name.clone(), policy);
    }

    /// Removes a policy.
    pub fn remove_policy(&mut self, name: &Name) {
        if let Some(namespace) = self.namespaces.get_mut(&name.namespace)
            && let Some(policy) = namespace.policies.remove(&name.name)
        {
            namespace.by_selector.remove(&name.name, &policy.selector);
        }
        self.tidy(&name.namespace);
    }

    /// Drops a namespace that has no labels, pods or policies left.
    fn tidy(&mut self, name: &str) {
        let is_empty = |n: &Namespace| !n.exists && n.pods.is_empty() && n.policies.is_empty();
        if self.namespaces.get(name).is_some_and(is_empty) {
            self.namespaces.remove(name);
        }
    }

    /// The names of the known namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.keys().map(String::as_str)
    }

    /// The labels of a namespace; empty for an unknown one.
    pub fn labels_of(&self, namespace: &str) -> &Labels {
        let found = self.namespaces.get(namespace);
        found.map_or(&NO_LABELS, |namespace| &namespace.labels)
    }

    /// Whether a namespace exists.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains_key(name)
    }

    /// A pod.
    pub fn pod(&self, name: &Name) -> Option<&Pod> {
        self.namespaces.get(&name.namespace)?.pods.get(&name.name)
    }

    /// All pods, by namespace and name.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.namespaces.values().flat_map(|n| n.pods.values())
    }

    /// All policies, by namespace and name.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.namespaces.values().flat_map(|n| n.policies.values())
    }

    /// A policy.
    pub fn policy(&self, name: &Name) -> Option<&Policy> {
        let namespace = self.namespaces.get(&name.namespace)?;
        namespace.policies.get(&name.name)
    }

    /// The pods with an address of their own, by name; not those of the host network, or that have ended.
    pub fn pods_at(&self, address: IpAddr) -> impl Iterator<Item = &Pod> {
        let names = self.by_address.get(&address).into_iter().flatten();
        let pods = names.filter_map(|name| self.pod(name));
        pods.filter(|pod| pod.is_isolable())
    }

    /// The pod with an address of its own; `None` if it is a node's address, or of ended pods only.
    pub fn pod_at(&self, address: IpAddr) -> Option<&Pod> {
        self.pods_at(address).next()
    }

    /// The policies of a direction that select a pod, by name.
    pub fn policies_of(&self, pod: &Pod, direction: Direction) -> Vec<&Policy> {
        let Some(namespace) = self.namespaces.get(&pod.name.namespace) else {
            return Vec::new();
        };
        let candidates = namespace.by_selector.candidates(&pod.labels).into_iter();
        let policies = candidates.filter_map(|name| namespace.policies.get(name));
        policies
            .filter(|policy| policy.rules(direction).is_some())
            .filter(|policy| policy.selector.matches(Some(&pod.labels)))
            .collect()
    }

    /// The pods of a namespace that a selector matches, by name.
    pub fn pods_in(&self, namespace: &str, selector: &LabelSelector) -> Vec<&Pod> {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let candidates: BTreeSet<_> = namespace
            .by_label
            .candidates(selector)
            .into_iter()
            .collect();
        let pods = candidates
            .into_iter()
            .filter_map(|name| namespace.pods.get(name));
        pods.filter(|pod| selector.matches(Some(&pod.labels)))
            .collect()
    }
}
