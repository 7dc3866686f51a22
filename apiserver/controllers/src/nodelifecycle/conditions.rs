//! The conditions of a node.

use k8s_openapi::api::core::v1::{Node, NodeCondition};

/// Whether it is ready for pods.
pub(super) const READY: &str = "Ready";

/// A condition of a node.
pub(super) fn condition<'n>(node: &'n Node, kind: &str) -> Option<&'n NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// The status of a condition as true or false; `None` if it is missing or unknown.
pub(super) fn says(node: &Node, kind: &str) -> Option<bool> {
    condition(node, kind).map(|condition| condition.status == "True")
}

/// Whether a node is ready; `None` if that is not known.
pub(super) fn is_ready(node: &Node) -> Option<bool> {
    says(node, READY)
}

/// Whether the readiness of a node is `Unknown`.
pub(super) fn is_unknown(node: &Node) -> bool {
    condition(node, READY).is_some_and(|condition| condition.status == "Unknown")
}
