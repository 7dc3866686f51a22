//! The taints that follow from a node's status.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{is_ready, is_unknown, says};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const NO_SCHEDULE: &str = "NoSchedule";
const NO_EXECUTE: &str = "NoExecute";

/// The conditions of a node, with their taints.
const CONDITIONS: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    (
        "NetworkUnavailable",
        "node.kubernetes.io/network-unavailable",
    ),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
];

/// The taints of a node.
pub(super) fn of(node: &Node) -> Vec<Taint> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone());
    taints.unwrap_or_default()
}

/// The taints by which pods that do not tolerate them are deleted.
pub(super) fn evicting(node: &Node) -> Vec<Taint> {
    let mut taints = of(node);
    taints.retain(|taint| taint.effect == NO_EXECUTE);
    taints
}

/// The desired taints of a node: foreign ones unchanged, and those of its status. `is_alone` says that no
/// node is ready, so that no pod is deleted.
pub(super) fn wanted(node: &Node, is_alone: bool, at: Timestamp) -> Vec<Taint> {
    let has_said = is_ready(node).is_some();
    let is_wanted = |key: &str, effect: &str| match (key, effect) {
        (NOT_READY | UNREACHABLE, NO_EXECUTE) if is_alone => false,
        (NOT_READY, _) => is_ready(node) == Some(false) && !is_unknown(node),
        (UNREACHABLE, _) => is_unknown(node),
        (UNSCHEDULABLE, _) => {
            let spec = node.spec.as_ref();
            spec.and_then(|spec| spec.unschedulable) == Some(true)
        }
        _ => {
            let mut conditions = CONDITIONS.iter();
            conditions.any(|(kind, taint)| *taint == key && says(node, kind) == Some(true))
        }
    };
    // for a node without a status, admission has added the taint that it is not ready
    let is_ours = |key: &str, effect: &str| match effect {
        NO_EXECUTE => has_said && matches!(key, NOT_READY | UNREACHABLE),
        NO_SCHEDULE if matches!(key, NOT_READY | UNREACHABLE) => has_said,
        NO_SCHEDULE => key == UNSCHEDULABLE || CONDITIONS.iter().any(|(_, taint)| *taint == key),
        _ => false,
    };
    let mut taints = of(node);
    taints.retain(|t| !is_ours(&t.key, &t.effect) || is_wanted(&t.key, &t.effect));
    let of_conditions = CONDITIONS.iter().map(|(_, taint)| (*taint, NO_SCHEDULE));
    let of_readiness = [NOT_READY, UNREACHABLE]
        .into_iter()
        .flat_map(|key| [(key, NO_SCHEDULE), (key, NO_EXECUTE)]);
    let all = of_readiness
        .chain([(UNSCHEDULABLE, NO_SCHEDULE)])
        .chain(of_conditions);
    for (key, effect) in all {
        let has = taints
            .iter()
            .any(|taint| taint.key == key && taint.effect == effect);
        if !has && is_ours(key, effect) && is_wanted(key, effect) {
            taints.push(Taint {
                key: key.to_owned(),
                effect: effect.to_owned(),
                time_added: Some(Time(at)),
                ..Taint::default()
            });
        }
    }
    taints
}
