//! Ingresses: the services for requests from outside.

pub mod v1beta1;
mod validate;

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::{Ingress, IngressRule, IngressStatus};
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{list, text};

/// The annotation for the class, from before the field existed.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// How many hosts a Table shows.
const HOSTS_SHOWN: usize = 3;

/// The rules of ingresses (upstream: `pkg/registry/networking/ingress/strategy.go`).
pub struct IngressStrategy;

impl Strategy for IngressStrategy {
    type Kind = Ingress;

    fn default(&self, ingress: &mut Ingress) {
        ingress.spec.get_or_insert_default();
        let status = ingress.status.get_or_insert_default();
        status.load_balancer.get_or_insert_default();
    }

    fn prepare_for_create(&self, ingress: &mut Ingress) {
        ingress.status = Some(IngressStatus {
            load_balancer: Some(Default::default()),
        });
    }

    fn prepare_for_update(&self, ingress: &mut Ingress, old: &Ingress) {
        ingress.status.clone_from(&old.status);
    }

    fn validate(&self, ingress: &Ingress) -> ErrorList {
        let mut errors = validate::validate_spec(ingress, None);
        let annotations = ingress.metadata.annotations.as_ref();
        let annotated = annotations.and_then(|a| a.get(CLASS_ANNOTATION));
        let class = ingress
            .spec
            .as_ref()
            .and_then(|s| s.ingress_class_name.as_ref());
        if let (Some(annotated), Some(class)) = (annotated, class)
            && annotated != class
        {
            let path = Path::new("annotations").child(CLASS_ANNOTATION);
            let detail = "must match `ingressClassName` when both are specified";
            errors.push(FieldError::invalid(&path, annotated, detail));
        }
        errors
    }

    fn validate_update(&self, ingress: &Ingress, old: &Ingress) -> ErrorList {
        validate::validate_spec(ingress, Some(old))
    }

    fn prepare_status_update(&self, ingress: &mut Ingress, old: &Ingress) {
        ingress.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, ingress: &Ingress, _: &Ingress) -> ErrorList {
        validate::validate_status(ingress)
    }

    fn spec_changed(&self, ingress: &Ingress, old: &Ingress) -> Option<bool> {
        Some(ingress.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, ingress: &Ingress) -> Vec<Cell> {
        let spec = ingress.spec.clone().unwrap_or_default();
        let class = spec
            .ingress_class_name
            .unwrap_or_else(|| "<none>".to_owned());
        let secure = !list(spec.tls.as_ref()).is_empty();
        vec![
            Cell::name(ingress),
            Cell::text(class),
            Cell::text(hosts(list(spec.rules.as_ref()))),
            Cell::text(addresses(ingress)),
            Cell::text(if secure { "80, 443" } else { "80" }),
            Cell::age(ingress),
        ]
    }
}

/// The first few hosts; a rule without one applies to all.
fn hosts(rules: &[IngressRule]) -> String {
    let mut hosts = Vec::new();
    let mut more = false;
    for host in rules.iter().map(|rule| text(rule.host.as_ref())) {
        more |= hosts.len() == HOSTS_SHOWN;
        if !more && !host.is_empty() {
            hosts.push(host);
        }
    }
    match hosts.join(",") {
        none if none.is_empty() => "*".to_owned(),
        hosts if more => format!("{hosts} + {} more...", rules.len() - HOSTS_SHOWN),
        hosts => hosts,
    }
}

fn addresses(ingress: &Ingress) -> String {
    let balancer = ingress
        .status
        .as_ref()
        .and_then(|s| s.load_balancer.as_ref());
    let points = list(balancer.and_then(|b| b.ingress.as_ref()));
    let addresses: BTreeSet<_> = points
        .iter()
        .map(|point| match text(point.ip.as_ref()) {
            "" => text(point.hostname.as_ref()),
            ip => ip,
        })
        .filter(|address| !address.is_empty())
        .collect();
    addresses.into_iter().collect::<Vec<_>>().join(",")
}

static COLUMNS: [Column; 6] = [
    Column::NAME,
    Column::text(
        "Class",
        "The name of the IngressClass resource that should be used for additional configuration",
    ),
    Column::text(
        "Hosts",
        "Hosts that incoming requests are matched against before the ingress rule",
    ),
    Column::text(
        "Address",
        "Address is a list containing ingress points for the load-balancer",
    ),
    Column::text("Ports", "Ports of TLS configurations that open"),
    Column::AGE,
];

#[cfg(test)]
mod tests;
