//! The allocated fields of a changed service, and validation of the change (upstream:
//! `pkg/registry/core/service/{strategy.go,storage/storage.go}`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceSpec;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::is_external_name;
use super::traffic::{
    LOAD_BALANCER, is_headless, needs_cluster_ip, needs_health_check_port, needs_node_ports,
};
use super::validate::validate_load_balancer_class;
use crate::validation::{go_strings, list, text};

const FIXED: &str = "may not change once set";

/// Clients that support one address write only that field (upstream: `normalizeClusterIPs`).
pub(super) fn complete_addresses(spec: &mut ServiceSpec) {
    let ip = text(spec.cluster_ip.as_ref());
    if !ip.is_empty() && list(spec.cluster_ips.as_ref()).is_empty() {
        spec.cluster_ips = Some(vec![ip.to_owned()]);
    }
}

/// Keeps allocated values, and drops those that a new type does not use.
pub(super) fn prepare(spec: &mut ServiceSpec, old: &ServiceSpec) {
    keep_allocated(spec, old);
    follow_address(spec, old);
    drop_unused(spec, old);
}

/// Allocated values that the client leaves out are kept (upstream: `patchAllocatedValues`).
fn keep_allocated(spec: &mut ServiceSpec, old: &ServiceSpec) {
    if needs_cluster_ip(old) && needs_cluster_ip(spec) {
        if text(spec.cluster_ip.as_ref()).is_empty() {
            spec.cluster_ip.clone_from(&old.cluster_ip);
        }
        if list(spec.ip_families.as_ref()).is_empty() {
            spec.ip_families.clone_from(&old.ip_families);
        }
        if spec.ip_family_policy.is_none() {
            spec.ip_family_policy.clone_from(&old.ip_family_policy);
        }
    }
    if needs_node_ports(old) && needs_node_ports(spec) {
        keep_node_ports(spec, old);
    }
    if needs_health_check_port(old)
        && needs_health_check_port(spec)
        && spec.health_check_node_port.unwrap_or_default() == 0
    {
        spec.health_check_node_port = old.health_check_node_port;
    }
}

/// A port of the same name keeps its node port, unless another one has taken it.
fn keep_node_ports(spec: &mut ServiceSpec, old: &ServiceSpec) {
    let mut used: BTreeSet<i32> = node_ports(spec).collect();
    let known: BTreeMap<_, _> = list(old.ports.as_ref())
        .iter()
        .map(|p| (text(p.name.as_ref()), p.node_port.unwrap_or_default()))
        .collect();
    for port in spec.ports.iter_mut().flatten() {
        let before = known.get(text(port.name.as_ref())).copied();
        let unset = port.node_port.unwrap_or_default() == 0;
        if let Some(before) = before.filter(|b| unset && *b != 0)
            && used.insert(before)
        {
            port.node_port = Some(before);
        }
    }
}

fn node_ports(spec: &ServiceSpec) -> impl Iterator<Item = i32> {
    let ports = list(spec.ports.as_ref()).iter();
    ports.filter_map(|p| p.node_port).filter(|p| *p != 0)
}

