//! Ranges of addresses for services.

use k8s_openapi::api::networking::v1::ServiceCIDR;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::net::{parse_cidr, validate_cidr};
use crate::validation::{IMMUTABLE, go_elements, go_strings, list};

/// The rules of service CIDRs (upstream: `pkg/apis/networking/validation/validation.go`). Services get their
/// addresses from `--service-cluster-ip-range`, whatever these say.
pub struct ServiceCidrStrategy;

impl Strategy for ServiceCidrStrategy {
    type Kind = ServiceCIDR;

    fn default(&self, range: &mut ServiceCIDR) {
        range.spec.get_or_insert_default();
        range.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, range: &mut ServiceCIDR) {
        range.status = Some(Default::default());
    }

    fn prepare_for_update(&self, range: &mut ServiceCIDR, old: &ServiceCIDR) {
        range.status.clone_from(&old.status);
    }

    fn validate(&self, range: &ServiceCIDR) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec").child("cidrs");
        let cidrs = cidrs(range);
        let whole = || {
            let elements = go_elements(cidrs);
            BadValue::go(format!(
                "networking.ServiceCIDRSpec{{CIDRs:[]string{elements}}}"
            ))
        };
        match cidrs {
            [] => errors.push(FieldError::required(&path, "at least one CIDR required")),
            [_, _, _, ..] => {
                let detail = "may only hold up to 2 values";
                errors.push(FieldError::invalid(&path, whole(), detail));
            }
            [one, other] if !are_dual(one, other) => {
                let detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
                errors.push(FieldError::invalid(&path, whole(), detail));
            }
            cidrs => {
                for (i, cidr) in cidrs.iter().enumerate() {
                    validate_cidr(cidr, &path.index(i), &mut errors);
                }
            }
        }
        errors
    }

    fn validate_update(&self, range: &ServiceCIDR, old: &ServiceCIDR) -> ErrorList {
        let mut errors = ErrorList::new();
        if cidrs(range) != cidrs(old) {
            let path = Path::new("spec").child("cidrs");
            let value = go_strings(cidrs(range));
            errors.push(FieldError::invalid(&path, value, IMMUTABLE));
        }
        errors
    }

    fn prepare_status_update(&self, range: &mut ServiceCIDR, old: &ServiceCIDR) {
        range.spec.clone_from(&old.spec);
    }

    fn spec_changed(&self, range: &ServiceCIDR, old: &ServiceCIDR) -> Option<bool> {
        Some(range.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "CIDRs",
                "CIDRs defines the IP blocks in CIDR notation (e.g. \"192.168.0.0/24\" or \"2001:db8::/64\") from which to assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. This field is immutable.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, range: &ServiceCIDR) -> Vec<Cell> {
        vec![
            Cell::name(range),
            Cell::text(cidrs(range).join(",")),
            Cell::age(range),
        ]
    }
}

fn cidrs(range: &ServiceCIDR) -> &[String] {
    list(range.spec.as_ref().and_then(|spec| spec.cidrs.as_ref()))
}

/// Whether two ranges are of different families.
fn are_dual(one: &str, other: &str) -> bool {
    let is_v6 = |cidr| parse_cidr(cidr).map(|net| net.addr().is_ipv6());
    matches!((is_v6(one), is_v6(other)), (Some(a), Some(b)) if a != b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    const RULES: &ServiceCidrStrategy = &ServiceCidrStrategy;

    #[test]
    fn a_range_is_of_each_family_at_most() {
        let of = |cidrs: &[&str]| json!({"spec": {"cidrs": cidrs}});
        for fine in [&["10.0.0.0/24"][..], &["10.0.0.0/24", "2001:db8::/64"]] {
            assert!(mistakes(RULES, &of(fine)).is_empty(), "{fine:?}");
        }
        let v4 = "10.0.0.0/24";
        for (wrong, expected) in [
            (&[][..], "at least one CIDR required"),
            (&[v4, v4], "may specify no more than one IP for each"),
            (&[v4, v4, v4], "may only hold up to 2 values"),
            (&["x"], "must be a valid CIDR value"),
        ] {
            let found = mistakes(RULES, &of(wrong));
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        let found = update_mistakes(RULES, &of(&["10.1.0.0/24"]), &of(&[v4]));
        assert_eq!(
            found,
            ["spec.cidrs: Invalid value: []string{\"10.1.0.0/24\"}: field is immutable"]
        );
    }
}
