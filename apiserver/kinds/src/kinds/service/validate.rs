//! Validation of services (upstream: `ValidateService` in
//! `pkg/apis/core/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::is_external_name;
use super::traffic::{CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT, NONE, is_headless};
use crate::validation::labels::validate_labels;
use crate::validation::net::{
    PROTOCOLS, parse_cidr, parse_ip, validate_ip, validate_non_special_ip, validate_port,
    validate_port_number,
};
use crate::validation::{go_strings, invalid_each, list, one_of, required, text};

const TYPES: [&str; 4] = [CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];
const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
/// The longest time that a client keeps its pod, in seconds: a day.
const AFFINITY_MAX: i32 = 86400;
/// The port of kubelets.
const KUBELET_PORT: i32 = 10250;
/// The annotation from before the field existed.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Validates a service, new or changed.
pub(super) fn validate_service(service: &Service, errors: &mut ErrorList) {
    let none = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&none);
    let path = Path::new("spec");
    let ports = list(spec.ports.as_ref());
    if ports.is_empty() && !is_headless(spec) && !is_external_name(spec) {
        errors.push(FieldError::required(&path.child("ports"), ""));
    }
    validate_by_type(spec, &path, errors);
    let mut names = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = path.child("ports").index(i);
        validate_service_port(port, ports.len() > 1, &mut names, &path, errors);
    }
    validate_labels(spec.selector.as_ref(), &path.child("selector"), errors);
    validate_affinity(spec, &path, errors);
    validate_cluster_ips(spec, &path, errors);
    for (i, ip) in list(spec.external_ips.as_ref()).iter().enumerate() {
        let path = path.child("externalIPs").index(i);
        if parse_ip(ip).is_none() {
            validate_ip(ip, &path, errors);
        } else {
            validate_non_special_ip(ip, &path, errors);
        }
    }
    let kind = text(spec.type_.as_ref());
    if kind.is_empty() {
        required(None, &path.child("type"), errors);
    } else {
        one_of(kind, &TYPES, &path.child("type"), errors);
    }
    validate_port_numbers(spec, &path.child("ports"), errors);
    validate_source_ranges(service, spec, &path, errors);
    if spec.allocate_load_balancer_node_ports.is_some() && kind != LOAD_BALANCER {
        let path = path.child("allocateLoadBalancerNodePorts");
        errors.push(FieldError::forbidden(&path, BALANCED_ONLY));
    }
    validate_load_balancer_class(spec, &path, errors);
    validate_policies(spec, &path, errors);
}

const BALANCED_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";

fn validate_by_type(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    let kind = text(spec.type_.as_ref());
    if kind == LOAD_BALANCER {
        for (i, port) in list(spec.ports.as_ref()).iter().enumerate() {
            if port.port == KUBELET_PORT {
                let detail = format!(
                    "may not expose port {KUBELET_PORT} externally since it is used by kubelet"
                );
                let path = path.child("ports").index(i);
                errors.push(FieldError::invalid(&path, port.port, detail));
            }
        }
    }
    match kind {
        LOAD_BALANCER | NODE_PORT if is_headless(spec) => {
            let detail = format!("may not be set to 'None' for {kind} services");
            let path = path.child("clusterIPs").index(0);
            errors.push(FieldError::invalid(&path, NONE, detail));
        }
        EXTERNAL_NAME => validate_external_name(spec, path, errors),
        _ => {}
    }
}

fn validate_external_name(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    for (field, set) in [
        ("clusterIPs", !list(spec.cluster_ips.as_ref()).is_empty()),
        ("ipFamilies", !list(spec.ip_families.as_ref()).is_empty()),
        ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ] {
        if set {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden(&path.child(field), detail));
        }
    }
    let path = path.child("externalName");
    let given = text(spec.external_name.as_ref());
    let given = given.strip_suffix('.').unwrap_or(given);
    if given.is_empty() {
        required(None, &path, errors);
    } else {
        invalid_each(&path, given, name::dns1123_subdomain(given), errors);
    }
}

fn validate_service_port<'a>(
    port: &'a ServicePort,
    named: bool,
    names: &mut BTreeSet<&'a str>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let port_name = text(port.name.as_ref());
    let name_path = path.child("name");
    if !port_name.is_empty() {
        let sentences = name::dns1123_label(port_name);
        invalid_each(&name_path, port_name, sentences, errors);
        if !names.insert(port_name) {
            errors.push(FieldError::duplicate(&name_path, port_name));
        }
    } else if named {
        required(None, &name_path, errors);
    }
    validate_port_number(port.port, &path.child("port"), errors);
    let protocol = text(port.protocol.as_ref());
    if protocol.is_empty() {
        required(None, &path.child("protocol"), errors);
    } else {
        one_of(protocol, &PROTOCOLS, &path.child("protocol"), errors);
    }
    let target = port.target_port.clone().unwrap_or(IntOrString::Int(0));
    validate_port(&target, &path.child("targetPort"), errors);
    if let Some(protocol) = &port.app_protocol {
        let path = path.child("appProtocol");
        invalid_each(&path, protocol, name::qualified_name(protocol), errors);
    }
}

