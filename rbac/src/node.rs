//! The node authorizer: the requests of kubelets, and the objects they may access.
//!
//! Upstream: `plugin/pkg/auth/authorizer/node`, as in 1.24.

use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use k8s_openapi::api::rbac::v1::PolicyRule;
use portcullis_api::UserInfo;
use portcullis_api::field_error::go_quote;

use crate::rule::allows;
use crate::{Attributes, Authorizer, Decision, NameSet, Names, ResourceTarget, Target, bootstrap};

mod graph;
mod references;

#[cfg(test)]
mod tests;

pub use graph::Graph;
use references::Kind;

const LEASE_NAMESPACE: &str = "kube-node-lease";
/// The verbs for objects of the node's own name.
const OWN: [&str; 5] = ["get", "create", "update", "patch", "delete"];

/// Allows nodes (`system:node:<name>` of the group `system:nodes`) the requests of kubelets.
///
/// They have access to secrets, config maps, volumes and service accounts only if a pod bound to the node
/// refers to them; to leases and `CSINodes` only if these are their own. Has no opinion on other users, nor
/// on requests that it does not allow.
#[derive(Debug)]
pub struct NodeAuthorizer {
    graph: Arc<Graph>,
    /// The permissions of all nodes.
    rules: Vec<PolicyRule>,
}

