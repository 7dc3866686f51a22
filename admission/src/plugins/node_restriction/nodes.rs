//! What a node may change of its own `Node`.

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
/// Label domains that belong to the kubelet.
const OWN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED_DOMAIN: &str = "node-restriction.kubernetes.io";

type Labels = BTreeMap<String, String>;

impl Request<'_, '_> {
    pub(super) fn check_node(&self) -> Result<(), Status> {
        let (node, attributes) = (self.node, self.attributes);
        let object = attributes.object.as_deref();
        let posted = object.and_then(|o| o.metadata().name.as_deref());
        let name = match (attributes.operation, attributes.name) {
            (Operation::Create, "") => posted.unwrap_or_default(),
            (_, name) => name,
        };
        if name != node {
            return self.deny(&format!(
                "node {node:?} is not allowed to modify node {name:?}"
            ));
        }
        match attributes.operation {
            Operation::Create => self.check_created_node(attributes.typed()?),
            Operation::Update => {
                self.check_updated_node(attributes.typed()?, self.attributes.typed_old()?)
            }
            Operation::Delete | Operation::Connect => Ok(()),
        }
    }

    fn check_created_node(&self, new: &Node) -> Result<(), Status> {
        let node = self.node;
        let spec = new.spec.as_ref();
        if spec.is_some_and(|s| s.config_source.is_some()) {
            return self.deny(&format!(
                "node {node:?} is not allowed to create pods with a non-nil configSource"
            ));
        }
        let forbidden = forbidden_labels(&Labels::new(), new.metadata.labels.as_ref());
        if forbidden.is_empty() {
            return Ok(());
        }
        self.deny(&format!(
            "node {node:?} is not allowed to set the following labels: {forbidden}"
        ))
    }

    /// Labels and taints steer scheduling, and a compromised node must not attract pods.
    fn check_updated_node(&self, new: &Node, old: &Node) -> Result<(), Status> {
        let node = self.node;
        let none = NodeSpec::default();
        let spec = new.spec.as_ref().unwrap_or(&none);
        let old_spec = old.spec.as_ref().unwrap_or(&none);
        if spec.config_source.is_some() && spec.config_source != old_spec.config_source {
            return self.deny(&format!(
                "node {node:?} is not allowed to update configSource to a new non-nil configSource"
            ));
        }
        let taints = |spec: &NodeSpec| spec.taints.clone().unwrap_or_default();
        if taints(spec) != taints(old_spec) {
            return self.deny(&format!("node {node:?} is not allowed to modify taints"));
        }
        let before = old.metadata.labels.clone().unwrap_or_default();
        let forbidden = forbidden_labels(&before, new.metadata.labels.as_ref());
        if forbidden.is_empty() {
            return Ok(());
        }
        self.deny(&format!("is not allowed to modify labels: {forbidden}"))
    }
}

/// The changed labels that a node may not change, joined with commas.
fn forbidden_labels(before: &Labels, after: Option<&Labels>) -> String {
    let none = Labels::new();
    let after = after.unwrap_or(&none);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    let forbidden: Vec<_> = changed
        .map(String::as_str)
        .filter(|key| is_forbidden(key))
        .collect();
    forbidden.join(", ")
}

fn is_forbidden(label: &str) -> bool {
    let domain = label.split_once('/').map_or("", |(domain, _)| domain);
    let is_kubernetes = within(domain, "kubernetes.io") || within(domain, "k8s.io");
    let is_own = OWN_LABELS.contains(&label) || OWN_DOMAINS.iter().any(|own| within(domain, own));
    within(domain, RESTRICTED_DOMAIN) || is_kubernetes && !is_own
}

/// Whether a domain equals `other` or is a subdomain of it.
fn within(domain: &str, other: &str) -> bool {
    let prefix = domain.strip_suffix(other);
    prefix.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
