//! A pod as an endpoint of the services that select it.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Pod, PodSpec, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A pod behind services.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) node: Option<String>,
    addresses: Vec<IpAddr>,
    pub(super) is_ready: bool,
    pub(super) is_terminating: bool,
    /// Whether its containers have ended and will not be restarted.
    has_ended: bool,
    hostname: String,
    subdomain: String,
    /// Named ports, with their protocols.
    ports: Vec<(String, String, i32)>,
}

impl Member {
    pub(super) fn of(pod: &Pod) -> Self {
        let (meta, status) = (&pod.metadata, pod.status.as_ref());
        let none = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&none);
        let more = status.and_then(|status| status.pod_ips.as_ref());
        let more = more.into_iter().flatten().map(|ip| ip.ip.as_str());
        let first = status.and_then(|status| status.pod_ip.as_deref());
        let mut addresses = Vec::new();
        for address in first
            .into_iter()
            .chain(more)
            .filter_map(|ip| ip.parse().ok())
        {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let mut conditions = conditions.into_iter().flatten();
        let phase = status.and_then(|status| status.phase.as_deref());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            namespace: text(&meta.namespace),
            name: text(&meta.name),
            uid: text(&meta.uid),
            node: spec.node_name.clone().filter(|node| !node.is_empty()),
            addresses,
            is_ready: conditions.any(|c| c.type_ == "Ready" && c.status == "True"),
            is_terminating: meta.deletion_timestamp.is_some(),
            has_ended: matches!(
                (spec.restart_policy.as_deref(), phase),
                (Some("Never" | "OnFailure"), Some("Succeeded")) | (Some("Never"), Some("Failed"))
            ),
            hostname: text(&spec.hostname),
            subdomain: text(&spec.subdomain),
            ports: ports(spec),
        }
    }

    /// Whether it is an endpoint at all (upstream: `ShouldPodBeInEndpoints`).
    pub(super) fn counts(&self, with_terminating: bool) -> bool {
        !self.addresses.is_empty() && !self.has_ended && (with_terminating || !self.is_terminating)
    }

    /// Its address of a family.
    pub(super) fn address(&self, ipv6: bool) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter();
        addresses.find(|address| address.is_ipv6() == ipv6).copied()
    }

    /// Its host name in DNS within a service (upstream: `ShouldSetHostname`).
    pub(super) fn hostname(&self, service: &Service) -> Option<String> {
        let name = service.metadata.name.as_deref();
        let is_known = !self.hostname.is_empty() && name == Some(&self.subdomain);
        is_known.then(|| self.hostname.clone())
    }

    /// The number of the pod's port for a service's port; `None` if the pod has none of that name (upstream:
    /// `FindPort`).
    pub(super) fn port(&self, port: &ServicePort) -> Option<i32> {
        let protocol = protocol(port);
        match &port.target_port {
            None => Some(port.port),
            Some(IntOrString::Int(0)) => Some(port.port),
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(name)) => {
                let mut ports = self.ports.iter();
                let found = ports.find(|(known, of, _)| known == name && of == protocol);
                found.map(|(_, _, number)| *number)
            }
        }
    }
}

/// The protocol of a service's port.
pub(super) fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn ports(spec: &PodSpec) -> Vec<(String, String, i32)> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let containers = spec.containers.iter().chain(sidecars);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let named = ports.filter_map(|port| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((port.name.clone()?, protocol, port.container_port))
    });
    named.collect()
}