/// The condition for a request of a node.
enum Rule {
    /// None: it is allowed.
    Allowed,
    /// It is not allowed, for this reason.
    Refused(String),
    /// The object must be related to the node. `nameless` is the reason if the request names none.
    Related { kind: Kind, nameless: &'static str },
    /// The object must have the node's name.
    Named { otherwise: &'static str },
}

impl NodeAuthorizer {
    /// Decides by the current content of `graph`.
    pub fn new(graph: Arc<Graph>) -> Self {
        Self {
            graph,
            rules: bootstrap::node_rules(),
        }
    }

    /// The condition for a request.
    fn rule(&self, attributes: &Attributes<'_>) -> Rule {
        let verb = attributes.verb;
        if let Target::Resource(target) = &attributes.target {
            let subdivided = match (target.group, target.resource) {
                ("", "secrets") => Some(read(verb, target, Kind::Secret)),
                ("", "configmaps") => Some(read(verb, target, Kind::ConfigMap)),
                ("", "persistentvolumeclaims") if target.subresource == "status" => {
                    Some(update_status(verb))
                }
                ("", "persistentvolumeclaims") => Some(get(verb, target, Kind::Claim)),
                ("", "persistentvolumes") => Some(get(verb, target, Kind::Volume)),
                ("storage.k8s.io", "volumeattachments") => {
                    Some(get(verb, target, Kind::Attachment))
                }
                ("", "serviceaccounts") => Some(create_token(verb, target)),
                ("coordination.k8s.io", "leases") => Some(lease(verb, target)),
                ("storage.k8s.io", "csinodes") => Some(csi_node(verb, target)),
                _ => None,
            };
            if let Some(rule) = subdivided {
                return rule;
            }
        }
        match self.rules.iter().any(|rule| allows(rule, attributes)) {
            true => Rule::Allowed,
            false => Rule::Refused(String::new()),
        }
    }

    /// Why a node may not do something with an object; `None` if it may.
    fn refusal(&self, node: &str, attributes: &Attributes<'_>) -> Option<String> {
        let (namespace, name) = match attributes.target {
            Target::Resource(target) => (target.namespace, target.name),
            Target::Path(_) => ("", ""),
        };
        match self.rule(attributes) {
            Rule::Allowed => None,
            Rule::Refused(reason) => Some(reason),
            Rule::Related { nameless, .. } if name.is_empty() => Some(nameless.to_owned()),
            Rule::Related { kind, .. } => {
                let relates = self.graph.relates(node, kind, namespace, name);
                (!relates)
                    .then(|| format!("no relationship found between node '{node}' and this object"))
            }
            Rule::Named { otherwise } => (name != node).then(|| otherwise.to_owned()),
        }
    }
}

impl Authorizer for NodeAuthorizer {
    fn name(&self) -> &'static str {
        "Node"
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let reason = match attributes.user.node() {
            None => String::new(),
            Some("") => format!("unknown node for user {}", go_quote(&attributes.user.name)),
            Some(node) => match self.refusal(node, attributes) {
                None => {
                    return Decision::Allow {
                        reason: String::new(),
                    };
                }
                Some(reason) => reason,
            },
        };
        Decision::NoOpinion { reason }
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        let Some(node) = attributes.user.node().filter(|node| !node.is_empty()) else {
            return Names::default();
        };
        match self.rule(attributes) {
            Rule::Allowed => Names::allow(NameSet::All),
            Rule::Refused(_) => Names::default(),
            Rule::Related { kind, .. } => {
                let namespace = attributes.target.namespace();
                let names = self.graph.related(node, kind, namespace);
                Names::allow(NameSet::These(names))
            }
            Rule::Named { .. } => Names::allow(NameSet::These(HashSet::from([node.to_owned()]))),
        }
    }

    fn rules(&self, user: &UserInfo, _namespace: &str) -> SubjectRulesReviewStatus {
        let is_node = user.node().is_some();
        SubjectRulesReviewStatus {
            incomplete: is_node,
            evaluation_error: is_node
                .then(|| "node authorizer does not support user rule resolution".to_owned()),
            ..SubjectRulesReviewStatus::default()
        }
    }
}

fn refused(reason: impl Into<String>) -> Rule {
    Rule::Refused(reason.into())
}

const fn related(kind: Kind) -> Rule {
    Rule::Related {
        kind,
        nameless: "No Object name found",
    }
}

/// Secrets and config maps: kubelets get them one by one, or watch a single one.
fn read(verb: &str, target: &ResourceTarget<'_>, kind: Kind) -> Rule {
    if !matches!(verb, "get" | "list" | "watch") {
        return refused("can only read resources of this type");
    }
    if !target.subresource.is_empty() {
        return refused("cannot read subresource");
    }
    if target.namespace.is_empty() {
        return refused("can only read namespaced object of this type");
    }
    related(kind)
}

fn get(verb: &str, target: &ResourceTarget<'_>, kind: Kind) -> Rule {
    if verb != "get" {
        return refused("can only get individual resources of this type");
    }
    if !target.subresource.is_empty() {
        return refused("cannot get subresource");
    }
    related(kind)
}

fn update_status(verb: &str) -> Rule {
    match verb {
        "update" | "patch" => related(Kind::Claim),
        _ => refused("can only get/update/patch this type"),
    }
}

fn create_token(verb: &str, target: &ResourceTarget<'_>) -> Rule {
    const NAMELESS: &str = "can only create tokens for individual service accounts";
    if verb != "create" || target.name.is_empty() && target.subresource != "token" {
        return refused(NAMELESS);
    }
    if target.subresource != "token" {
        return refused("can only create token subresource of serviceaccount");
    }
    Rule::Related {
        kind: Kind::ServiceAccount,
        nameless: NAMELESS,
    }
}

/// A created object has its name in the body, which `NodeRestriction` checks.
fn own(verb: &str, otherwise: &'static str) -> Rule {
    match verb {
        "create" => Rule::Allowed,
        _ => Rule::Named { otherwise },
    }
}

fn lease(verb: &str, target: &ResourceTarget<'_>) -> Rule {
    if !OWN.contains(&verb) {
        return refused("can only get, create, update, patch, or delete a node lease");
    }
    if target.namespace != LEASE_NAMESPACE {
        return refused(format!(
            "can only access leases in the {LEASE_NAMESPACE:?} system namespace"
        ));
    }
    own(
        verb,
        "can only access node lease with the same name as the requesting node",
    )
}

fn csi_node(verb: &str, target: &ResourceTarget<'_>) -> Rule {
    if !OWN.contains(&verb) {
        return refused("can only get, create, update, patch, or delete a CSINode");
    }
    if !target.subresource.is_empty() {
        return refused("cannot authorize CSINode subresources");
    }
    own(
        verb,
        "can only access CSINode with the same name as the requesting node",
    )
}
