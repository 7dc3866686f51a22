//! Services: one address for many pods.

mod change;
mod printed;
pub mod traffic;
mod validate;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, ServiceStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::{ErrorList, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::text;
use traffic::{CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT};

/// The default time that a client keeps its pod, in seconds.
const AFFINITY_SECONDS: i32 = 3 * 60 * 60;

/// The rules of services (upstream: `pkg/registry/core/service/strategy.go` and
/// `.../storage/storage.go`). Addresses and ports are given out by the ranges of the registry.
pub struct ServiceStrategy;

impl Strategy for ServiceStrategy {
    type Kind = Service;

    fn default(&self, service: &mut Service) {
        default_spec(service.spec.get_or_insert_default());
        let status = service.status.get_or_insert_default();
        status.load_balancer.get_or_insert_default();
    }

    fn prepare_for_create(&self, service: &mut Service) {
        service.status = Some(ServiceStatus {
            load_balancer: Some(Default::default()),
            ..ServiceStatus::default()
        });
        let spec = service.spec.get_or_insert_default();
        change::complete_addresses(spec);
    }

    fn prepare_for_update(&self, service: &mut Service, old: &Service) {
        service.status.clone_from(&old.status);
        let old = old.spec.clone().unwrap_or_default();
        change::prepare(service.spec.get_or_insert_default(), &old);
    }

    fn validate(&self, service: &Service) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_service(service, &mut errors);
        errors
    }

    fn validate_update(&self, service: &Service, old: &Service) -> ErrorList {
        let mut errors = ErrorList::new();
        if let (Some(spec), Some(old)) = (&service.spec, &old.spec) {
            change::validate_change(spec, old, &mut errors);
        }
        errors.extend(self.validate(service));
        errors
    }

    fn prepare_status_update(&self, service: &mut Service, old: &Service) {
        service.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, service: &Service, _: &Service) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_status(service, &mut errors);
        errors
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::dns1035_label(value)
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &printed::COLUMNS
    }

    fn cells(&self, service: &Service) -> Vec<Cell> {
        printed::cells(service)
    }
}

/// Upstream: `SetDefaults_Service` in `pkg/apis/core/v1/defaults.go`.
fn default_spec(spec: &mut ServiceSpec) {
    let set = |field: &mut Option<String>, value: &str| {
        if text(field.as_ref()).is_empty() {
            *field = Some(value.to_owned());
        }
    };
    set(&mut spec.session_affinity, "None");
    set(&mut spec.type_, CLUSTER_IP);
    match spec.session_affinity.as_deref() {
        Some("None") => spec.session_affinity_config = None,
        Some("ClientIP") => {
            let config = spec.session_affinity_config.get_or_insert_default();
            let client = config.client_ip.get_or_insert_default();
            client.timeout_seconds.get_or_insert(AFFINITY_SECONDS);
        }
        _ => {}
    }
    for port in spec.ports.iter_mut().flatten() {
        default_port(port);
    }
    let kind = spec.type_.as_deref();
    if matches!(kind, Some(NODE_PORT | LOAD_BALANCER)) {
        set(&mut spec.external_traffic_policy, "Cluster");
    }
    if matches!(kind, Some(CLUSTER_IP | NODE_PORT | LOAD_BALANCER)) {
        spec.internal_traffic_policy
            .get_or_insert_with(|| "Cluster".into());
    }
    if kind == Some(LOAD_BALANCER) {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
    }
}

fn default_port(port: &mut ServicePort) {
    if text(port.protocol.as_ref()).is_empty() {
        port.protocol = Some("TCP".into());
    }
    let unset = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if unset {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}

/// Whether a service is an alias for an external name.
fn is_external_name(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() == Some(EXTERNAL_NAME)
}

#[cfg(test)]
mod tests;
