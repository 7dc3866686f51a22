//! Endpoints: the addresses of a service.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::net::{
    PROTOCOLS, validate_ip, validate_non_special_ip, validate_port_number,
};
use crate::validation::{invalid_each, list, one_of, required, text};

/// How many addresses a Table shows.
const SHOWN: usize = 3;

/// The rules of endpoints (upstream: `ValidateEndpoints` in
/// `pkg/apis/core/validation/validation.go`).
pub struct EndpointsStrategy;

impl Strategy for EndpointsStrategy {
    type Kind = Endpoints;

    fn default(&self, endpoints: &mut Endpoints) {
        let subsets = endpoints.subsets.iter_mut().flatten();
        for port in subsets.flat_map(|s| s.ports.iter_mut().flatten()) {
            if text(port.protocol.as_ref()).is_empty() {
                port.protocol = Some("TCP".into());
            }
            // the ports of endpoint slices, whose type has the same name, keep empty names
            port.name = port.name.take().filter(|name| !name.is_empty());
        }
    }

    fn validate(&self, endpoints: &Endpoints) -> ErrorList {
        let mut errors = ErrorList::new();
        for (i, subset) in list(endpoints.subsets.as_ref()).iter().enumerate() {
            validate_subset(subset, &Path::new("subsets").index(i), &mut errors);
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Endpoints",
                "The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to the IPs they share. A single address with multiple ports, some of which are ready and some of which are not (because they come from different containers) will result in the address being displayed in different subsets for the different ports. No address will appear in both Addresses and NotReadyAddresses in the same subset. Sets of addresses and ports that comprise a service.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, endpoints: &Endpoints) -> Vec<Cell> {
        vec![
            Cell::name(endpoints),
            Cell::text(format_endpoints(list(endpoints.subsets.as_ref()))),
            Cell::age(endpoints),
        ]
    }
}

fn format_endpoints(subsets: &[EndpointSubset]) -> String {
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let addresses = list(subset.addresses.as_ref());
        let ports = list(subset.ports.as_ref());
        if ports.is_empty() {
            all.extend(addresses.iter().map(|a| a.ip.clone()));
        }
        for port in ports {
            all.extend(addresses.iter().map(|a| host_port(&a.ip, port.port)));
        }
    }
    match all.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} + {more} more...", all[..SHOWN].join(",")),
        _ => all.join(","),
    }
}

fn host_port(ip: &str, port: i32) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

fn validate_subset(subset: &EndpointSubset, path: &Path, errors: &mut ErrorList) {
    let ready = list(subset.addresses.as_ref());
    let not_ready = list(subset.not_ready_addresses.as_ref());
    if ready.is_empty() && not_ready.is_empty() {
        let detail = "must specify `addresses` or `notReadyAddresses`";
        errors.push(FieldError::required(path, detail));
    }
    for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
        for (i, address) in addresses.iter().enumerate() {
            validate_address(address, &path.child(field).index(i), errors);
        }
    }
    let ports = list(subset.ports.as_ref());
    for (i, port) in ports.iter().enumerate() {
        let path = path.child("ports").index(i);
        validate_port(port, ports.len() > 1, &path, errors);
    }
}

fn validate_address(address: &EndpointAddress, path: &Path, errors: &mut ErrorList) {
    let ip_path = path.child("ip");
    validate_ip(&address.ip, &ip_path, errors);
    let hostname = text(address.hostname.as_ref());
    if !hostname.is_empty() {
        let path = path.child("hostname");
        invalid_each(&path, hostname, name::dns1123_label(hostname), errors);
    }
    if let Some(node) = &address.node_name {
        let path = path.child("nodeName");
        invalid_each(&path, node, name::dns1123_subdomain(node), errors);
    }
    validate_non_special_ip(&address.ip, &ip_path, errors);
}

fn validate_port(port: &EndpointPort, named: bool, path: &Path, errors: &mut ErrorList) {
    let port_name = text(port.name.as_ref());
    if named && port_name.is_empty() {
        required(None, &path.child("name"), errors);
    } else if !port_name.is_empty() {
        let path = path.child("name");
        invalid_each(&path, port_name, name::dns1123_label(port_name), errors);
    }
    validate_port_number(port.port, &path.child("port"), errors);
    let protocol = text(port.protocol.as_ref());
    if protocol.is_empty() {
        required(None, &path.child("protocol"), errors);
    } else {
        one_of(protocol, &PROTOCOLS, &path.child("protocol"), errors);
    }
    if let Some(app) = &port.app_protocol {
        let path = path.child("appProtocol");
        invalid_each(&path, app, name::qualified_name(app), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes};

    fn endpoints(subset: &Value) -> Value {
        json!({"subsets": [subset]})
    }

    #[test]
    fn subsets_have_addresses_and_named_ports() {
        for (subset, texts) in [
            (
                json!({"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}),
                vec![],
            ),
            (
                json!({"ports": [{"port": 1}, {"port": 2, "name": "b", "protocol": "X"}]}),
                vec![
                    ": Required value: must specify `addresses` or `notReadyAddresses`",
                    ".ports[0].name: Required value",
                    ".ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                ],
            ),
            (
                json!({"notReadyAddresses": [{"ip": "127.0.0.1"}, {"ip": "x"}, {"ip": "0.0.0.0"}, {"ip": "fe80::1"}, {"ip": "224.0.0.5"}]}),
                vec![
                    ".notReadyAddresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
                    ".notReadyAddresses[1].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                    ".notReadyAddresses[1].ip: Invalid value: \"x\": must be a valid IP address",
                    ".notReadyAddresses[2].ip: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)",
                    ".notReadyAddresses[3].ip: Invalid value: \"fe80::1\": may not be in the link-local range (169.254.0.0/16, fe80::/10)",
                    ".notReadyAddresses[4].ip: Invalid value: \"224.0.0.5\": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
                ],
            ),
        ] {
            let texts: Vec<_> = texts.iter().map(|t| format!("subsets[0]{t}")).collect();
            assert_eq!(
                mistakes(&EndpointsStrategy, &endpoints(&subset)),
                texts,
                "{subset}"
            );
        }
    }

    #[test]
    fn rows_show_a_few_addresses() {
        let address = |ip: &str| json!({"ip": ip});
        for (subset, text) in [
            (
                json!({"addresses": [address("::1")], "ports": [{"port": 80}]}),
                "[::1]:80",
            ),
            (
                json!({"addresses": [address("1.1.1.1"), address("1.1.1.2")]}),
                "1.1.1.1,1.1.1.2",
            ),
            (
                json!({"addresses": [address("1.1.1.1"), address("1.1.1.2")], "ports": [{"port": 1}, {"port": 2}]}),
                "1.1.1.1:1,1.1.1.2:1,1.1.1.1:2 + 1 more...",
            ),
        ] {
            let object = defaulted(&EndpointsStrategy, &endpoints(&subset));
            assert_eq!(
                EndpointsStrategy.cells(&object)[1],
                Cell::text(text),
                "{subset}"
            );
        }
    }
}
