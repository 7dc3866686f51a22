//! The fields of a pod that policies use.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use k8s_openapi::api::core::v1 as core;
use portcullis_api::selector::Labels;
use serde::Serialize;

/// The name of an object in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

impl Name {
    /// A name in a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The protocol of a connection; policies have no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`.
    Udp,
    /// `SCTP`.
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Parses the API's spelling; a missing one means TCP, and an unknown one is `None`.
    pub fn of(text: Option<&str>) -> Option<Self> {
        text.map_or(Some(Self::Tcp), |text| text.parse().ok())
    }

    /// The API's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|p| p.as_str() == text);
        known.ok_or("a protocol is TCP, UDP or SCTP")
    }
}

/// A named port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: Name,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses, the first of each family; empty before it has any.
    pub addresses: Vec<IpAddr>,
    /// The node it is bound to; empty before that.
    pub node: String,
    /// The addresses of that node, as far as the pod's status names them.
    pub node_addresses: Vec<IpAddr>,
    /// Whether it has the network of its node.
    pub host_network: bool,
    /// Whether it has succeeded or failed.
    pub ended: bool,
    /// The ports that its containers declare.
    pub declared: Vec<(Protocol, u16)>,
    /// The named ones among them.
    pub named: Vec<NamedPort>,
}

impl Pod {
    /// The fields of a pod that policies use.
    pub fn of(pod: &core::Pod) -> Self {
        let meta = &pod.metadata;
        let spec = pod.spec.clone().unwrap_or_default();
        let status = pod.status.clone().unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let ips = status.pod_ips.iter().flatten().map(|ip| &ip.ip);
        let host_ips = status.host_ips.iter().flatten().map(|ip| &ip.ip);
        let phase = status.phase.as_deref();
        let sidecars = spec.init_containers.iter().flatten();
        let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
        let containers: Vec<_> = spec.containers.iter().chain(sidecars).collect();
        let ports = containers.iter().flat_map(|c| c.ports.iter().flatten());
        let ports = ports.filter_map(|port| {
            let number = u16::try_from(port.container_port).ok()?;
            Some((port, Protocol::of(port.protocol.as_deref())?, number))
        });
        let named = ports.clone().filter_map(|(port, protocol, number)| {
            Some(NamedPort {
                name: port.name.clone()?,
                protocol,
                number,
            })
        });
        Self {
            name: Name {
                namespace: text(&meta.namespace),
                name: text(&meta.name),
            },
            labels: meta.labels.clone().unwrap_or_default(),
            addresses: addresses(ips.chain(&status.pod_ip)),
            node: text(&spec.node_name),
            node_addresses: addresses(host_ips.chain(&status.host_ip)),
            host_network: spec.host_network == Some(true),
            ended: matches!(phase, Some("Succeeded" | "Failed")),
            named: named.collect(),
            declared: ports
                .map(|(_, protocol, number)| (protocol, number))
                .collect(),
        }
    }

    /// Whether policies can isolate it, and selectors of peers can match it.
    pub const fn is_isolable(&self) -> bool {
        !self.host_network && !self.ended
    }

    /// The number of a named port.
    pub fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        let mut named = self.named.iter();
        let found = named.find(|port| port.name == name && port.protocol == protocol);
        found.map(|port| port.number)
    }
}

fn addresses<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in texts.filter_map(|text| text.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}
