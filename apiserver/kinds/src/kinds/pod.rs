//! Pods.

pub mod defaults;
mod parts;
mod printed;
mod qos;
mod seccomp;
mod status;
mod update;
mod validate;
pub(crate) mod warnings;

use k8s_openapi::api::core::v1::{Pod, PodIP, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, Path};

use crate::strategy::{Cell, Column, Grace, Strategy};
use crate::validation::{list, text};

/// The default grace period of a pod, in seconds.
const DEFAULT_GRACE: i64 = 30;

/// The rules of pods (upstream: `pkg/registry/core/pod/strategy.go`).
pub struct PodStrategy;

impl Strategy for PodStrategy {
    type Kind = Pod;

    fn default(&self, pod: &mut Pod) {
        let spec = pod.spec.get_or_insert_default();
        defaults::default_pod_spec(spec);
        defaults::default_of_pods_only(spec);
        sync_addresses(pod.status.get_or_insert_default());
    }

    fn prepare_for_create(&self, pod: &mut Pod) {
        seccomp::sync_profiles(pod);
        if let Some(spec) = &mut pod.spec {
            default_proc_mounts(spec);
        }
        pod.status = Some(PodStatus {
            phase: Some("Pending".into()),
            qos_class: pod.spec.as_ref().map(|s| qos::class(s).to_owned()),
            ..PodStatus::default()
        });
    }

    fn prepare_for_update(&self, pod: &mut Pod, old: &Pod) {
        pod.status.clone_from(&old.status);
    }

    fn validate(&self, pod: &Pod) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_new_pod(pod, &mut errors);
        errors
    }

    fn validate_update(&self, pod: &Pod, old: &Pod) -> ErrorList {
        update::validate_update(pod, old)
    }

    fn prepare_subresource(&self, subresource: &str, pod: &mut Pod, old: &Pod) {
        if subresource == "ephemeralcontainers" {
            keep_ephemeral_containers(pod, old);
        }
    }

    fn validate_subresource(&self, subresource: &str, pod: &Pod, old: &Pod) -> ErrorList {
        match subresource {
            "ephemeralcontainers" => update::validate_ephemeral_containers_update(pod, old),
            _ => ErrorList::new(),
        }
    }

    fn grace(&self, pod: &Pod) -> Option<Grace> {
        let spec = pod.spec.as_ref();
        let scheduled = spec.is_some_and(|s| !text(s.node_name.as_ref()).is_empty());
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        // No kubelet would end a pod that is on no node, or has ended.
        if !scheduled || matches!(phase, Some("Succeeded" | "Failed")) {
            return Some(Grace::None);
        }
        let seconds = spec.and_then(|s| s.termination_grace_period_seconds);
        Some(Grace::Seconds(seconds.unwrap_or(DEFAULT_GRACE)))
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn prepare_status_update(&self, pod: &mut Pod, old: &Pod) {
        pod.spec.clone_from(&old.spec);
        pod.metadata
            .owner_references
            .clone_from(&old.metadata.owner_references);
    }

    fn validate_status_update(&self, pod: &Pod, old: &Pod) -> ErrorList {
        status::validate_status_update(pod, old)
    }

    fn warnings(&self, pod: &Pod) -> Vec<String> {
        let spec = pod.spec.as_ref();
        spec.map_or_else(Vec::new, |spec| {
            warnings::for_pod(&pod.metadata, spec, &Path::default())
        })
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]
    }

    fn field_values(&self, pod: &Pod) -> Vec<String> {
        let spec = pod.spec.as_ref();
        let status = pod.status.as_ref();
        [
            text(spec.and_then(|s| s.node_name.as_ref())),
            text(spec.and_then(|s| s.restart_policy.as_ref())),
            text(spec.and_then(|s| s.scheduler_name.as_ref())),
            text(spec.and_then(|s| s.service_account_name.as_ref())),
            text(status.and_then(|s| s.phase.as_ref())),
            text(status.and_then(|s| s.pod_ip.as_ref())),
            // a label that upstream accepts and no pod has
            "",
            text(status.and_then(|s| s.nominated_node_name.as_ref())),
        ]
        .map(str::to_owned)
        .into()
    }

    fn columns(&self) -> &'static [Column] {
        &printed::COLUMNS
    }

    fn cells(&self, pod: &Pod) -> Vec<Cell> {
        printed::cells(pod)
    }
}

/// Restores the old pod except for its ephemeral containers, and for the fields that identify the pod
/// (upstream: `dropNonEphemeralContainerUpdates`).
fn keep_ephemeral_containers(pod: &mut Pod, old: &Pod) {
    let new = std::mem::replace(pod, old.clone());
    pod.metadata = ObjectMeta {
        name: new.metadata.name,
        namespace: new.metadata.namespace,
        resource_version: new.metadata.resource_version,
        uid: new.metadata.uid,
        ..old.metadata.clone()
    };
    pod.spec.get_or_insert_default().ephemeral_containers =
        new.spec.and_then(|spec| spec.ephemeral_containers);
}

/// The first of a pod's addresses is in a field of its own too, which counts if they differ: older clients
/// change only that (upstream: `pkg/apis/core/v1/conversion.go`).
fn sync_addresses(status: &mut PodStatus) {
    let first = list(status.pod_ips.as_ref()).first();
    match (text(status.pod_ip.as_ref()), first) {
        ("", first) => status.pod_ip = first.map(|first| first.ip.clone()),
        (only, Some(first)) if first.ip == only => {}
        (only, _) => {
            let ip = only.to_owned();
            status.pod_ips = Some(vec![PodIP { ip }]);
        }
    }
}

/// A field that upstream, with its feature gate off, stores only as `Default`.
fn default_proc_mounts(spec: &mut PodSpec) {
    for container in parts::all_containers(spec) {
        if let Some(context) = container.security_context
            && context.proc_mount.is_some()
        {
            context.proc_mount = Some("Default".into());
        }
    }
}

#[cfg(test)]
mod tests;
