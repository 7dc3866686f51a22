//! Slices of the addresses of a service.

pub mod v1beta1;

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::labels::validate_labels;
use crate::validation::net::{PROTOCOLS, parse_ip, validate_non_special_ip};
use crate::validation::{IMMUTABLE, invalid_each, list, one_of, required, text};

const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
const ENDPOINTS_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20000;
const TOPOLOGY_MAX: usize = 16;
const ZONE_HINTS_MAX: usize = 8;
/// How many elements of a list a Table shows.
const SHOWN: usize = 3;

/// The rules of endpoint slices (upstream: `pkg/registry/discovery/endpointslice/strategy.go` and
/// `pkg/apis/discovery/validation/validation.go`).
pub struct EndpointSliceStrategy;

impl Strategy for EndpointSliceStrategy {
    type Kind = EndpointSlice;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(1, 0)
    }

    fn default(&self, slice: &mut EndpointSlice) {
        for port in slice.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            port.protocol.get_or_insert_with(|| "TCP".into());
        }
        slice.endpoints.get_or_insert_default();
    }

    fn validate(&self, slice: &EndpointSlice) -> ErrorList {
        let mut errors = ErrorList::new();
        let kind = slice.address_type.as_str();
        let path = Path::new("addressType");
        if kind.is_empty() {
            required(None, &path, &mut errors);
        } else {
            one_of(kind, &TYPES, &path, &mut errors);
        }
        validate_endpoints(slice, &Path::new("endpoints"), &mut errors);
        let ports = list(slice.ports.as_ref());
        validate_ports(ports, &Path::new("ports"), &mut errors);
        errors
    }

    fn validate_update(&self, slice: &EndpointSlice, old: &EndpointSlice) -> ErrorList {
        let mut errors = self.validate(slice);
        if slice.address_type != old.address_type {
            let path = Path::new("addressType");
            errors.push(FieldError::invalid(&path, &slice.address_type, IMMUTABLE));
        }
        errors
    }

    fn spec_changed(&self, slice: &EndpointSlice, old: &EndpointSlice) -> Option<bool> {
        Some(
            slice.endpoints != old.endpoints
                || slice.ports != old.ports
                || slice.metadata.labels != old.metadata.labels,
        )
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 5] = [
            Column::NAME,
            Column::text("AddressType", "What the addresses are."),
            Column::text("Ports", "The ports that every endpoint has."),
            Column::text("Endpoints", "The addresses of the endpoints."),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, slice: &EndpointSlice) -> Vec<Cell> {
        let number = |port: &EndpointPort| port.port.map_or_else(|| "*".into(), |p| p.to_string());
        let ports = list(slice.ports.as_ref()).iter().map(number).collect();
        let endpoints = list(slice.endpoints.as_ref()).iter();
        let addresses = endpoints
            .flat_map(|e| e.addresses.iter().cloned())
            .collect();
        vec![
            Cell::name(slice),
            Cell::text(slice.address_type.as_str()),
            Cell::text(shown(ports)),
            Cell::text(shown(addresses)),
            Cell::age(slice),
        ]
    }
}

