//! Pods by names such as `x/a`, and tables of the pods that reach each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_netpol::{Connection, End, Name, Protocol, judge};
use serde_json::{Value, json};

use crate::world::World;

/// The address family of pods.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Runs a scenario on each family.
pub(super) fn on_both(scenario: impl Fn(Family)) {
    scenario(Family::V4);
    scenario(Family::V6);
}

/// The namespaces x, y and z, and some pods in them.
pub(super) struct Model {
    world: World,
    family: Family,
    pods: Vec<String>,
}

fn split(pod: &str) -> Name {
    let (namespace, name) = pod.split_once('/').unwrap();
    Name::new(namespace, name)
}

impl Model {
    /// Each pod has the label `pod` with its name, and a port `serve-PORT-PROTOCOL` for each pair.
    pub(super) fn new(family: Family, protocols: &[&str], ports: &[u16], pods: &[&str]) -> Self {
        let mut model = Self {
            world: World::default(),
            family,
            pods: pods.iter().map(|pod| (*pod).to_owned()).collect(),
        };
        for namespace in ["x", "y", "z"] {
            model.label_namespace(namespace, json!({}));
        }
        for (at, pod) in pods.iter().enumerate() {
            let name = split(pod);
            let ports = ports.iter().flat_map(|port| {
                protocols.iter().map(move |protocol| {
                    let name = format!("serve-{port}-{}", protocol.to_lowercase());
                    json!({"name": name, "containerPort": port, "protocol": protocol})
                })
            });
            let ports: Vec<_> = ports.collect();
            let pod = json!({
                "metadata": {"name": name.name, "namespace": name.namespace, "labels": {"pod": name.name}},
                "spec": {"containers": [{"name": "c", "ports": ports}]},
                "status": {"phase": "Running", "podIPs": [{"ip": address(family, at)}]},
            });
            model.world.put_pod(serde_json::from_value(pod).unwrap());
        }
        model
    }

    /// The address of a pod, with the length of a prefix that contains only it.
    pub(super) fn block_of(&self, pod: &str) -> String {
        let at = self.pods.iter().position(|name| name == pod).unwrap();
        let length = if self.family == Family::V4 { 32 } else { 128 };
        format!("{}/{length}", address(self.family, at))
    }

    /// A block that contains the addresses of all pods, and many more.
    pub(super) fn large_block(&self) -> &'static str {
        match self.family {
            Family::V4 => "0.0.0.0/4",
            Family::V6 => "f000::/4",
        }
    }

    /// Creates a policy, or replaces one of that name.
    pub(super) fn policy(&mut self, namespace: &str, name: &str, spec: &Value) {
        let policy = json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec});
        self.world
            .put_policy(serde_json::from_value(policy).unwrap());
    }

    pub(super) fn delete_policies(&mut self) {
        for policy in self.world.policies.clone() {
            self.world
                .remove_policy(&crate::world::name_of(&policy.metadata));
        }
    }

    pub(super) fn label_namespace(&mut self, name: &str, labels: Value) {
        let mut all: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
        all.insert("kubernetes.io/metadata.name".into(), name.into());
        all.insert("ns".into(), name.into());
        let namespace = json!({"metadata": {"name": name, "labels": all}});
        self.world
            .put_namespace(serde_json::from_value(namespace).unwrap());
    }

    pub(super) fn label_pod(&mut self, pod: &str, labels: Value) {
        let name = split(pod);
        let pods = self.world.pods.iter();
        let mut found = pods
            .filter(|pod| crate::world::name_of(&pod.metadata) == name)
            .cloned();
        let mut pod = found.next().unwrap();
        let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
        pod.metadata.labels.get_or_insert_default().extend(labels);
        self.world.put_pod(pod);
    }

    /// A table in which every pod reaches every other.
    pub(super) fn table(&self) -> Table<'_> {
        let pairs = self.pods.iter().flat_map(|from| {
            let to = self.pods.iter();
            to.map(move |to| ((from.clone(), to.clone()), true))
        });
        Table {
            model: self,
            expected: pairs.collect(),
        }
    }
}

fn address(family: Family, at: usize) -> IpAddr {
    let host = u8::try_from(at + 10).unwrap();
    match family {
        Family::V4 => IpAddr::from([10, 244, 0, host]),
        Family::V6 => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)]),
    }
}

/// The expected connections between pods.
pub(super) struct Table<'a> {
    model: &'a Model,
    expected: BTreeMap<(String, String), bool>,
}

impl Table<'_> {
    /// Sets the expectation from one to another; each is a pod, a namespace as `x/`, or all pods as an empty
    /// text.
    pub(super) fn set(mut self, from: &str, to: &str, expected: bool) -> Self {
        let is = |pattern: &str, pod: &str| match pattern {
            "" => true,
            _ if pattern.ends_with('/') => pod.starts_with(pattern),
            _ => pod == pattern,
        };
        let mut found = false;
        for ((source, target), value) in &mut self.expected {
            if is(from, source) && is(to, target) {
                *value = expected;
                found = true;
            }
        }
        assert!(found, "no pod is {from} or {to}");
        self
    }

    /// Compares it with the verdicts. A pod's connections to itself are left out, as upstream does.
    pub(super) fn check(&self, port: u16, protocol: &str) {
        let cluster = &self.model.world.cluster;
        let end = |pod: &str| End::pod(cluster.pod(&split(pod)).unwrap());
        let mut compared = 0;
        for ((from, to), expected) in &self.expected {
            if from == to {
                continue;
            }
            let connection = Connection {
                from: end(from),
                to: end(to),
                port,
                protocol: protocol.parse::<Protocol>().unwrap(),
            };
            let verdict = judge(cluster, &connection);
            assert_eq!(
                verdict.allowed(),
                *expected,
                "{from} to {to}, {protocol} {port}: {verdict:?}"
            );
            compared += 1;
        }
        assert!(compared > 0);
    }
}
