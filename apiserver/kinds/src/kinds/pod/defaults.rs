//! Defaults of pods (upstream: `pkg/apis/core/v1/defaults.go`).
//!
//! Templates of pods get the same, except for those of [`default_of_pods_only`].

mod image;
mod volume;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, HTTPGetAction, LifecycleHandler, ObjectFieldSelector, PodSpec, Probe,
    ResourceFieldSelector, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use portcullis_api::quantity::Quantity;

use super::parts::{Parts, all_containers};

pub(crate) use volume::{default_azure_disk, default_claim_spec};

/// Sets a text that is absent or empty.
pub(crate) fn set(field: &mut Option<String>, value: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(value.to_owned());
    }
}

/// Sets a number that is absent or zero.
fn set_number(field: &mut Option<i32>, value: i32) {
    if field.unwrap_or_default() == 0 {
        *field = Some(value);
    }
}

/// The defaults of pods and of templates of pods.
pub fn default_pod_spec(spec: &mut PodSpec) {
    for volume in spec.volumes.iter_mut().flatten() {
        volume::default_volume(volume);
    }
    for container in all_containers(spec) {
        default_container(container);
    }
    if let Some(overhead) = &mut spec.overhead {
        round_up(overhead);
    }
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    spec.termination_grace_period_seconds.get_or_insert(30);
    if spec.host_network == Some(true) {
        let init = spec.init_containers.iter_mut().flatten();
        for container in spec.containers.iter_mut().chain(init) {
            host_ports(container.ports.as_mut());
        }
    }
    sync_service_account(spec);
}

/// The defaults that templates do not get.
pub fn default_of_pods_only(spec: &mut PodSpec) {
    spec.enable_service_links.get_or_insert(true);
    let init = spec.init_containers.iter_mut().flatten();
    for container in spec.containers.iter_mut().chain(init) {
        requests_from_limits(container);
    }
}

/// The old name of the field is still written, and read if the new one is unset (upstream:
/// `pkg/apis/core/v1/conversion.go`).
fn sync_service_account(spec: &mut PodSpec) {
    let set = |name: &Option<String>| name.clone().filter(|n| !n.is_empty());
    let name = set(&spec.service_account_name).or_else(|| set(&spec.service_account));
    spec.service_account.clone_from(&name);
    spec.service_account_name = name;
}

/// In the node's network, the host port is the container's port.
fn host_ports(ports: Option<&mut Vec<ContainerPort>>) {
    for port in ports.into_iter().flatten() {
        set_number(&mut port.host_port, port.container_port);
    }
}

fn requests_from_limits(container: &mut Container) {
    let Some(resources) = &mut container.resources else {
        return;
    };
    if let Some(limits) = &resources.limits {
        let requests = resources.requests.get_or_insert_default();
        for (name, limit) in limits {
            requests
                .entry(name.clone())
                .or_insert_with(|| limit.clone());
        }
    }
}

fn default_container(container: Parts<'_>) {
    set(
        container.image_pull_policy,
        pull_policy(container.image.unwrap_or_default()),
    );
    set(container.termination_message_path, "/dev/termination-log");
    set(container.termination_message_policy, "File");
    for port in container.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
    }
    for variable in container.env.iter_mut().flatten() {
        if let Some(source) = &mut variable.value_from {
            default_references(
                source.field_ref.as_mut(),
                source.resource_field_ref.as_mut(),
            );
        }
    }
    default_resources(container.resources.get_or_insert_default());
    for probe in container.probes.into_iter().flatten() {
        default_probe(probe);
    }
    if let Some(lifecycle) = container.lifecycle {
        for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop] {
            default_handler(handler.as_mut());
        }
    }
}

/// References from a pod to its own fields and its containers' resources.
fn default_references(
    field: Option<&mut ObjectFieldSelector>,
    resource: Option<&mut ResourceFieldSelector>,
) {
    if let Some(field) = field {
        set(&mut field.api_version, "v1");
    }
    if let Some(resource) = resource {
        // the zero of Go's type, which is always written
        resource.divisor.get_or_insert_with(|| Text("0".into()));
    }
}

fn default_resources(resources: &mut ResourceRequirements) {
    for amounts in [&mut resources.limits, &mut resources.requests]
        .into_iter()
        .flatten()
    {
        round_up(amounts);
    }
}

/// Rounds amounts of resources up to a thousandth.
pub(crate) fn round_up(amounts: &mut BTreeMap<String, Text>) {
    for amount in amounts.values_mut() {
        let Ok(parsed) = Quantity::parse(&amount.0) else {
            continue;
        };
        if parsed.to_millis() == parsed {
            continue;
        }
        if let Ok(rounded) = Quantity::parse(&format!("{}m", parsed.millis_rounded_up())) {
            amount.0 = rounded.to_string();
        }
    }
}

fn default_probe(probe: &mut Probe) {
    set_number(&mut probe.timeout_seconds, 1);
    set_number(&mut probe.period_seconds, 10);
    set_number(&mut probe.success_threshold, 1);
    set_number(&mut probe.failure_threshold, 3);
    default_http_get(probe.http_get.as_mut());
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn default_handler(handler: Option<&mut LifecycleHandler>) {
    default_http_get(handler.and_then(|h| h.http_get.as_mut()));
}

fn default_http_get(action: Option<&mut HTTPGetAction>) {
    if let Some(action) = action {
        set(&mut action.path, "/");
        set(&mut action.scheme, "HTTP");
    }
}

/// An image that may change under its tag is always pulled.
fn pull_policy(image: &str) -> &'static str {
    if image::tag(image) == Some("latest") {
        "Always"
    } else {
        "IfNotPresent"
    }
}

#[cfg(test)]
mod tests;
