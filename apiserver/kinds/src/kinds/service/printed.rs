//! A service's row in a Table (upstream: `printService` in
//! `pkg/printers/internalversion/printers.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::traffic::{CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT};
use crate::strategy::{Cell, Column};
use crate::validation::labels::format_labels;
use crate::validation::{list, text};

pub(super) static COLUMNS: [Column; 7] = [
    Column::NAME,
    Column::text(
        "Type",
        "How the service is reached: by an address inside the cluster, by a port of every node, through a load balancer, or not at all but by a name.",
    ),
    Column::text(
        "Cluster-IP",
        "The address inside the cluster, None where there is none.",
    ),
    Column::text(
        "External-IP",
        "The addresses outside the cluster, or the name the service stands for.",
    ),
    Column::text(
        "Port(s)",
        "The ports of the service, each with the port of the nodes it has.",
    ),
    Column::AGE,
    Column::text("Selector", "The labels of the pods behind the service.").wide(),
];

pub(super) fn cells(service: &Service) -> Vec<Cell> {
    let spec = service.spec.clone().unwrap_or_default();
    let or_none = |text: String| match text.is_empty() {
        true => "<none>".to_owned(),
        false => text,
    };
    let ip = list(spec.cluster_ips.as_ref()).first();
    let ports: Vec<_> = list(spec.ports.as_ref()).iter().map(format_port).collect();
    vec![
        Cell::name(service),
        Cell::text(text(spec.type_.as_ref())),
        Cell::text(or_none(ip.cloned().unwrap_or_default())),
        Cell::text(external_address(service, &spec)),
        Cell::text(or_none(ports.join(","))),
        Cell::age(service),
        Cell::text(format_labels(spec.selector.as_ref())),
    ]
}

fn format_port(port: &ServicePort) -> String {
    let protocol = text(port.protocol.as_ref());
    match port.node_port.unwrap_or_default() {
        0 => format!("{}/{protocol}", port.port),
        on_node => format!("{}:{on_node}/{protocol}", port.port),
    }
}

fn external_address(service: &Service, spec: &ServiceSpec) -> String {
    let external = list(spec.external_ips.as_ref()).join(",");
    match text(spec.type_.as_ref()) {
        CLUSTER_IP | NODE_PORT if external.is_empty() => "<none>".into(),
        CLUSTER_IP | NODE_PORT => external,
        LOAD_BALANCER => {
            let balanced = balanced_address(service);
            let known = [balanced, external].into_iter().filter(|a| !a.is_empty());
            match known.collect::<Vec<_>>().join(",") {
                none if none.is_empty() => "<pending>".into(),
                known => known,
            }
        }
        EXTERNAL_NAME => text(spec.external_name.as_ref()).to_owned(),
        _ => "<unknown>".into(),
    }
}

/// The addresses of the load balancer.
fn balanced_address(service: &Service) -> String {
    let status = service
        .status
        .as_ref()
        .and_then(|s| s.load_balancer.as_ref());
    let points = list(status.and_then(|b| b.ingress.as_ref())).iter();
    let known: BTreeSet<_> = points
        .map(|point| match text(point.ip.as_ref()) {
            "" => text(point.hostname.as_ref()),
            ip => ip,
        })
        .filter(|a| !a.is_empty())
        .collect();
    known.into_iter().collect::<Vec<_>>().join(",")
}
