//! IP addresses that something in the cluster has.

use k8s_openapi::api::networking::v1::{IPAddress, ParentReference};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::names::validate_object_name;
use crate::validation::net::parse_ip;
use crate::validation::{IMMUTABLE, invalid_each, text};

/// The rules of IP addresses (upstream: `pkg/apis/networking/validation/validation.go`).
pub struct IpAddressStrategy;

impl Strategy for IpAddressStrategy {
    type Kind = IPAddress;

    fn validate_name(&self, value: &str) -> Vec<String> {
        match parse_ip(value) {
            Some(_) => Vec::new(),
            None => {
                vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()]
            }
        }
    }

    fn validate(&self, address: &IPAddress) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec").child("parentRef");
        let parent = &address.spec.parent_ref;
        if *parent == ParentReference::default() {
            errors.push(FieldError::required(&path, ""));
            return errors;
        }
        let group = text(parent.group.as_ref());
        if !group.is_empty() {
            let sentences = name::dns1123_subdomain(group);
            invalid_each(&path.child("group"), group, sentences, &mut errors);
        }
        validate_object_name(&parent.resource, &path.child("resource"), &mut errors);
        validate_object_name(&parent.name, &path.child("name"), &mut errors);
        let namespace = text(parent.namespace.as_ref());
        let sentences = name::path_segment(namespace);
        invalid_each(&path.child("namespace"), namespace, sentences, &mut errors);
        errors
    }

    fn validate_update(&self, address: &IPAddress, old: &IPAddress) -> ErrorList {
        let mut errors = ErrorList::new();
        if address.spec.parent_ref != old.spec.parent_ref {
            let path = Path::new("spec").child("parentRef");
            let value = BadValue::go("networking.ParentReference{}");
            errors.push(FieldError::invalid(&path, value, IMMUTABLE));
        }
        errors
    }

    fn spec_changed(&self, address: &IPAddress, old: &IPAddress) -> Option<bool> {
        Some(address.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "ParentRef",
                "ParentRef references the resource that an IPAddress is attached to. An IPAddress must reference a parent object.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, address: &IPAddress) -> Vec<Cell> {
        let parent = &address.spec.parent_ref;
        let mut shown = parent.resource.to_lowercase();
        for (separator, part) in [
            ('.', text(parent.group.as_ref())),
            ('/', text(parent.namespace.as_ref())),
            ('/', &parent.name),
        ] {
            if !part.is_empty() {
                shown.push(separator);
                shown.push_str(part);
            }
        }
        vec![Cell::name(address), Cell::text(shown), Cell::age(address)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    const RULES: &IpAddressStrategy = &IpAddressStrategy;

    #[test]
    fn an_address_has_a_parent_that_stays() {
        let of = |name: &str| json!({"spec": {"parentRef": {"resource": "services", "namespace": "n", "name": name}}});
        assert!(mistakes(RULES, &of("s")).is_empty());
        assert_eq!(
            mistakes(RULES, &json!({"spec": {}})),
            ["spec.parentRef: Required value"]
        );
        let found = update_mistakes(RULES, &of("t"), &of("s"));
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with(IMMUTABLE), "{found:?}");
        let shown = RULES.cells(&defaulted(RULES, &of("s"))).remove(1);
        assert_eq!(shown, Cell::text("services/n/s"));
    }

    #[test]
    fn its_name_is_the_address() {
        assert!(RULES.validate_name("10.0.0.1").is_empty());
        assert!(RULES.validate_name("2001:db8::1").is_empty());
        assert_eq!(RULES.validate_name("ten").len(), 1);
    }
}
