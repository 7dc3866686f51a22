//! The allocated values that a service's type needs (upstream: `pkg/api/service/util.go` and
//! `pkg/registry/core/service/storage/storage.go`).

use k8s_openapi::api::core::v1::ServiceSpec;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::{list, text};

/// Has an address inside the cluster.
pub const CLUSTER_IP: &str = "ClusterIP";
/// Has a port on every node as well.
pub const NODE_PORT: &str = "NodePort";
/// Has an external load balancer as well.
pub const LOAD_BALANCER: &str = "LoadBalancer";
/// An alias for an external name.
pub const EXTERNAL_NAME: &str = "ExternalName";
/// The value for no address.
pub const NONE: &str = "None";

fn kind(spec: &ServiceSpec) -> &str {
    text(spec.type_.as_ref())
}

/// Whether the type has an address of its own, even if it is [`NONE`].
pub fn needs_cluster_ip(spec: &ServiceSpec) -> bool {
    matches!(kind(spec), CLUSTER_IP | NODE_PORT | LOAD_BALANCER)
}

/// Whether the type has ports on the nodes.
pub fn needs_node_ports(spec: &ServiceSpec) -> bool {
    matches!(kind(spec), NODE_PORT | LOAD_BALANCER)
}

/// Whether node ports are allocated if none are named.
pub fn may_draw_node_ports(spec: &ServiceSpec) -> bool {
    needs_node_ports(spec)
        && (kind(spec) == NODE_PORT || spec.allocate_load_balancer_node_ports != Some(false))
}

/// Whether a load balancer checks on each node if it has pods of the service.
pub fn needs_health_check_port(spec: &ServiceSpec) -> bool {
    kind(spec) == LOAD_BALANCER && spec.external_traffic_policy.as_deref() == Some("Local")
}

/// Whether the service has no address.
pub fn is_headless(spec: &ServiceSpec) -> bool {
    matches!(list(spec.cluster_ips.as_ref()), [only] if only == NONE)
}

/// The policy and health check port that types allow; only reported for a service without other errors
/// (upstream: `ValidateServiceExternalTrafficFieldsCombination`).
pub fn validate_external_traffic(spec: &ServiceSpec, errors: &mut ErrorList) {
    let path = Path::new("spec");
    let policy = text(spec.external_traffic_policy.as_ref());
    if !needs_node_ports(spec) && !policy.is_empty() {
        let detail = "ExternalTrafficPolicy can only be set on NodePort and LoadBalancer service";
        let path = path.child("externalTrafficPolicy");
        errors.push(FieldError::invalid(&path, policy, detail));
    }
    let port = spec.health_check_node_port.unwrap_or_default();
    if !needs_health_check_port(spec) && port != 0 {
        let detail = "HealthCheckNodePort can only be set on LoadBalancer service with ExternalTrafficPolicy=Local";
        let path = path.child("healthCheckNodePort");
        errors.push(FieldError::invalid(&path, port, detail));
    }
}
