//! Validation of network policies (upstream: `pkg/apis/networking/validation/validation.go`).

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::labels::validate_label_selector;
use crate::validation::net::{parse_cidr, validate_port_name, validate_port_number};
use crate::validation::{go_elements, list, one_of, required};

const POLICY_TYPES: [&str; 2] = ["Ingress", "Egress"];
// in another order than for containers' ports
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

pub(super) fn validate_spec(spec: &NetworkPolicySpec, errors: &mut ErrorList) {
    let path = Path::new("spec");
    let selector = spec.pod_selector.as_ref();
    validate_label_selector(selector, &path.child("podSelector"), errors);
    for (i, rule) in list(spec.ingress.as_ref()).iter().enumerate() {
        let path = path.child("ingress").index(i);
        validate_ports(rule.ports.as_ref(), &path.child("ports"), errors);
        validate_peers(rule.from.as_ref(), &path.child("from"), errors);
    }
    for (i, rule) in list(spec.egress.as_ref()).iter().enumerate() {
        let path = path.child("egress").index(i);
        validate_ports(rule.ports.as_ref(), &path.child("ports"), errors);
        validate_peers(rule.to.as_ref(), &path.child("to"), errors);
    }
    let types = list(spec.policy_types.as_ref());
    let path = path.child("policyTypes");
    if types.len() > POLICY_TYPES.len() {
        let detail = "may not specify more than two policyTypes";
        let value = BadValue::go(format!("[]networking.PolicyType{}", go_elements(types)));
        errors.push(FieldError::invalid(&path, value, detail));
        return;
    }
    for (i, policy_type) in types.iter().enumerate() {
        one_of(policy_type, &POLICY_TYPES, &path.index(i), errors);
    }
}

fn validate_ports(ports: Option<&Vec<NetworkPolicyPort>>, path: &Path, errors: &mut ErrorList) {
    for (i, port) in list(ports).iter().enumerate() {
        validate_port(port, &path.index(i), errors);
    }
}

fn validate_port(port: &NetworkPolicyPort, path: &Path, errors: &mut ErrorList) {
    if let Some(protocol) = &port.protocol {
        one_of(protocol, &PROTOCOLS, &path.child("protocol"), errors);
    }
    let (number_path, end_path) = (path.child("port"), path.child("endPort"));
    match (&port.port, port.end_port) {
        (Some(IntOrString::Int(number)), end) => {
            validate_port_number(*number, &number_path, errors);
            if let Some(end) = end {
                if end < *number {
                    let detail = "must be greater than or equal to `port`";
                    errors.push(FieldError::invalid(&end_path, *number, detail));
                }
                validate_port_number(end, &end_path, errors);
            }
        }
        (Some(IntOrString::String(name)), end) => {
            if let Some(end) = end {
                let detail = "may not be specified when `port` is non-numeric";
                errors.push(FieldError::invalid(&end_path, end, detail));
            }
            validate_port_name(name, &number_path, errors);
        }
        (None, Some(end)) => {
            let detail = "may not be specified when `port` is not specified";
            errors.push(FieldError::invalid(&end_path, end, detail));
        }
        (None, None) => {}
    }
}

fn validate_peers(peers: Option<&Vec<NetworkPolicyPeer>>, path: &Path, errors: &mut ErrorList) {
    for (i, peer) in list(peers).iter().enumerate() {
        validate_peer(peer, &path.index(i), errors);
    }
}

/// A peer is pods, namespaces, or pods of namespaces; or addresses.
fn validate_peer(peer: &NetworkPolicyPeer, path: &Path, errors: &mut ErrorList) {
    let pods = peer.pod_selector.as_ref();
    validate_label_selector(pods, &path.child("podSelector"), errors);
    let namespaces = peer.namespace_selector.as_ref();
    validate_label_selector(namespaces, &path.child("namespaceSelector"), errors);
    let selected = pods.is_some() || namespaces.is_some();
    if let Some(block) = &peer.ip_block {
        validate_ip_block(block, &path.child("ipBlock"), errors);
        if selected {
            let detail = "may not specify both ipBlock and another peer";
            errors.push(FieldError::forbidden(path, detail));
        }
    } else if !selected {
        errors.push(FieldError::required(path, "must specify a peer"));
    }
}

fn validate_ip_block(block: &IPBlock, path: &Path, errors: &mut ErrorList) {
    let cidr_path = path.child("cidr");
    if block.cidr.is_empty() {
        required(None, &cidr_path, errors);
        return;
    }
    let Some(network) = parse_cidr(&block.cidr) else {
        let detail = "not a valid CIDR";
        errors.push(FieldError::invalid(&cidr_path, &block.cidr, detail));
        return;
    };
    for (i, text) in list(block.except.as_ref()).iter().enumerate() {
        let path = path.child("except").index(i);
        let Some(except) = parse_cidr(text) else {
            errors.push(FieldError::invalid(&path, text, "not a valid CIDR"));
            return;
        };
        if !network.contains(&except.addr()) || network.prefix_len() >= except.prefix_len() {
            let detail = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid(&path, text, detail));
        }
    }
}
