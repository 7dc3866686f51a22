//! DNS settings of a pod.

use k8s_openapi::api::core::v1::{PodDNSConfig, PodSpec};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::net::parse_ip;
use super::super::{go_strings, invalid_each, list, text};
use super::required_one_of;

const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const NAMESERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 6;
const SEARCH_CHARACTERS_MAX: usize = 256;

pub(super) fn validate_policy(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let policy = text(spec.dns_policy.as_ref());
    required_one_of(policy, &POLICIES, &path.child("dnsPolicy"), errors);
}

pub(super) fn validate_dns(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let policy = text(spec.dns_policy.as_ref());
    let config_path = path.child("dnsConfig");
    let config = spec.dns_config.as_ref();
    if policy == "None" {
        let servers = config.map(|c| list(c.nameservers.as_ref()).is_empty());
        let missing = match servers {
            None => Some((
                &config_path,
                "must provide `dnsConfig` when `dnsPolicy` is None",
            )),
            Some(true) => Some((
                &config_path.child("nameservers"),
                "must provide at least one DNS nameserver when `dnsPolicy` is None",
            )),
            Some(false) => None,
        };
        if let Some((path, detail)) = missing {
            errors.push(FieldError::required(path, detail));
            return;
        }
    }
    if let Some(config) = config {
        validate_config(config, &config_path, errors);
    }
}

fn validate_config(config: &PodDNSConfig, path: &Path, errors: &mut ErrorList) {
    let servers = list(config.nameservers.as_ref());
    let servers_path = path.child("nameservers");
    if servers.len() > NAMESERVERS_MAX {
        let detail = format!("must not have more than {NAMESERVERS_MAX} nameservers");
        errors.push(FieldError::invalid(
            &servers_path,
            go_strings(servers),
            detail,
        ));
    }
    for (i, server) in servers.iter().enumerate() {
        validate_address(server, &servers_path.index(i), errors);
    }
    let searches = list(config.searches.as_ref());
    let searches_path = path.child("searches");
    if searches.len() > SEARCHES_MAX {
        let detail = format!("must not have more than {SEARCHES_MAX} search paths");
        errors.push(FieldError::invalid(
            &searches_path,
            go_strings(searches),
            detail,
        ));
    }
    if searches.join(" ").len() > SEARCH_CHARACTERS_MAX {
        let detail = format!(
            "must not have more than {SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        );
        errors.push(FieldError::invalid(
            &searches_path,
            go_strings(searches),
            detail,
        ));
    }
    for (i, search) in searches.iter().enumerate() {
        let domain = search.strip_suffix('.').unwrap_or(search);
        let path = searches_path.index(i);
        invalid_each(&path, domain, name::dns1123_subdomain(domain), errors);
    }
    for (i, option) in list(config.options.as_ref()).iter().enumerate() {
        if text(option.name.as_ref()).is_empty() {
            let path = path.child("options").index(i);
            errors.push(FieldError::required(&path, "must not be empty"));
        }
    }
}

fn validate_address(address: &str, path: &Path, errors: &mut ErrorList) {
    if parse_ip(address).is_none() {
        let detail = "must be valid IP address";
        errors.push(FieldError::invalid(path, address, detail));
    }
}

/// As upstream, paths name the list and not its elements.
pub(super) fn validate_host_aliases(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    for alias in list(spec.host_aliases.as_ref()) {
        validate_address(&alias.ip, &path.child("ip"), errors);
        for hostname in list(alias.hostnames.as_ref()) {
            let path = path.child("hostnames");
            invalid_each(&path, hostname, name::dns1123_subdomain(hostname), errors);
        }
    }
}
