//! Validation of ingresses (upstream: `pkg/apis/networking/validation/validation.go`).

use k8s_openapi::api::core::v1::TypedLocalObjectReference;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressTLS,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::names::validate_object_name;
use crate::validation::net::{parse_ip, validate_port_name, validate_port_number};
use crate::validation::{invalid_each, list, one_of, required, text};

const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
const BAD_SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_ENDS: [&str; 2] = ["/..", "/."];
const NOT_AN_ADDRESS: &str = "must be a DNS name, not an IP address";
const ABSOLUTE: &str = "must be an absolute path";

/// Invalid values that are tolerated because the old object has them too.
#[derive(Clone, Copy, Default)]
struct Tolerated {
    secret_names: bool,
    wildcard_rules: bool,
}

impl Tolerated {
    fn of(old: &Ingress) -> Self {
        let spec = old.spec.clone().unwrap_or_default();
        let wrong_name = |tls: &IngressTLS| !secret_name_mistakes(tls).is_empty();
        let wrong_rule = |rule: &IngressRule| {
            let mut errors = ErrorList::new();
            validate_rule_value(rule, &Path::default(), &mut errors);
            text(rule.host.as_ref()).contains('*') && !errors.is_empty()
        };
        Self {
            secret_names: list(spec.tls.as_ref()).iter().any(wrong_name),
            wildcard_rules: list(spec.rules.as_ref()).iter().any(wrong_rule),
        }
    }
}

pub(super) fn validate_spec(ingress: &Ingress, old: Option<&Ingress>) -> ErrorList {
    let mut errors = ErrorList::new();
    let Some(spec) = &ingress.spec else {
        return errors;
    };
    let tolerated = old.map(Tolerated::of).unwrap_or_default();
    let path = Path::new("spec");
    let rules = list(spec.rules.as_ref());
    if rules.is_empty() && spec.default_backend.is_none() {
        let value = match spec.rules {
            Some(_) => "[]networking.IngressRule{}",
            None => "[]networking.IngressRule(nil)",
        };
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(&path, BadValue::go(value), detail));
    }
    if let Some(backend) = &spec.default_backend {
        validate_backend(backend, &path.child("defaultBackend"), &mut errors);
    }
    for (i, rule) in rules.iter().enumerate() {
        validate_rule(rule, tolerated, &path.child("rules").index(i), &mut errors);
    }
    for (i, tls) in list(spec.tls.as_ref()).iter().enumerate() {
        validate_tls(tls, tolerated, &path.child("tls").index(i), &mut errors);
    }
    if let Some(class) = &spec.ingress_class_name {
        let path = path.child("ingressClassName");
        invalid_each(&path, class, name::dns1123_subdomain(class), &mut errors);
    }
    errors
}

fn validate_host(host: &str, path: &Path, errors: &mut ErrorList) {
    let sentences = if host.contains('*') {
        name::wildcard_dns1123_subdomain(host)
    } else {
        name::dns1123_subdomain(host)
    };
    invalid_each(path, host, sentences, errors);
}

fn validate_tls(tls: &IngressTLS, tolerated: Tolerated, path: &Path, errors: &mut ErrorList) {
    for (i, host) in list(tls.hosts.as_ref()).iter().enumerate() {
        validate_host(host, &path.child("hosts").index(i), errors);
    }
    if !tolerated.secret_names {
        let secret = text(tls.secret_name.as_ref());
        let path = path.child("secretName");
        invalid_each(&path, secret, secret_name_mistakes(tls), errors);
    }
}

fn secret_name_mistakes(tls: &IngressTLS) -> Vec<String> {
    match text(tls.secret_name.as_ref()) {
        "" => Vec::new(),
        secret => name::dns1123_subdomain(secret),
    }
}

fn validate_rule(rule: &IngressRule, tolerated: Tolerated, path: &Path, errors: &mut ErrorList) {
    let host = text(rule.host.as_ref());
    if !host.is_empty() {
        let path = path.child("host");
        if parse_ip(host).is_some() {
            errors.push(FieldError::invalid(&path, host, NOT_AN_ADDRESS));
        }
        validate_host(host, &path, errors);
    }
    if !(host.contains('*') && tolerated.wildcard_rules) {
        validate_rule_value(rule, path, errors);
    }
}