fn shown(mut all: Vec<String>) -> String {
    if all.is_empty() {
        return "<unset>".into();
    }
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let shown = all.join(",");
    match more {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn validate_endpoints(slice: &EndpointSlice, path: &Path, errors: &mut ErrorList) {
    let endpoints = list(slice.endpoints.as_ref());
    if endpoints.len() > ENDPOINTS_MAX {
        errors.push(FieldError::too_many(path, endpoints.len(), ENDPOINTS_MAX));
        return;
    }
    for (i, endpoint) in endpoints.iter().enumerate() {
        validate_endpoint(endpoint, &slice.address_type, &path.index(i), errors);
    }
}

fn validate_endpoint(endpoint: &Endpoint, kind: &str, path: &Path, errors: &mut ErrorList) {
    let addresses_path = path.child("addresses");
    match endpoint.addresses.len() {
        0 => {
            let detail = "must contain at least 1 address";
            errors.push(FieldError::required(&addresses_path, detail));
        }
        many if many > ADDRESSES_MAX => {
            errors.push(FieldError::too_many(&addresses_path, many, ADDRESSES_MAX));
        }
        _ => {}
    }
    for (i, address) in endpoint.addresses.iter().enumerate() {
        validate_address(address, kind, &addresses_path.index(i), errors);
    }
    if let Some(node) = &endpoint.node_name {
        let path = path.child("nodeName");
        invalid_each(&path, node, name::dns1123_subdomain(node), errors);
    }
    if let Some(topology) = &endpoint.deprecated_topology {
        let path = path.child("deprecatedTopology");
        if topology.len() > TOPOLOGY_MAX {
            errors.push(FieldError::too_many(&path, topology.len(), TOPOLOGY_MAX));
        }
        validate_labels(Some(topology), &path, errors);
    }
    if let Some(host) = &endpoint.hostname {
        let path = path.child("hostname");
        invalid_each(&path, host, name::dns1123_label(host), errors);
    }
    let zones = endpoint.hints.as_ref().and_then(|h| h.for_zones.as_ref());
    let path = path.child("hints").child("forZones");
    let zones = list(zones);
    if zones.len() > ZONE_HINTS_MAX {
        errors.push(FieldError::too_many(&path, zones.len(), ZONE_HINTS_MAX));
        return;
    }
    let mut seen = BTreeSet::new();
    for (i, zone) in zones.iter().enumerate() {
        let path = path.index(i).child("name");
        if !seen.insert(&zone.name) {
            errors.push(FieldError::duplicate(&path, &zone.name));
        }
        invalid_each(&path, &zone.name, name::label_value(&zone.name), errors);
    }
}

fn validate_address(address: &str, kind: &str, path: &Path, errors: &mut ErrorList) {
    let ip = parse_ip(address);
    let fits = match kind {
        "IPv4" => ip.is_some_and(|ip| ip.is_ipv4()),
        "IPv6" => ip.is_some_and(|ip| ip.is_ipv6()),
        "FQDN" => return validate_domain(address, path, errors),
        _ => return,
    };
    if !fits {
        let detail = format!("must be a valid {kind} address");
        errors.push(FieldError::invalid(path, address, detail));
    }
    validate_non_special_ip(address, path, errors);
}

/// Upstream: `IsFullyQualifiedDomainName` in
/// `k8s.io/apimachinery/pkg/util/validation/validation.go`.
fn validate_domain(domain: &str, path: &Path, errors: &mut ErrorList) {
    if domain.is_empty() {
        required(None, path, errors);
        return;
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let sentences = name::dns1123_subdomain(domain);
    if !sentences.is_empty() {
        invalid_each(path, domain, sentences, errors);
    } else if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(path, domain, detail));
    } else {
        for label in domain.split('.') {
            invalid_each(path, label, name::dns1123_label(label), errors);
        }
    }
}

fn validate_ports(ports: &[EndpointPort], path: &Path, errors: &mut ErrorList) {
    if ports.len() > PORTS_MAX {
        errors.push(FieldError::too_many(path, ports.len(), PORTS_MAX));
        return;
    }
    let mut names = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = path.index(i);
        let port_name = text(port.name.as_ref());
        let name_path = path.child("name");
        if !port_name.is_empty() {
            let sentences = name::dns1123_label(port_name);
            invalid_each(&name_path, port_name, sentences, errors);
        }
        if !names.insert(port_name) {
            errors.push(FieldError::duplicate(&name_path, port_name));
        }
        let protocol_path = path.child("protocol");
        match &port.protocol {
            None => required(None, &protocol_path, errors),
            Some(protocol) => one_of(protocol, &PROTOCOLS, &protocol_path, errors),
        }
        if let Some(protocol) = &port.app_protocol {
            let path = path.child("appProtocol");
            invalid_each(&path, protocol, name::qualified_name(protocol), errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    #[test]
    fn addresses_are_of_the_type() {
        for (slice, texts) in [
            (
                json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}),
                vec![],
            ),
            (
                json!({"addressType": "IPv4", "endpoints": [{"addresses": ["fd00::1", "127.0.0.1"]}, {"addresses": []}]}),
                vec![
                    "endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be a valid IPv4 address",
                    "endpoints[0].addresses[1]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
                    "endpoints[1].addresses: Required value: must contain at least 1 address",
                ],
            ),
            (
                json!({"addressType": "FQDN", "endpoints": [{"addresses": ["a.b.", "a", ""]}]}),
                vec![
                    "endpoints[0].addresses[1]: Invalid value: \"a\": should be a domain with at least two segments separated by dots",
                    "endpoints[0].addresses[2]: Required value",
                ],
            ),
            (
                json!({"addressType": "", "endpoints": []}),
                vec!["addressType: Required value"],
            ),
            (
                json!({"addressType": "X", "endpoints": []}),
                vec![
                    "addressType: Unsupported value: \"X\": supported values: \"FQDN\", \"IPv4\", \"IPv6\"",
                ],
            ),
            (
                json!({"addressType": "IPv6", "endpoints": [], "ports": [{}, {"port": 0, "protocol": "X"}]}),
                vec![
                    "ports[1].name: Duplicate value: \"\"",
                    "ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                ],
            ),
        ] {
            assert_eq!(mistakes(&EndpointSliceStrategy, &slice), texts, "{slice}");
        }
    }

    #[test]
    fn hints_name_each_zone_once() {
        let zone = |name: &str| json!({"name": name});
        let slice = json!({"addressType": "IPv4", "endpoints": [
            {"addresses": ["10.0.0.1"], "hints": {"forZones": [zone("a"), zone("a")]}}]});
        assert_eq!(
            mistakes(&EndpointSliceStrategy, &slice),
            ["endpoints[0].hints.forZones[1].name: Duplicate value: \"a\""]
        );
    }

    #[test]
    fn the_type_is_immutable() {
        let of = |kind: &str| json!({"addressType": kind, "endpoints": []});
        assert_eq!(
            update_mistakes(&EndpointSliceStrategy, &of("IPv6"), &of("IPv4")),
            ["addressType: Invalid value: \"IPv6\": field is immutable"]
        );
    }

    #[test]
    fn rows_show_a_few_elements() {
        let slice = defaulted(
            &EndpointSliceStrategy,
            &json!({"addressType": "IPv4", "ports": [{"port": 1}, {"name": "a"}],
                "endpoints": [{"addresses": ["10.0.0.1", "10.0.0.2"]}, {"addresses": ["10.0.0.3", "10.0.0.4"]}]}),
        );
        let cells = EndpointSliceStrategy.cells(&slice);
        assert_eq!(
            cells[1..4],
            ["IPv4", "1,*", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more..."].map(Cell::text)
        );
    }
}
