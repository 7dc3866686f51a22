//! Which families of addresses a service has, in a cluster of one family (upstream:
//! `initIPFamilyFields` in `pkg/registry/core/service/storage/alloc.go`).

use k8s_openapi::api::core::v1::ServiceSpec;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use portcullis_kinds::kinds::service::traffic::{NONE, is_headless, needs_cluster_ip};
use portcullis_kinds::validation::net::parse_ip;
use portcullis_kinds::validation::{go_strings, list};

const SINGLE: &str = "SingleStack";
const PREFER: &str = "PreferDualStack";
const REQUIRE: &str = "RequireDualStack";
const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];

/// Sets the missing family and policy of a service: to its previous ones, or else to `family`, the cluster's
/// own.
pub(super) fn complete(
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
    family: &str,
) -> Result<(), ErrorList> {
    if !needs_cluster_ip(spec) || old.is_some_and(|old| still_prefers_two(spec, old)) {
        return Ok(());
    }
    // only its author knows the endpoints of a headless service without a selector
    let free = is_headless(spec) && spec.selector.as_ref().is_none_or(|s| s.is_empty());
    let before = old.and_then(|old| old.ip_family_policy.clone());
    let default = if free { REQUIRE } else { SINGLE };
    let policy = spec.ip_family_policy.take().or(before);
    let policy = policy.unwrap_or_else(|| default.to_owned());
    let mut errors = ErrorList::new();
    if policy == SINGLE {
        if let Some(old) = old {
            release_second(spec, old);
        }
        refuse_two(spec, &mut errors);
    } else if let Some(old) = old {
        keep_two(spec, old, &policy, &mut errors);
    }
    spec.ip_family_policy = Some(policy.clone());
    follow_addresses(spec, family, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    if !free {
        check_configured(spec, &policy, family, &mut errors);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        families.push(family.to_owned());
    }
    if free && policy != SINGLE && families.len() < 2 {
        let other = FAMILIES.iter().filter(|f| **f != families[0]).take(1);
        let other: Vec<_> = other.map(|f| (*f).to_owned()).collect();
        families.extend(other);
    }
    Ok(())
}

/// A service that prefers two families is not changed when the cluster changes.
fn still_prefers_two(spec: &ServiceSpec, old: &ServiceSpec) -> bool {
    let prefers = |policy: Option<&str>| policy.is_none_or(|policy| policy == PREFER);
    spec.ip_family_policy.as_deref() == Some(PREFER)
        && prefers(old.ip_family_policy.as_deref())
        && spec.type_ == old.type_
        && list(spec.cluster_ips.as_ref()) == list(old.cluster_ips.as_ref())
        && list(spec.ip_families.as_ref()) == list(old.ip_families.as_ref())
}

/// A change to a single family that leaves the rest as it was releases the second one.
fn release_second(spec: &mut ServiceSpec, old: &ServiceSpec) {
    for (now, before) in [
        (&mut spec.cluster_ips, &old.cluster_ips),
        (&mut spec.ip_families, &old.ip_families),
    ] {
        if now == before
            && let Some(now) = now
        {
            now.truncate(1);
        }
    }
}

/// Two families must be requested by the policy.
fn refuse_two(spec: &ServiceSpec, errors: &mut ErrorList) {
    let path = Path::new("spec").child("ipFamilyPolicy");
    for (what, count) in [
        ("cluster IPs", list(spec.cluster_ips.as_ref()).len()),
        ("IP families", list(spec.ip_families.as_ref()).len()),
    ] {
        if count == 2 {
            let detail = format!(
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            );
            errors.push(FieldError::invalid(&path, SINGLE, detail));
        }
    }
}

/// A second family is only released by a change of the policy.
fn keep_two(spec: &ServiceSpec, old: &ServiceSpec, policy: &str, errors: &mut ErrorList) {
    let path = Path::new("spec").child("ipFamilyPolicy");
    for (what, now, before) in [
        ("cluster IP", &spec.cluster_ips, &old.cluster_ips),
        ("IP family", &spec.ip_families, &old.ip_families),
    ] {
        let (now, before) = (list(now.as_ref()).len(), list(before.as_ref()).len());
        if now > 0 && now < before {
            let detail = format!("must be 'SingleStack' to release the secondary {what}");
            errors.push(FieldError::invalid(&path, policy, detail));
        }
    }
}

/// A requested address determines its family.
fn follow_addresses(spec: &mut ServiceSpec, family: &str, errors: &mut ErrorList) {
    let path = Path::new("spec").child("clusterIPs");
    let ips = spec.cluster_ips.clone().unwrap_or_default();
    for (i, ip) in ips.iter().enumerate().take_while(|(_, ip)| *ip != NONE) {
        let Some(parsed) = parse_ip(ip) else { continue };
        let named = FAMILIES[usize::from(parsed.is_ipv6())];
        let families = spec.ip_families.get_or_insert_default();
        if i < families.len() {
            continue;
        }
        if named == family {
            families.push(named.to_owned());
        } else {
            let value: BadValue = go_strings(&ips);
            let detail = format!("{named} is not configured on this cluster");
            errors.push(FieldError::invalid(&path.index(i), value, detail));
        }
    }
}

/// The requested families must be the cluster's.
fn check_configured(spec: &ServiceSpec, policy: &str, family: &str, errors: &mut ErrorList) {
    let path = Path::new("spec");
    if policy == REQUIRE {
        let detail = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(
            &path.child("ipFamilyPolicy"),
            policy,
            detail,
        ));
    }
    for (i, asked) in list(spec.ip_families.as_ref()).iter().enumerate() {
        if asked != family {
            let path = path.child("ipFamilies").index(i);
            let detail = "not configured on this cluster";
            errors.push(FieldError::invalid(&path, asked, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(mut value: Value) -> ServiceSpec {
        value["type"] = json!("ClusterIP");
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_headless_service_without_a_selector_has_both_families() {
        let mut free = spec(json!({"clusterIP": "None", "clusterIPs": ["None"]}));
        complete(&mut free, None, "IPv6").unwrap();
        assert_eq!(free.ip_family_policy.as_deref(), Some(REQUIRE));
        assert_eq!(free.ip_families.unwrap(), ["IPv6", "IPv4"]);
        let mut bound = spec(json!({"clusterIP": "None", "clusterIPs": ["None"],
            "selector": {"a": "b"}}));
        complete(&mut bound, None, "IPv4").unwrap();
        assert_eq!(bound.ip_family_policy.as_deref(), Some(SINGLE));
        assert_eq!(bound.ip_families.unwrap(), ["IPv4"]);
    }

    #[test]
    fn omitted_fields_keep_their_values() {
        let old = spec(json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4"]}));
        let mut new = ServiceSpec {
            ip_family_policy: None,
            ip_families: None,
            ..old.clone()
        };
        complete(&mut new, Some(&old), "IPv4").unwrap();
        assert_eq!(new, old);
        // the cluster has changed its family meanwhile
        let mut new = old.clone();
        complete(&mut new, Some(&old), "IPv6").unwrap();
        assert_eq!(new, old);
    }

    #[test]
    fn a_second_family_is_released_by_requesting_one() {
        let two = json!({"clusterIP": "None", "clusterIPs": ["None"],
            "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]});
        let old = spec(two.clone());
        let mut single = two.clone();
        single["ipFamilyPolicy"] = json!(SINGLE);
        let mut single = spec(single);
        complete(&mut single, Some(&old), "IPv4").unwrap();
        assert_eq!(single.ip_families.unwrap(), ["IPv4"]);
        let mut fewer = two;
        fewer["ipFamilies"] = json!(["IPv4"]);
        let errors = complete(&mut spec(fewer), Some(&old), "IPv4").unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family"
        );
    }

    #[test]
    fn families_the_cluster_lacks_are_rejected() {
        for (value, why) in [
            (
                json!({"clusterIPs": ["fd00::1"], "clusterIP": "fd00::1"}),
                "spec.clusterIPs[0]: Invalid value: []string{\"fd00::1\"}: IPv6 is not configured on this cluster",
            ),
            (
                json!({"ipFamilies": ["IPv4", "IPv6"]}),
                "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            ),
            (
                json!({"ipFamilyPolicy": "RequireDualStack"}),
                "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
            ),
        ] {
            let errors = complete(&mut spec(value), None, "IPv4").unwrap_err();
            assert_eq!(errors[0].to_string(), why);
        }
    }
}
