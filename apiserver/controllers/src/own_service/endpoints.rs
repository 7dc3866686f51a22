//! The endpoints of the service: all servers, in endpoints and in endpoint slices.
//!
//! Upstream has one port for all servers. Here each may have its own: endpoints have a subset for each port,
//! and there is a slice for each family and port.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointPort as SlicePort, EndpointSlice,
};
use portcullis_api::{Object, Status};

use super::{NAME, PORT_NAME, defaulted, existing, label};
use portcullis_kinds::table;
use portcullis_registry::current::Current;
use portcullis_registry::update::Change;

/// All servers, in the endpoints of the service.
pub(super) struct InEndpoints<'s>(pub(super) &'s BTreeSet<SocketAddr>);

#[async_trait]
impl Change for InEndpoints<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut endpoints: Endpoints = existing(current, NAME);
        // this server makes the slices itself
        let skip = "endpointslice.kubernetes.io/skip-mirror";
        label(&mut endpoints.metadata, skip, "true");
        let mut by_port = BTreeMap::<u16, Vec<IpAddr>>::new();
        for server in self.0 {
            by_port.entry(server.port()).or_default().push(server.ip());
        }
        endpoints.subsets = Some(by_port.into_iter().map(subset).collect());
        Ok(defaulted(table::ENDPOINTS, endpoints))
    }

    fn creates(&self) -> bool {
        true
    }

    fn ends_unchanged(&self) -> bool {
        true
    }
}

fn subset((port, ips): (u16, Vec<IpAddr>)) -> EndpointSubset {
    let address = |ip: IpAddr| EndpointAddress {
        ip: ip.to_string(),
        ..EndpointAddress::default()
    };
    EndpointSubset {
        addresses: Some(ips.into_iter().map(address).collect()),
        ports: Some(vec![EndpointPort {
            name: Some(PORT_NAME.into()),
            port: port.into(),
            protocol: Some("TCP".into()),
            ..EndpointPort::default()
        }]),
        ..EndpointSubset::default()
    }
}

/// The servers of one family on one port, in a slice.
pub(super) struct InSlice {
    pub(super) name: String,
    port: u16,
    ips: Vec<IpAddr>,
}

/// The slices of all servers.
pub(super) fn slices(servers: &BTreeSet<SocketAddr>) -> Vec<InSlice> {
    let mut groups = BTreeMap::<(bool, u16), Vec<IpAddr>>::new();
    for server in servers {
        let group = (server.is_ipv6(), server.port());
        groups.entry(group).or_default().push(server.ip());
    }
    let numbered = groups.into_iter().enumerate();
    let slices = numbered.map(|(number, ((_, port), ips))| InSlice {
        name: slice_name(number),
        port,
        ips,
    });
    slices.collect()
}

/// The name of a slice: the first has the service's name, as upstream.
pub(super) fn slice_name(number: usize) -> String {
    match number {
        0 => NAME.to_owned(),
        number => format!("{NAME}-{number}"),
    }
}

#[async_trait]
impl Change for InSlice {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut slice: EndpointSlice = existing(current, &self.name);
        label(&mut slice.metadata, "kubernetes.io/service-name", NAME);
        let is_ipv6 = self.ips.iter().any(IpAddr::is_ipv6);
        let family = if is_ipv6 { "IPv6" } else { "IPv4" };
        family.clone_into(&mut slice.address_type);
        let endpoint = |ip: &IpAddr| Endpoint {
            addresses: vec![ip.to_string()],
            conditions: Some(EndpointConditions {
                ready: Some(true),
                ..EndpointConditions::default()
            }),
            ..Endpoint::default()
        };
        slice.endpoints = Some(self.ips.iter().map(endpoint).collect());
        slice.ports = Some(vec![SlicePort {
            name: Some(PORT_NAME.into()),
            port: Some(self.port.into()),
            protocol: Some("TCP".into()),
            ..SlicePort::default()
        }]);
        Ok(defaulted(table::ENDPOINT_SLICES, slice))
    }

    fn creates(&self) -> bool {
        true
    }

    fn ends_unchanged(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(addresses: &[&str]) -> BTreeSet<SocketAddr> {
        addresses.iter().map(|a| a.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn servers_stand_side_by_side() {
        let all = servers(&["192.0.2.2:6443", "192.0.2.1:6443", "192.0.2.1:7443"]);
        let object = InEndpoints(&all).apply(None).await.unwrap();
        let subsets = object.as_kind::<Endpoints>().unwrap().subsets.clone();
        let shown: Vec<_> = subsets
            .unwrap()
            .into_iter()
            .map(|subset| {
                let ips: Vec<_> = subset
                    .addresses
                    .unwrap()
                    .into_iter()
                    .map(|a| a.ip)
                    .collect();
                (subset.ports.unwrap()[0].port, ips.join(" "))
            })
            .collect();
        let expected = [(6443, "192.0.2.1 192.0.2.2"), (7443, "192.0.2.1")];
        assert_eq!(shown, expected.map(|(port, ips)| (port, ips.to_owned())));
    }

    #[tokio::test]
    async fn a_slice_is_of_one_family_and_one_port() {
        let all = servers(&["192.0.2.2:6443", "192.0.2.1:7443", "[2001:db8::1]:6443"]);
        let slices = slices(&all);
        let mut shown = Vec::new();
        for slice in &slices {
            let object = slice.apply(None).await.unwrap();
            let slice = object.as_kind::<EndpointSlice>().unwrap();
            let name = slice.metadata.name.clone().unwrap();
            let port = slice.ports.as_ref().unwrap()[0].port;
            shown.push((name, slice.address_type.clone(), port));
        }
        let expected = [
            ("kubernetes", "IPv4", Some(6443)),
            ("kubernetes-1", "IPv4", Some(7443)),
            ("kubernetes-2", "IPv6", Some(6443)),
        ];
        let owned = expected.map(|(name, family, port)| (name.to_owned(), family.to_owned(), port));
        assert_eq!(shown, owned);
    }
}
