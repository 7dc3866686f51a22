//! The translation of a connection to a Service: to one of the pods behind it.

use std::fmt;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::selector::{LabelSelector, Operator, Requirement};

use crate::cluster::Cluster;
use crate::pod::{Name, Pod, Protocol};

/// The label of an endpoint slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A port in a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortName {
    /// By its number.
    Number(u16),
    /// By its name.
    Name(String),
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A possible destination of a connection to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The pod, if it is one.
    pub pod: Option<Name>,
    /// Its address; a pod may have none yet.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
}

/// The translation of a connection to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The service's port; the port itself for a headless service.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The possible destinations: a proxy picks one at random.
    pub backends: Vec<Backend>,
}

/// Why a connection to a service has no destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// It is an alias for an external DNS name.
    External(String),
    /// It has no such port.
    NoPort {
        /// The requested port.
        port: PortName,
        /// The requested protocol.
        protocol: Protocol,
        /// The ports that it has.
        has: Vec<String>,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(name) => {
                write!(f, "it is a name of {name:?}, outside: ask about an address")
            }
            Self::NoPort {
                port,
                protocol,
                has,
            } => {
                write!(
                    f,
                    "it has no port {port} of {protocol}, but {}",
                    has.join(", ")
                )
            }
        }
    }
}

/// Translates a connection to a service: to the ready endpoints of its slices, or to the pods that its
/// selector matches while no slice has an endpoint.
///
/// The latter is for pods without addresses, for example because no node runs them.
///
/// # Errors
/// [`ServiceError`].
pub fn translate(
    cluster: &Cluster,
    service: &Service,
    slices: &[EndpointSlice],
    port: &PortName,
    protocol: Protocol,
) -> Result<Translation, ServiceError> {
    let spec = service.spec.clone().unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        let name = spec.external_name.unwrap_or_default();
        return Err(ServiceError::External(name));
    }
    let ports = spec.ports.clone().unwrap_or_default();
    let is_headless = spec.cluster_ip.as_deref() == Some("None");
    let wanted = ports.iter().find(|candidate| {
        Protocol::of(candidate.protocol.as_deref()) == Some(protocol) && is_named(candidate, port)
    });
    // A headless service has no address of its own: its pods are reached at the requested port.
    let direct = match port {
        PortName::Number(number) if is_headless => Some(*number),
        _ => None,
    };
    let number = wanted.and_then(|port| u16::try_from(port.port).ok());
    let Some(number) = direct.or(number) else {
        return Err(ServiceError::NoPort {
            port: port.clone(),
            protocol,
            has: ports.iter().map(words).collect(),
        });
    };
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let is_its = |slice: &&EndpointSlice| {
        let labels = slice.metadata.labels.as_ref();
        slice.metadata.namespace.as_deref() == Some(namespace)
            && labels
                .and_then(|l| l.get(SERVICE_NAME))
                .is_some_and(|of| of == name)
    };
    let slices: Vec<_> = slices.iter().filter(is_its).collect();
    let is_empty = |slice: &&EndpointSlice| slice.endpoints.iter().flatten().next().is_none();
    let backends = match &spec.selector {
        Some(selector) if slices.iter().all(is_empty) => {
            let selector = selector_of(selector);
            let pods = cluster.pods_in(namespace, &selector).into_iter();
            pods.filter(|pod| !pod.ended)
                .filter_map(|pod| backend_of(pod, wanted, direct, protocol))
                .collect()
        }
        _ => in_slices(cluster, &slices, wanted, direct),
    };
    Ok(Translation {
        port: number,
        protocol,
        backends,
    })
}

fn is_named(candidate: &ServicePort, port: &PortName) -> bool {
    match port {
        PortName::Number(number) => candidate.port == i32::from(*number),
        PortName::Name(name) => candidate.name.as_ref() == Some(name),
    }
}

fn words(port: &ServicePort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    format!("{} of {protocol}", port.port)
}

fn selector_of(labels: &std::collections::BTreeMap<String, String>) -> LabelSelector {
    let mut selector = LabelSelector::default();
    selector.requirements = labels
        .iter()
        .map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In(vec![value.clone()]),
        })
        .collect();
    selector
}

fn backend_of(
    pod: &Pod,
    port: Option<&ServicePort>,
    direct: Option<u16>,
    protocol: Protocol,
) -> Option<Backend> {
    let target = || {
        let port = port?;
        match &port.target_port {
            None => u16::try_from(port.port).ok(),
            Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
            Some(IntOrString::String(name)) => pod.port(name, protocol),
        }
    };
    Some(Backend {
        pod: Some(pod.name.clone()),
        address: pod.addresses.first().copied(),
        port: direct.or_else(target)?,
    })
}

fn in_slices(
    cluster: &Cluster,
    slices: &[&EndpointSlice],
    port: Option<&ServicePort>,
    direct: Option<u16>,
) -> Vec<Backend> {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let mut found = Vec::new();
    for slice in slices {
        let ports = slice.ports.iter().flatten();
        let named = ports.filter(|candidate| {
            port.is_some_and(|port| text(candidate.name.as_ref()) == text(port.name.as_ref()))
        });
        let target = named
            .filter_map(|port| u16::try_from(port.port?).ok())
            .next();
        let Some(target) = direct.or(target) else {
            continue;
        };
        let endpoints = slice.endpoints.iter().flatten();
        let ready = endpoints.filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|c| c.ready) != Some(false)
        });
        found.extend(ready.map(|endpoint| Backend {
            pod: pod_of(cluster, slice, endpoint),
            address: address_of(endpoint),
            port: target,
        }));
    }
    found
}

fn address_of(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint
        .addresses
        .first()
        .and_then(|text| text.parse().ok())
}

/// The pod that an endpoint names, or whose address it has.
fn pod_of(cluster: &Cluster, slice: &EndpointSlice, endpoint: &Endpoint) -> Option<Name> {
    let target = endpoint.target_ref.as_ref();
    let target = target.filter(|target| target.kind.as_deref() == Some("Pod"));
    let own = slice.metadata.namespace.clone();
    let named = target.map(|target| Name {
        namespace: target.namespace.clone().or(own).unwrap_or_default(),
        name: target.name.clone().unwrap_or_default(),
    });
    let named = named.filter(|name| cluster.pod(name).is_some());
    named.or_else(|| Some(cluster.pod_at(address_of(endpoint)?)?.name.clone()))
}

#[cfg(test)]
mod tests;