fn validate_affinity(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    let affinity = text(spec.session_affinity.as_ref());
    let affinity_path = path.child("sessionAffinity");
    if affinity.is_empty() {
        required(None, &affinity_path, errors);
    } else {
        one_of(affinity, &AFFINITIES, &affinity_path, errors);
    }
    let path = path.child("sessionAffinityConfig");
    let config = spec.session_affinity_config.as_ref();
    if affinity == "ClientIP" {
        let path = path.child("clientIP").child("timeoutSeconds");
        let seconds = config
            .and_then(|c| c.client_ip.as_ref())
            .and_then(|c| c.timeout_seconds);
        match seconds {
            None => {
                let detail = "when session affinity type is ClientIP";
                errors.push(FieldError::required(&path, detail));
            }
            Some(seconds) if !(1..=AFFINITY_MAX).contains(&seconds) => {
                let detail = format!("must be greater than 0 and less than {AFFINITY_MAX}");
                errors.push(FieldError::invalid(&path, seconds, detail));
            }
            Some(_) => {}
        }
    } else if affinity == "None" && config.is_some() {
        let detail = "must not be set when session affinity is None";
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// Upstream: `ValidateServiceClusterIPsRelatedFields`.
fn validate_cluster_ips(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    if is_external_name(spec) {
        return;
    }
    let ips = list(spec.cluster_ips.as_ref());
    let ips_path = path.child("clusterIPs");
    let mut refuse =
        |detail: &str| errors.push(FieldError::invalid(&ips_path, go_strings(ips), detail));
    match (text(spec.cluster_ip.as_ref()), ips.first()) {
        ("", Some(_)) => refuse("must be empty when `clusterIP` is not specified"),
        (ip, Some(first)) if ip != first => refuse("first value must match `clusterIP`"),
        ("", None) | (_, Some(_)) => {}
        (_, None) => required(None, &ips_path, errors),
    }
    validate_families(spec, path, errors);
    let mut malformed = false;
    for (i, ip) in ips.iter().enumerate() {
        if i == 0 && ip == NONE {
            if ips.len() > 1 {
                malformed = true;
                let detail = "'None' must be the first and only value";
                errors.push(FieldError::invalid(&ips_path, go_strings(ips), detail));
            }
            continue;
        }
        malformed |= parse_ip(ip).is_none();
        validate_ip(ip, &ips_path.index(i), errors);
    }
    if ips.len() > 2 {
        let detail = "may only hold up to 2 values";
        errors.push(FieldError::invalid(&ips_path, go_strings(ips), detail));
    }
    if malformed {
        return;
    }
    let is_v6 = |ip: &String| parse_ip(ip).is_some_and(|ip| ip.is_ipv6());
    let kinds: BTreeSet<_> = ips.iter().map(is_v6).collect();
    if ips.len() > 1 && kinds.len() < 2 {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid(&ips_path, go_strings(ips), detail));
    }
    let families = list(spec.ip_families.as_ref()).iter();
    for (i, (ip, family)) in ips.iter().zip(families).enumerate() {
        let fits = is_headless(spec) || is_v6(ip) == (family == "IPv6");
        if !fits && FAMILIES.contains(&family.as_str()) {
            let detail = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
            errors.push(FieldError::invalid(&ips_path.index(i), ip, detail));
        }
    }
}

fn validate_families(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    let mut seen = BTreeSet::new();
    for (i, family) in list(spec.ip_families.as_ref()).iter().enumerate() {
        let path = path.child("ipFamilies").index(i);
        one_of(family, &FAMILIES, &path, errors);
        if !seen.insert(family) {
            errors.push(FieldError::duplicate(&path, family));
        }
    }
    if let Some(policy) = &spec.ip_family_policy {
        one_of(policy, &POLICIES, &path.child("ipFamilyPolicy"), errors);
    }
}

/// Node ports of a type without any, and duplicate ports.
fn validate_port_numbers(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    let ports = || list(spec.ports.as_ref()).iter().enumerate();
    let on_nodes = || {
        ports().filter_map(|(i, p)| Some((i, p, p.node_port?)).filter(|(.., number)| *number != 0))
    };
    if spec.type_.as_deref() == Some(CLUSTER_IP) {
        for (i, ..) in on_nodes() {
            let detail = "may not be used when `type` is 'ClusterIP'";
            let path = path.index(i).child("nodePort");
            errors.push(FieldError::forbidden(&path, detail));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, port, number) in on_nodes() {
        if !seen.insert((text(port.protocol.as_ref()), number)) {
            let path = path.index(i).child("nodePort");
            errors.push(FieldError::duplicate(&path, number));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, port) in ports() {
        let protocol = text(port.protocol.as_ref());
        if !seen.insert((protocol, port.port)) {
            let value = BadValue::go(format!(
                "core.ServicePort{{Name:\"\", Protocol:{}, AppProtocol:(*string)(nil), Port:{}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}",
                go_quote(protocol),
                port.port
            ));
            errors.push(FieldError::duplicate(&path.index(i), value));
        }
    }
}

/// The networks that a load balancer accepts, from the field or the annotation.
fn validate_source_ranges(
    service: &Service,
    spec: &ServiceSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let ranges = list(spec.load_balancer_source_ranges.as_ref());
    let annotations = service.metadata.annotations.as_ref();
    let annotation = annotations.and_then(|a| a.get(SOURCE_RANGES));
    let (path, shown, ranges) = match annotation {
        _ if !ranges.is_empty() => (
            path.child("LoadBalancerSourceRanges"),
            format!("[{}]", ranges.join(" ")),
            ranges.iter().map(String::as_str).collect(),
        ),
        Some(text) => (
            Path::new("metadata")
                .child("annotations")
                .key(SOURCE_RANGES),
            text.clone(),
            match text.trim() {
                "" => Vec::new(),
                text => text.split(',').collect(),
            },
        ),
        None => return,
    };
    if spec.type_.as_deref() != Some(LOAD_BALANCER) {
        errors.push(FieldError::forbidden(&path, BALANCED_ONLY));
    }
    if !ranges.iter().all(|r| parse_cidr(r.trim()).is_some()) {
        let detail = "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24 ";
        errors.push(FieldError::invalid(&path, &shown, detail));
    }
}

/// The class of the load balancer.
pub(super) fn validate_load_balancer_class(
    spec: &ServiceSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(class) = &spec.load_balancer_class else {
        return;
    };
    let path = path.child("loadBalancerClass");
    if spec.type_.as_deref() == Some(LOAD_BALANCER) {
        invalid_each(&path, class, name::qualified_name(class), errors);
    } else {
        errors.push(FieldError::forbidden(&path, BALANCED_ONLY));
    }
}

fn validate_policies(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    let external = text(spec.external_traffic_policy.as_ref());
    if !matches!(external, "" | "Cluster" | "Local") {
        let detail = "ExternalTrafficPolicy must be empty, Cluster or Local";
        let path = path.child("externalTrafficPolicy");
        errors.push(FieldError::invalid(&path, external, detail));
    }
    if let Some(port) = spec.health_check_node_port.filter(|p| *p < 0) {
        let detail = "HealthCheckNodePort must be not less than 0";
        let path = path.child("healthCheckNodePort");
        errors.push(FieldError::invalid(&path, port, detail));
    }
    let kind = text(spec.type_.as_ref());
    let path = path.child("internalTrafficPolicy");
    match &spec.internal_traffic_policy {
        None if matches!(kind, CLUSTER_IP | NODE_PORT | LOAD_BALANCER) => {
            required(None, &path, errors);
        }
        None => {}
        Some(policy) => one_of(policy, &["Cluster", "Local"], &path, errors),
    }
}

/// Validates the status of a load balancer (upstream:
/// `ValidateLoadBalancerStatus`).
pub(super) fn validate_status(service: &Service, errors: &mut ErrorList) {
    let balancer = service
        .status
        .as_ref()
        .and_then(|s| s.load_balancer.as_ref());
    let ingress = list(balancer.and_then(|b| b.ingress.as_ref()));
    for (i, point) in ingress.iter().enumerate() {
        let path = Path::new("status")
            .child("loadBalancer")
            .child("ingress")
            .index(i);
        let ip = text(point.ip.as_ref());
        if !ip.is_empty() && parse_ip(ip).is_none() {
            let detail = "must be a valid IP address";
            errors.push(FieldError::invalid(&path.child("ip"), ip, detail));
        }
        let host = text(point.hostname.as_ref());
        if host.is_empty() {
            continue;
        }
        let path = path.child("hostname");
        invalid_each(&path, host, name::dns1123_subdomain(host), errors);
        if parse_ip(host).is_some() {
            let detail = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid(&path, host, detail));
        }
    }
}
