//! Validation of changes of a pod's status (upstream: `ValidatePodStatusUpdate` in
//! `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::update::validate_annotations;
use crate::validation::labels::validate_label_name;
use crate::validation::net::{parse_ip, validate_ip};
use crate::validation::{invalid_each, list, text};

/// Conditions of the system, whose names need no validation.
const SYSTEM_CONDITIONS: [&str; 4] = ["PodScheduled", "Ready", "Initialized", "ContainersReady"];

/// Validates a change of a pod's status.
pub(super) fn validate_status_update(pod: &Pod, old: &Pod) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("status");
    let (status, old_status) = (
        pod.status.clone().unwrap_or_default(),
        old.status.clone().unwrap_or_default(),
    );
    validate_annotations(pod, old, &mut errors);
    for (i, condition) in list(status.conditions.as_ref()).iter().enumerate() {
        if !SYSTEM_CONDITIONS.contains(&condition.type_.as_str()) {
            // upstream's path, which names the wrong part of the pod
            let path = Path::new("metadata").child("conditions");
            let path = path.index(i).child("Type");
            validate_label_name(&condition.type_, &path, &mut errors);
        }
    }
    let nominated = text(status.nominated_node_name.as_ref());
    if !nominated.is_empty() && status.nominated_node_name != old_status.nominated_node_name {
        let path = path.child("nominatedNodeName");
        invalid_each(
            &path,
            nominated,
            name::dns1123_subdomain(nominated),
            &mut errors,
        );
    }
    let policy = old.spec.as_ref().and_then(|s| s.restart_policy.as_ref());
    for (field, new, old, policy) in [
        (
            "containerStatuses",
            &status.container_statuses,
            &old_status.container_statuses,
            text(policy),
        ),
        (
            "initContainerStatuses",
            &status.init_container_statuses,
            &old_status.init_container_statuses,
            text(policy),
        ),
        (
            "ephemeralContainerStatuses",
            &status.ephemeral_container_statuses,
            &old_status.ephemeral_container_statuses,
            // these are never restarted
            "Never",
        ),
    ] {
        let (new, old) = (list(new.as_ref()), list(old.as_ref()));
        stay_terminated(new, old, policy, &path.child(field), &mut errors);
    }
    let pod_ips: Vec<_> = (list(status.pod_ips.as_ref()).iter())
        .map(|a| a.ip.as_str())
        .collect();
    validate_addresses(&pod_ips, &path.child("podIPs"), &mut errors);
    validate_host_addresses(&status, &path.child("hostIPs"), &mut errors);
    errors
}

/// A container that has ended and is not restarted stays terminated.
fn stay_terminated(
    new: &[ContainerStatus],
    old: &[ContainerStatus],
    policy: &str,
    path: &Path,
    errors: &mut ErrorList,
) {
    if policy == "Always" {
        return;
    }
    let ended = |s: &ContainerStatus| s.state.as_ref().and_then(|s| s.terminated.clone());
    for (i, before) in old.iter().enumerate() {
        let Some(terminated) = ended(before) else {
            continue;
        };
        if terminated.exit_code != 0 && policy == "OnFailure" {
            continue;
        }
        let revived = |s: &&ContainerStatus| s.name == before.name && ended(s).is_none();
        if new.iter().find(revived).is_some() {
            let detail = "may not be transitioned to non-terminated state";
            let path = path.index(i).child("state");
            errors.push(FieldError::forbidden(&path, detail));
        }
    }
}

/// The first of the addresses of a pod's host is in a field of its own too, and only this check keeps the two
/// equal (upstream: `validateHostIPs`, since 1.28).
fn validate_host_addresses(status: &PodStatus, path: &Path, errors: &mut ErrorList) {
    let addresses: Vec<_> = (list(status.host_ips.as_ref()).iter())
        .map(|a| a.ip.as_str())
        .collect();
    if let Some(first) = addresses.first().copied()
        && first != text(status.host_ip.as_ref())
    {
        let path = path.index(0).child("ip");
        errors.push(FieldError::invalid(
            &path,
            first,
            "must be equal to `hostIP`",
        ));
    }
    validate_addresses(&addresses, path, errors);
}

/// At most one address of each family.
fn validate_addresses(addresses: &[&str], path: &Path, errors: &mut ErrorList) {
    for (i, address) in addresses.iter().enumerate() {
        validate_ip(address, &path.index(i), errors);
    }
    if addresses.len() < 2 {
        return;
    }
    let parsed: Vec<_> = addresses.iter().map(|a| parse_ip(a)).collect();
    let any = |v6: bool| parsed.iter().flatten().any(|ip| ip.is_ipv6() == v6);
    let dual = any(false) && any(true) && parsed.iter().all(Option::is_some);
    if !dual || addresses.len() > 2 {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid(path, &addresses.join(", "), detail));
    }
    for (i, address) in addresses.iter().enumerate() {
        if addresses[..i].contains(address) {
            errors.push(FieldError::duplicate(&path.index(i), *address));
        }
    }
}
