//! What a node may say of itself.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, NodeSpec};
use portcullis_api::Status;

use super::Request;
use crate::Operation;

/// Upstream: `k8s.io/kubelet/pkg/apis/well_known_labels.go`.
const OWN_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];
/// Whole domains of labels that are the kubelet's.
const OWN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED_DOMAIN: &str = "node-restriction.kubernetes.io";

type Labels = BTreeMap<String, String>;

impl Request<'_, '_> {
    pub(super) fn judge_node(&self) -> Result<(), Status> {
        let (node, attributes) = (self.node, self.attributes);
        let object = attributes.object.as_deref();
        let posted = object.and_then(|o| o.metadata().name.as_deref());
        let name = match (attributes.operation, attributes.name) {
            (Operation::Create, "") => posted.unwrap_or_default(),
            (_, name) => name,
        };
        if name != node {
            return self.refuse(&format!(
                "node {node:?} is not allowed to modify node {name:?}"
            ));
        }
        match attributes.operation {
            Operation::Create => self.judge_new_node(attributes.typed()?),
            Operation::Update => {
                self.judge_changed_node(attributes.typed()?, self.attributes.typed_old()?)
            }
            Operation::Delete | Operation::Connect => Ok(()),
        }
    }

    fn judge_new_node(&self, new: &Node) -> Result<(), Status> {
        let node = self.node;
        let spec = new.spec.as_ref();
        if spec.is_some_and(|s| s.config_source.is_some()) {
            return self.refuse(&format!(
                "node {node:?} is not allowed to create pods with a non-nil configSource"
            ));
        }
        let forbidden = forbidden(&Labels::new(), new.metadata.labels.as_ref());
        if forbidden.is_empty() {
            return Ok(());
        }
        self.refuse(&format!(
            "node {node:?} is not allowed to set the following labels: {forbidden}"
        ))
    }

    /// Labels and taints steer work: a node does not steer it to itself.
    fn judge_changed_node(&self, new: &Node, old: &Node) -> Result<(), Status> {
        let node = self.node;
        let none = NodeSpec::default();
        let (is, was) = (new.spec.as_ref(), old.spec.as_ref());
        let (is, was) = (is.unwrap_or(&none), was.unwrap_or(&none));
        if is.config_source.is_some() && is.config_source != was.config_source {
            return self.refuse(&format!(
                "node {node:?} is not allowed to update configSource to a new non-nil configSource"
            ));
        }
        let taints = |spec: &NodeSpec| spec.taints.clone().unwrap_or_default();
        if taints(is) != taints(was) {
            return self.refuse(&format!("node {node:?} is not allowed to modify taints"));
        }
        let before = old.metadata.labels.clone().unwrap_or_default();
        let forbidden = forbidden(&before, new.metadata.labels.as_ref());
        if forbidden.is_empty() {
            return Ok(());
        }
        self.refuse(&format!("is not allowed to modify labels: {forbidden}"))
    }
}

/// The labels among those that changed which a node may not touch, as a list to be read.
fn forbidden(before: &Labels, after: Option<&Labels>) -> String {
    let none = Labels::new();
    let after = after.unwrap_or(&none);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    let bad: Vec<_> = changed
        .map(String::as_str)
        .filter(|key| is_forbidden(key))
        .collect();
    bad.join(", ")
}

fn is_forbidden(label: &str) -> bool {
    let domain = label.split_once('/').map_or("", |(domain, _)| domain);
    let is_kubernetes = within(domain, "kubernetes.io") || within(domain, "k8s.io");
    let is_own = OWN_LABELS.contains(&label) || OWN_DOMAINS.iter().any(|own| within(domain, own));
    within(domain, RESTRICTED_DOMAIN) || is_kubernetes && !is_own
}

/// Whether a domain is the other or below it.
fn within(domain: &str, other: &str) -> bool {
    let below = domain.strip_suffix(other);
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
