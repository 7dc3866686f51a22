//! The address of a proxied pod, node or service.
//!
//! Upstream: `ResourceLocation` in `pkg/registry/core/{pod,node}/strategy.go` and
//! `pkg/registry/core/service/storage`.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use portcullis_api::Status;

use super::super::super::call::Call;
use super::super::pod;
use crate::outbound::https::StreamClient;
use crate::outbound::kubelet::authority;

/// Where to send a request, and by what.
pub struct Location {
    /// Scheme, host and port of its URL.
    pub origin: String,
    /// What knows those who are there.
    pub client: StreamClient,
}

impl Location {
    /// Where what a call names is.
    ///
    /// # Errors
    /// 400 for a name or an address that cannot be asked, 404, 503 for a service without endpoints.
    pub async fn of(call: &Call<'_>) -> Result<Self, Status> {
        let kind = call.scope.resource.kind;
        let named = Named::parse(call.scope.name).ok_or_else(|| {
            let what = kind.to_lowercase();
            Status::bad_request(format!("invalid {what} request {:?}", call.scope.name))
        })?;
        let authority = match kind {
            "Pod" => of_pod(call, &named).await?,
            "Service" => {
                let services = &call.api.backends.services;
                let namespace = call.scope.namespace;
                let endpoint = services.endpoint(namespace, named.name, named.port);
                of_endpoint(endpoint.await?)?
            }
            _ => return of_node(call, &named).await,
        };
        Ok(Self {
            origin: format!("{}://{authority}", named.scheme),
            client: call.api.backends.others.clone(),
        })
    }
}

/// `name`, `name:port` or `scheme:name:port`.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    scheme: &'a str,
    name: &'a str,
    port: &'a str,
}

impl<'a> Named<'a> {
    fn parse(id: &'a str) -> Option<Self> {
        let parts: Vec<_> = id.split(':').collect();
        let (scheme, name, port) = match parts.as_slice() {
            [name] => ("", *name, ""),
            [name, port] => ("", *name, *port),
            [scheme @ ("http" | "https" | ""), name, port] => (*scheme, *name, *port),
            _ => return None,
        };
        let scheme = if scheme.is_empty() { "http" } else { scheme };
        (!name.is_empty()).then_some(Self { scheme, name, port })
    }

    /// The port, which has to be a number.
    fn number(&self, default: u16) -> Result<u16, Status> {
        match self.port {
            "" => Ok(default),
            port => port.parse().map_err(|_| {
                let why = format!("invalid port {port:?}: only services have ports with names");
                Status::bad_request(why)
            }),
        }
    }

    const fn usual_port(&self) -> u16 {
        match self.scheme.as_bytes() {
            b"https" => 443,
            _ => 80,
        }
    }
}

/// Endpoints may have host names, which may resolve to anything: only addresses are used.
fn of_endpoint(endpoint: String) -> Result<String, Status> {
    let address = endpoint.parse::<SocketAddr>();
    if address.is_ok_and(|address| is_proxyable(address.ip())) {
        Ok(endpoint)
    } else {
        Err(not_allowed())
    }
}

async fn of_pod(call: &Call<'_>, named: &Named<'_>) -> Result<String, Status> {
    let pod = pod(call, named.name).await?;
    let port = named.number(first_port(&pod).unwrap_or_else(|| named.usual_port()))?;
    let address = address(&pod).filter(|ip| is_proxyable(*ip));
    let address = address.ok_or_else(not_allowed)?;
    Ok(authority(&address.to_string(), port))
}

fn address(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let first = status.pod_ips.iter().flatten().next();
    let address = first.map(|pod_ip| &pod_ip.ip).or(status.pod_ip.as_ref())?;
    address.parse().ok()
}

/// The first port that a container declares.
fn first_port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.as_ref()?.containers.iter();
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    u16::try_from(ports.next()?.container_port).ok()
}

async fn of_node(call: &Call<'_>, named: &Named<'_>) -> Result<Location, Status> {
    let backends = &call.api.backends;
    let kubelets = &backends.kubelets;
    let kubelet = kubelets.of_node(&call.api.registry, named.name).await?;
    let port = named.number(kubelet.port)?;
    if port == kubelet.port {
        return Ok(Location {
            origin: kubelet.url(""),
            client: kubelets.client(),
        });
    }
    let host = tokio::net::lookup_host((kubelet.host.as_str(), port)).await;
    let mut host = host.map_err(|error| Status::bad_request(error.to_string()))?;
    let first = host
        .next()
        .filter(|first| is_proxyable(first.ip()) && host.all(|other| is_proxyable(other.ip())));
    let address = first.ok_or_else(not_allowed)?;
    Ok(Location {
        origin: format!("{}://{address}", named.scheme),
        client: backends.others.clone(),
    })
}

fn not_allowed() -> Status {
    Status::bad_request("address not allowed")
}

/// Whether a user's request may be sent to an address: not to one that is local to this machine (Go:
/// `IsGlobalUnicast`).
fn is_proxyable(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let of_this_machine = ip.is_unspecified() || ip.is_loopback() || ip.is_link_local();
            !(of_this_machine || ip.is_multicast() || ip.is_broadcast())
        }
        IpAddr::V6(ip) => {
            let of_this_machine =
                ip.is_unspecified() || ip.is_loopback() || ip.is_unicast_link_local();
            !(of_this_machine || ip.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_a_name_a_scheme_and_a_port() {
        for (id, expected) in [
            ("web", Some(("http", "web", ""))),
            ("web:80", Some(("http", "web", "80"))),
            ("https:web:", Some(("https", "web", ""))),
            (":web:x", Some(("http", "web", "x"))),
            ("ftp:web:80", None),
            (":80", None),
            ("a:b:c:d", None),
        ] {
            let found = Named::parse(id).map(|n| (n.scheme, n.name, n.port));
            assert_eq!(found, expected, "{id}");
        }
        assert!(Named::parse("web:http").unwrap().number(1).is_err());
        assert_eq!(Named::parse("web").unwrap().number(1).unwrap(), 1);
    }

    #[test]
    fn endpoints_need_an_address() {
        let allowed = |endpoint: &str| of_endpoint(endpoint.to_owned()).is_ok();
        assert!(allowed("10.0.0.1:80") && allowed("[fd00::1]:80"));
        assert!(!allowed("localhost:80") && !allowed("127.0.0.1:80") && !allowed("[::1]:80"));
    }

    #[test]
    fn local_addresses_are_rejected() {
        for (ip, allowed) in [
            ("10.0.0.1", true),
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("fd00::1", true),
            ("::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_proxyable(ip.parse().unwrap()), allowed, "{ip}");
        }
    }
}
