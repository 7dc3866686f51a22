//! What a node says of itself.

use k8s_openapi::api::core::v1::{Node, NodeCondition};

/// Whether it takes pods.
pub(super) const READY: &str = "Ready";

/// A condition of a node.
pub(super) fn condition<'n>(node: &'n Node, kind: &str) -> Option<&'n NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether a node says that something is so; `None` if it says nothing.
pub(super) fn says(node: &Node, kind: &str) -> Option<bool> {
    condition(node, kind).map(|condition| condition.status == "True")
}

/// Whether a node is ready; `None` if it has not said.
pub(super) fn is_ready(node: &Node) -> Option<bool> {
    says(node, READY)
}

/// Whether nobody knows whether a node is ready.
pub(super) fn is_unknown(node: &Node) -> bool {
    condition(node, READY).is_some_and(|condition| condition.status == "Unknown")
}
