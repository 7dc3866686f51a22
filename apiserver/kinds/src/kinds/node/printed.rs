//! A node's row in a Table (upstream: `printNode` in
//! `pkg/printers/internalversion/printers.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeStatus};

use crate::strategy::{Cell, Column};
use crate::validation::{list, text};

/// The prefix of labels that name a role.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
/// The label whose value is a role.
const ROLE: &str = "kubernetes.io/role";

pub(super) static COLUMNS: [Column; 10] = [
    Column::NAME,
    Column::text(
        "Status",
        "Whether the node is ready, and whether pods may come to it.",
    ),
    Column::text("Roles", "What the node's labels say it is for."),
    Column::AGE,
    Column::text("Version", "The version of the kubelet."),
    Column::text("Internal-IP", "The address inside the cluster.").wide(),
    Column::text("External-IP", "The address outside the cluster.").wide(),
    Column::text("OS-Image", "The operating system, from /etc/os-release.").wide(),
    Column::text("Kernel-Version", "The version of the kernel.").wide(),
    Column::text(
        "Container-Runtime",
        "What runs the containers, and its version.",
    )
    .wide(),
];

pub(super) fn cells(node: &Node) -> Vec<Cell> {
    let status = node.status.clone().unwrap_or_default();
    let info = status.node_info.clone().unwrap_or_default();
    let known = |text: &str| match text {
        "" => Cell::text("<unknown>"),
        text => Cell::text(text),
    };
    vec![
        Cell::name(node),
        Cell::text(state(node, &status)),
        Cell::text(roles(node)),
        Cell::age(node),
        Cell::text(info.kubelet_version),
        Cell::text(address(&status, "InternalIP")),
        Cell::text(address(&status, "ExternalIP")),
        known(&info.os_image),
        known(&info.kernel_version),
        known(&info.container_runtime_version),
    ]
}

fn state(node: &Node, status: &NodeStatus) -> String {
    let mut conditions = list(status.conditions.as_ref()).iter();
    let ready = conditions.find(|c| c.type_ == "Ready");
    let mut words = vec![match ready.map(|c| c.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if node
        .spec
        .as_ref()
        .is_some_and(|s| s.unschedulable == Some(true))
    {
        words.push("SchedulingDisabled");
    }
    words.join(",")
}

fn roles(node: &Node) -> String {
    let labels = node.metadata.labels.iter().flatten();
    let roles: BTreeSet<_> = labels
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None => (key == ROLE).then_some(value.as_str()),
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() {
        return "<none>".into();
    }
    roles.into_iter().collect::<Vec<_>>().join(",")
}

fn address(status: &NodeStatus, kind: &str) -> String {
    let mut addresses = list(status.addresses.as_ref()).iter();
    let found = addresses.find(|a| a.type_ == kind);
    found.map_or_else(|| "<none>".into(), |a| text(Some(&a.address)).to_owned())
}
