//! Nodes.

mod printed;
mod validate;

use k8s_openapi::api::core::v1::{Node, NodeSpec};
use portcullis_api::ErrorList;

use super::pod::defaults::round_up;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{list, text};

/// The rules of nodes (upstream: `pkg/registry/core/node/strategy.go`).
pub struct NodeStrategy;

impl Strategy for NodeStrategy {
    type Kind = Node;

    fn default(&self, node: &mut Node) {
        sync_networks(node.spec.get_or_insert_default());
        let status = node.status.get_or_insert_default();
        for amounts in [&mut status.capacity, &mut status.allocatable]
            .into_iter()
            .flatten()
        {
            round_up(amounts);
        }
        if status.allocatable.is_none() {
            status.allocatable.clone_from(&status.capacity);
        }
        status.daemon_endpoints.get_or_insert_default();
        status.node_info.get_or_insert_default();
    }

    fn prepare_for_update(&self, node: &mut Node, old: &Node) {
        node.status.clone_from(&old.status);
    }

    fn validate(&self, node: &Node) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_node(node, &mut errors);
        errors
    }

    fn validate_update(&self, node: &Node, old: &Node) -> ErrorList {
        let mut errors = self.validate(node);
        validate::validate_node_update(node, old, &mut errors);
        errors
    }

    fn prepare_status_update(&self, node: &mut Node, old: &Node) {
        node.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, node: &Node, old: &Node) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_node_update(node, old, &mut errors);
        errors
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.unschedulable"]
    }

    fn field_values(&self, node: &Node) -> Vec<String> {
        let unschedulable = node.spec.as_ref().and_then(|s| s.unschedulable);
        vec![unschedulable.unwrap_or_default().to_string()]
    }

    fn columns(&self) -> &'static [Column] {
        &printed::COLUMNS
    }

    fn cells(&self, node: &Node) -> Vec<Cell> {
        printed::cells(node)
    }
}

/// The first of a node's networks is in a field of its own too, which counts if they differ: older clients
/// change only that (upstream: `pkg/apis/core/v1/conversion.go`).
fn sync_networks(spec: &mut NodeSpec) {
    let first = list(spec.pod_cidrs.as_ref()).first();
    match (text(spec.pod_cidr.as_ref()), first) {
        ("", first) => spec.pod_cidr = first.cloned(),
        (only, Some(first)) if first == only => {}
        (only, _) => spec.pod_cidrs = Some(vec![only.to_owned()]),
    }
}

#[cfg(test)]
mod tests;
