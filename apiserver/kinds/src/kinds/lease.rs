//! Leases: the holder of a lock, and since when.

use k8s_openapi::api::coordination::v1::Lease;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::{not_negative, text};

/// The rules of leases (upstream: `pkg/apis/coordination/validation/validation.go`).
pub struct LeaseStrategy;

impl Strategy for LeaseStrategy {
    type Kind = Lease;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::DOMAINLESS.changing(0, 1)
    }

    fn default(&self, lease: &mut Lease) {
        lease.spec.get_or_insert_default();
    }

    fn validate(&self, lease: &Lease) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec");
        let Some(spec) = &lease.spec else {
            return errors;
        };
        if let Some(seconds) = spec.lease_duration_seconds.filter(|s| *s <= 0) {
            let path = path.child("leaseDurationSeconds");
            errors.push(FieldError::invalid(
                &path,
                seconds,
                "must be greater than 0",
            ));
        }
        let transitions = spec.lease_transitions.map(i64::from);
        not_negative(transitions, &path.child("leaseTransitions"), &mut errors);
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Holder",
                "holderIdentity contains the identity of the holder of a current lease.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, lease: &Lease) -> Vec<Cell> {
        let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.as_ref());
        vec![
            Cell::name(lease),
            Cell::text(text(holder)),
            Cell::age(lease),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::mistakes;

    #[test]
    fn a_lease_has_a_positive_duration() {
        let lease = json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}});
        assert_eq!(
            mistakes(&LeaseStrategy, &lease),
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            ]
        );
        assert!(
            mistakes(
                &LeaseStrategy,
                &json!({"spec": {"leaseDurationSeconds": 1}})
            )
            .is_empty()
        );
    }
}
