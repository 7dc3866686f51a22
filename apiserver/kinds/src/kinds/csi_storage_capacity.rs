//! CSI storage capacities: how much of a storage class is available where.

use k8s_openapi::api::storage::v1::CSIStorageCapacity;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::{go_selector, validate_label_selector};
use crate::validation::resources::validate_not_negative;
use crate::validation::{IMMUTABLE, invalid_each};

/// The rules of storage capacities (upstream: `pkg/apis/storage/validation/validation.go`).
pub struct CsiStorageCapacityStrategy;

impl Strategy for CsiStorageCapacityStrategy {
    type Kind = CSIStorageCapacity;

    fn validate(&self, capacity: &CSIStorageCapacity) -> ErrorList {
        let mut errors = ErrorList::new();
        let class = &capacity.storage_class_name;
        let sentences = name::dns1123_subdomain(class);
        invalid_each(
            &Path::new("storageClassName"),
            class,
            sentences,
            &mut errors,
        );
        for (field, amount) in [
            ("capacity", &capacity.capacity),
            ("maximumVolumeSize", &capacity.maximum_volume_size),
        ] {
            if let Some(amount) = amount {
                validate_not_negative(amount, &Path::new(field), &mut errors);
            }
        }
        let topology = capacity.node_topology.as_ref();
        validate_label_selector(topology, &Path::new("nodeTopology"), &mut errors);
        errors
    }

    /// The request is immutable; only the amounts change.
    fn validate_update(
        &self,
        capacity: &CSIStorageCapacity,
        old: &CSIStorageCapacity,
    ) -> ErrorList {
        let mut errors = self.validate(capacity);
        if capacity.node_topology != old.node_topology {
            let topology = capacity.node_topology.as_ref();
            let value = topology.map_or_else(BadValue::null, go_selector);
            errors.push(FieldError::invalid(
                &Path::new("nodeTopology"),
                value,
                IMMUTABLE,
            ));
        }
        if capacity.storage_class_name != old.storage_class_name {
            let path = Path::new("storageClassName");
            let class = &capacity.storage_class_name;
            errors.push(FieldError::invalid(&path, class, IMMUTABLE));
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "StorageClassName",
                "The name of the StorageClass that the reported capacity applies to. It must meet the same requirements as the name of a StorageClass object (non-empty, DNS subdomain). If that object no longer exists, the CSIStorageCapacity object is obsolete and should be removed by its creator. This field is immutable.",
            ),
            Column::text(
                "Capacity",
                "Capacity is the value reported by the CSI driver in its GetCapacityResponse for a GetCapacityRequest with topology and parameters that match the previous fields.\n\nThe semantic is currently (CSI spec 1.2) defined as: The available capacity, in bytes, of the storage that can be used to provision volumes. If not set, that information is currently unavailable.",
            ),
        ];
        &COLUMNS
    }

    fn cells(&self, capacity: &CSIStorageCapacity) -> Vec<Cell> {
        let left = capacity.capacity.as_ref().map(|c| c.0.as_str());
        vec![
            Cell::name(capacity),
            Cell::text(capacity.storage_class_name.clone()),
            Cell::text(left.unwrap_or("<unset>")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    const RULES: &CsiStorageCapacityStrategy = &CsiStorageCapacityStrategy;

    #[test]
    fn a_capacity_is_of_a_class_and_not_negative() {
        assert_eq!(
            mistakes(RULES, &json!({"storageClassName": "c", "capacity": "-1"})),
            ["capacity: Invalid value: \"-1\": must be greater than or equal to 0"]
        );
        assert_eq!(mistakes(RULES, &json!({})).len(), 1);
    }

    #[test]
    fn only_amounts_change() {
        let old = json!({"storageClassName": "c", "capacity": "1"});
        assert!(
            update_mistakes(
                RULES,
                &json!({"storageClassName": "c", "capacity": "2"}),
                &old
            )
            .is_empty()
        );
        let new = json!({"storageClassName": "d", "nodeTopology": {}});
        assert_eq!(update_mistakes(RULES, &new, &old).len(), 2);
    }
}
