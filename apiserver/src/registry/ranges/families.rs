//! Which families of addresses a service has, in a cluster of one family (upstream:
//! `initIPFamilyFields` in `pkg/registry/core/service/storage/alloc.go`).

use k8s_openapi::api::core::v1::ServiceSpec;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::kinds::service::traffic::{NONE, is_headless, needs_cluster_ip};
use super::super::validation::net::parse_ip;
use super::super::validation::{go_strings, list};

/// Sets family and policy of a service that does not say, to `family`, the cluster's own.
pub(super) fn complete(spec: &mut ServiceSpec, family: &str) -> Result<(), ErrorList> {
    if !needs_cluster_ip(spec) {
        return Ok(());
    }
    let mut errors = ErrorList::new();
    let path = Path::new("spec");
    if spec.ip_family_policy.is_none() {
        refuse_two(spec, &path.child("ipFamilyPolicy"), &mut errors);
        spec.ip_family_policy = Some("SingleStack".into());
    }
    follow_addresses(spec, family, &path.child("clusterIPs"), &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    // Nobody but its author knows what a headless service without a selector stands for.
    let free = is_headless(spec) && spec.selector.as_ref().is_none_or(|s| s.is_empty());
    if !free {
        if spec.ip_family_policy.as_deref() == Some("RequireDualStack") {
            let detail = "this cluster is not configured for dual-stack services";
            let path = path.child("ipFamilyPolicy");
            errors.push(FieldError::invalid(&path, "RequireDualStack", detail));
        }
        for (i, asked) in list(spec.ip_families.as_ref()).iter().enumerate() {
            if asked != family {
                let path = path.child("ipFamilies").index(i);
                let detail = "not configured on this cluster";
                errors.push(FieldError::invalid(&path, asked, detail));
            }
        }
    }
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        families.push(family.to_owned());
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Two of anything must be asked for.
fn refuse_two(spec: &ServiceSpec, path: &Path, errors: &mut ErrorList) {
    for (field, count) in [
        ("clusterIPs", list(spec.cluster_ips.as_ref()).len()),
        ("ipFamilies", list(spec.ip_families.as_ref()).len()),
    ] {
        if count == 2 {
            let detail = format!(
                "must be RequireDualStack or PreferDualStack when multiple {field} are specified"
            );
            errors.push(FieldError::invalid(path, BadValue::null(), detail));
        }
    }
}

/// An address that was asked for tells its family.
fn follow_addresses(spec: &mut ServiceSpec, family: &str, path: &Path, errors: &mut ErrorList) {
    let ips = spec.cluster_ips.clone().unwrap_or_default();
    for (i, ip) in ips.iter().enumerate().take_while(|(_, ip)| *ip != NONE) {
        let Some(parsed) = parse_ip(ip) else { continue };
        let named = if parsed.is_ipv6() { "IPv6" } else { "IPv4" };
        let families = spec.ip_families.get_or_insert_default();
        if i < families.len() {
            continue;
        }
        if named != family {
            let detail = format!("may not use {named} on a cluster which is not configured for it");
            errors.push(FieldError::invalid(
                &path.index(i),
                go_strings(&ips),
                detail,
            ));
        }
        families.push(named.to_owned());
    }
}