fn validate_rule_value(rule: &IngressRule, path: &Path, errors: &mut ErrorList) {
    let Some(http) = &rule.http else { return };
    let path = path.child("http").child("paths");
    if http.paths.is_empty() {
        errors.push(FieldError::required(&path, ""));
    }
    for (i, http_path) in http.paths.iter().enumerate() {
        validate_path(http_path, &path.index(i), errors);
    }
}

fn validate_path(http: &HTTPIngressPath, path: &Path, errors: &mut ErrorList) {
    let given = text(http.path.as_ref());
    let at = path.child("path");
    let mut wrong = |detail: String| errors.push(FieldError::invalid(&at, given, detail));
    match http.path_type.as_str() {
        "" => {
            let detail = "pathType must be specified";
            errors.push(FieldError::required(&path.child("pathType"), detail));
            return;
        }
        "Exact" | "Prefix" => {
            if !given.starts_with('/') {
                wrong(ABSOLUTE.to_owned());
            }
            for sequence in BAD_SEQUENCES.iter().filter(|s| given.contains(**s)) {
                wrong(format!("must not contain '{sequence}'"));
            }
            for end in BAD_ENDS.iter().filter(|e| given.ends_with(**e)) {
                wrong(format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !given.is_empty() && !given.starts_with('/') {
                wrong(ABSOLUTE.to_owned());
            }
        }
        other => one_of(other, &PATH_TYPES, &path.child("pathType"), errors),
    }
    validate_backend(&http.backend, &path.child("backend"), errors);
}

/// A backend is a service or another object of the namespace.
fn validate_backend(backend: &IngressBackend, path: &Path, errors: &mut ErrorList) {
    match (&backend.resource, &backend.service) {
        (Some(_), Some(_)) => {
            let detail = "cannot set both resource and service backends";
            errors.push(FieldError::invalid(path, "", detail));
        }
        (Some(resource), None) => validate_reference(resource, &path.child("resource"), errors),
        (None, Some(service)) => validate_service(service, path, errors),
        (None, None) => {
            let detail = "resource or service backend is required";
            errors.push(FieldError::invalid(path, "", detail));
        }
    }
}

fn validate_reference(reference: &TypedLocalObjectReference, path: &Path, errors: &mut ErrorList) {
    if let Some(group) = &reference.api_group {
        let sentences = name::dns1123_subdomain(group);
        invalid_each(&path.child("apiGroup"), group, sentences, errors);
    }
    validate_object_name(&reference.kind, &path.child("kind"), errors);
    validate_object_name(&reference.name, &path.child("name"), errors);
}

fn validate_service(service: &IngressServiceBackend, path: &Path, errors: &mut ErrorList) {
    let at = path.child("service");
    let name_path = at.child("name");
    if service.name.is_empty() {
        required(None, &name_path, errors);
    } else {
        let sentences = name::dns1035_label(&service.name);
        invalid_each(&name_path, &service.name, sentences, errors);
    }
    let port = service.port.clone().unwrap_or_default();
    let at = at.child("port");
    match (text(port.name.as_ref()), port.number.unwrap_or_default()) {
        ("", 0) => {
            let detail = "port name or number is required";
            errors.push(FieldError::required(path, detail));
        }
        ("", number) => validate_port_number(number, &at.child("number"), errors),
        (name, 0) => validate_port_name(name, &at.child("name"), errors),
        _ => {
            let detail = "cannot set both port name & port number";
            errors.push(FieldError::invalid(path, "", detail));
        }
    }
}

pub(super) fn validate_status(ingress: &Ingress) -> ErrorList {
    let mut errors = ErrorList::new();
    let balancer = ingress
        .status
        .as_ref()
        .and_then(|s| s.load_balancer.as_ref());
    let path = Path::new("status").child("loadBalancer").child("ingress");
    for (i, point) in list(balancer.and_then(|b| b.ingress.as_ref()))
        .iter()
        .enumerate()
    {
        let path = path.index(i);
        let (ip, host) = (text(point.ip.as_ref()), text(point.hostname.as_ref()));
        if !ip.is_empty() && parse_ip(ip).is_none() {
            let detail = "must be a valid IP address";
            errors.push(FieldError::invalid(&path.child("ip"), ip, detail));
        }
        if !host.is_empty() {
            let path = path.child("hostname");
            invalid_each(&path, host, name::dns1123_subdomain(host), &mut errors);
            if parse_ip(host).is_some() {
                errors.push(FieldError::invalid(&path, host, NOT_AN_ADDRESS));
            }
        }
    }
    errors
}
