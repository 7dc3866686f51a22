//! Volume attributes classes: what of a volume may be changed while it is used.

use k8s_openapi::api::storage::v1::VolumeAttributesClass;
use portcullis_api::{ErrorList, FieldError, Path};

use super::storage_class::{validate_parameters, validate_provisioner};
use crate::strategy::{Cell, Column, Strategy};

/// The rules of volume attributes classes (upstream: `pkg/apis/storage/validation/validation.go`).
pub struct VolumeAttributesClassStrategy;

impl Strategy for VolumeAttributesClassStrategy {
    type Kind = VolumeAttributesClass;

    fn validate(&self, class: &VolumeAttributesClass) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_provisioner(&class.driver_name, &Path::new("driverName"), &mut errors);
        let path = Path::new("parameters");
        let parameters = class.parameters.as_ref();
        if parameters.is_none_or(|parameters| parameters.is_empty()) {
            let detail = "must contain at least one key/value pair";
            errors.push(FieldError::required(&path, detail));
        }
        validate_parameters(parameters, &path, &mut errors);
        errors
    }

    fn validate_update(
        &self,
        class: &VolumeAttributesClass,
        old: &VolumeAttributesClass,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        let parameters_stay = class.parameters == old.parameters;
        for (field, stays) in [
            ("driverName", class.driver_name == old.driver_name),
            ("parameters", parameters_stay),
        ] {
            if !stays {
                let detail = format!("updates to {field} are forbidden.");
                errors.push(FieldError::forbidden(&Path::new(field), detail));
            }
        }
        errors.extend(self.validate(class));
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text("DriverName", "Name of the CSI driver"),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, class: &VolumeAttributesClass) -> Vec<Cell> {
        vec![
            Cell::name(class),
            Cell::text(class.driver_name.clone()),
            Cell::age(class),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    const RULES: &VolumeAttributesClassStrategy = &VolumeAttributesClassStrategy;

    #[test]
    fn a_class_has_a_driver_and_parameters_which_stay() {
        let class = json!({"driverName": "d.example.com", "parameters": {"iops": "1"}});
        assert!(mistakes(RULES, &class).is_empty());
        assert_eq!(
            mistakes(RULES, &json!({})),
            [
                "driverName: Required value",
                "parameters: Required value: must contain at least one key/value pair"
            ]
        );
        let other = json!({"driverName": "e.example.com", "parameters": {"iops": "2"}});
        assert_eq!(
            update_mistakes(RULES, &other, &class),
            [
                "driverName: Forbidden: updates to driverName are forbidden.",
                "parameters: Forbidden: updates to parameters are forbidden."
            ]
        );
    }
}