/// A client that changes one of the two address fields changes both (upstream: `normalizeClusterIPs`).
fn follow_address(spec: &mut ServiceSpec, old: &ServiceSpec) {
    let (new_ip, old_ip) = (
        text(spec.cluster_ip.as_ref()),
        text(old.cluster_ip.as_ref()),
    );
    let same_lists = list(spec.cluster_ips.as_ref()) == list(old.cluster_ips.as_ref());
    if new_ip == old_ip {
        if list(spec.cluster_ips.as_ref()).is_empty() {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
    } else if same_lists {
        spec.cluster_ips = (!new_ip.is_empty()).then(|| vec![new_ip.to_owned()]);
    }
}

/// Values that only the old type used are dropped, unless they were changed (upstream:
/// `dropTypeDependentFields`).
fn drop_unused(spec: &mut ServiceSpec, old: &ServiceSpec) {
    fn drop<T: PartialEq>(field: &mut Option<T>, old: &Option<T>) {
        if field == old {
            *field = None;
        }
    }
    if needs_cluster_ip(old) && !needs_cluster_ip(spec) {
        if spec.cluster_ip == old.cluster_ip && spec.cluster_ips == old.cluster_ips {
            (spec.cluster_ip, spec.cluster_ips) = (None, None);
        }
        drop(&mut spec.ip_families, &old.ip_families);
        drop(&mut spec.ip_family_policy, &old.ip_family_policy);
    }
    let ports: Vec<_> = node_ports(spec).collect();
    if needs_node_ports(old)
        && !needs_node_ports(spec)
        && ports == node_ports(old).collect::<Vec<_>>()
    {
        for port in spec.ports.iter_mut().flatten() {
            port.node_port = None;
        }
    }
    if needs_health_check_port(old) && !needs_health_check_port(spec) {
        drop(
            &mut spec.health_check_node_port,
            &old.health_check_node_port,
        );
    }
    let balanced = |s: &ServiceSpec| s.type_.as_deref() == Some(LOAD_BALANCER);
    if balanced(old) && !balanced(spec) {
        drop(
            &mut spec.allocate_load_balancer_node_ports,
            &old.allocate_load_balancer_node_ports,
        );
        drop(&mut spec.load_balancer_class, &old.load_balancer_class);
    }
    if needs_node_ports(old) && !needs_node_ports(spec) {
        drop(
            &mut spec.external_traffic_policy,
            &old.external_traffic_policy,
        );
    }
    if is_external_name(old) && !is_external_name(spec) {
        drop(&mut spec.external_name, &old.external_name);
    }
}

/// Immutable fields (upstream: `ValidateServiceUpdate`).
pub(super) fn validate_change(spec: &ServiceSpec, old: &ServiceSpec, errors: &mut ErrorList) {
    let path = Path::new("spec");
    if !is_external_name(spec) && !is_external_name(old) {
        validate_addresses(spec, old, &path, errors);
        validate_families(spec, old, &path, errors);
    }
    let balanced = |s: &ServiceSpec| s.type_.as_deref() == Some(LOAD_BALANCER);
    let class = spec.load_balancer_class.as_deref();
    if balanced(spec) && balanced(old) && class != old.load_balancer_class.as_deref() {
        let value = class.map_or_else(BadValue::null, BadValue::from);
        let path = path.child("loadBalancerClass");
        errors.push(FieldError::invalid(&path, value, FIXED));
    }
    validate_load_balancer_class(spec, &path, errors);
    if needs_health_check_port(old)
        && needs_health_check_port(spec)
        && spec.health_check_node_port != old.health_check_node_port
    {
        let path = path.child("healthCheckNodePort");
        errors.push(FieldError::forbidden(&path, "field is immutable"));
    }
}

/// The first address is immutable; a second one may be added and removed.
fn validate_addresses(spec: &ServiceSpec, old: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    if is_headless(spec) && is_headless(old) {
        return;
    }
    let (new, before) = (
        list(spec.cluster_ips.as_ref()),
        list(old.cluster_ips.as_ref()),
    );
    let ips_path = path.child("clusterIPs");
    let changed = |i: usize, errors: &mut ErrorList| {
        errors.push(FieldError::invalid(
            &ips_path.index(i),
            go_strings(new),
            FIXED,
        ));
    };
    if new.len() == before.len() {
        for i in (0..new.len()).filter(|i| new.get(*i) != before.get(*i)) {
            changed(i, errors);
        }
        return;
    }
    if new.is_empty() {
        let detail = "primary clusterIP can not be unset";
        errors.push(FieldError::invalid(
            &ips_path.index(0),
            go_strings(new),
            detail,
        ));
    } else if before
        .first()
        .is_some_and(|first| new.first() != Some(first))
    {
        changed(0, errors);
    }
    if new.len() < before.len() && new.len() == 1 {
        must_be_single(spec, "clusterIP", path, errors);
    }
}

/// The first family is immutable, as the first address is.
fn validate_families(spec: &ServiceSpec, old: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    if is_headless(spec) || is_headless(old) {
        return;
    }
    let (new, before) = (
        list(spec.ip_families.as_ref()),
        list(old.ip_families.as_ref()),
    );
    let first = path.child("ipFamilies").index(0);
    let mut refuse = |detail: &str| {
        errors.push(FieldError::invalid(&first, go_families(new), detail));
    };
    if new.len() == before.len() {
        for _ in new.iter().zip(before).filter(|(a, b)| a != b) {
            refuse(FIXED);
        }
        return;
    }
    if new.len() < before.len() && list(spec.cluster_ips.as_ref()).is_empty() {
        refuse("primary ipFamily can not be unset");
    }
    if let (Some(now), Some(then)) = (new.first(), before.first())
        && now != then
    {
        refuse(FIXED);
    }
    if new.len() < before.len() && new.len() == 1 {
        must_be_single(spec, "ipFamily", path, errors);
    }
}

fn must_be_single(spec: &ServiceSpec, what: &str, path: &Path, errors: &mut ErrorList) {
    let policy = spec.ip_family_policy.as_deref();
    if policy != Some("SingleStack") {
        let value = policy.map_or_else(BadValue::null, BadValue::from);
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {what}");
        let path = path.child("ipFamilyPolicy");
        errors.push(FieldError::invalid(&path, value, detail));
    }
}

/// Families as Go's `%#v` prints them.
fn go_families(families: &[String]) -> BadValue {
    BadValue::go(format!(
        "[]core.IPFamily{}",
        crate::validation::go_elements(families)
    ))
}
