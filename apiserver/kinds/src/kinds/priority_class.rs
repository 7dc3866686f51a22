//! Priority classes: the order in which pods are scheduled.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::Value;

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::{IMMUTABLE, one_of, text};

/// The highest priority that a user can set.
const HIGHEST: i32 = 1_000_000_000;
/// The classes of the system's own pods, each with its value and description.
const SYSTEM: [(&str, i32, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// The classes that exist from the start (upstream: `pkg/apis/scheduling/v1/helpers.go`).
pub fn system_classes() -> impl Iterator<Item = PriorityClass> {
    SYSTEM
        .into_iter()
        .map(|(name, value, description)| PriorityClass {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            value: Some(value),
            description: Some(description.into()),
            ..PriorityClass::default()
        })
}

/// The rules of priority classes (upstream: `pkg/apis/scheduling/validation/validation.go`).
pub struct PriorityClassStrategy;

impl Strategy for PriorityClassStrategy {
    type Kind = PriorityClass;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, class: &mut PriorityClass) {
        class.value.get_or_insert_default();
        let lower = || "PreemptLowerPriority".to_owned();
        class.preemption_policy.get_or_insert_with(lower);
    }

    fn validate(&self, class: &PriorityClass) -> ErrorList {
        let mut errors = ErrorList::new();
        let name = text(class.metadata.name.as_ref());
        let value = class.value.unwrap_or_default();
        if name.starts_with("system-") {
            let global = class.global_default == Some(true);
            let why = match SYSTEM.iter().find(|(known, ..)| *known == name) {
                None => format!("{name} is not a known system priority class"),
                Some((_, known, _)) if *known != value => {
                    format!("value of {name} PriorityClass must be {known}")
                }
                Some(_) if global => format!("globalDefault of {name} PriorityClass must be false"),
                Some(_) => String::new(),
            };
            if !why.is_empty() {
                let detail = format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {why}"
                );
                let path = Path::new("metadata").child("name");
                errors.push(FieldError::forbidden(&path, detail));
            }
        } else if value > HIGHEST {
            let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
            errors.push(FieldError::forbidden(&Path::new("value"), detail));
        }
        if let Some(policy) = &class.preemption_policy {
            let policies = ["PreemptLowerPriority", "Never"];
            let path = Path::new("preemptionPolicy");
            if policy.is_empty() {
                errors.push(FieldError::required(&path, ""));
            } else {
                one_of(policy, &policies, &path, &mut errors);
            }
        }
        errors
    }

    fn validate_update(&self, class: &PriorityClass, old: &PriorityClass) -> ErrorList {
        let mut errors = ErrorList::new();
        if class.value != old.value {
            // upstream spells the field as Go does
            let detail = "may not be changed in an update.";
            errors.push(FieldError::forbidden(&Path::new("Value"), detail));
        }
        if class.preemption_policy != old.preemption_policy {
            let path = Path::new("preemptionPolicy");
            let policy = text(class.preemption_policy.as_ref());
            errors.push(FieldError::invalid(&path, policy, IMMUTABLE));
        }
        errors
    }

    /// Not incremented: every change except that of metadata is one of the description.
    fn spec_changed(&self, _: &PriorityClass, _: &PriorityClass) -> Option<bool> {
        Some(false)
    }

    fn undeletable(&self, name: &str) -> Option<&'static str> {
        let system = SYSTEM.iter().any(|(known, ..)| *known == name);
        system.then_some("this is a system priority class and cannot be deleted")
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::integer(
                "Value",
                "The value of this priority class. This is the actual priority that pods receive when they have the name of this class in their pod spec.",
            ),
            Column {
                kind: "boolean",
                ..Column::text(
                    "Global-Default",
                    "globalDefault specifies whether this PriorityClass should be considered as the default priority for pods that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. However, if more than one PriorityClasses exists with their `globalDefault` field set to true, the smallest value of such global default PriorityClasses will be used as the default priority.",
                )
            },
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, class: &PriorityClass) -> Vec<Cell> {
        vec![
            Cell::name(class),
            Cell::integer(class.value.unwrap_or_default().into()),
            Cell::Value(Value::Bool(class.global_default.unwrap_or_default())),
            Cell::age(class),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    #[test]
    fn the_highest_priorities_are_the_systems() {
        let class = |name: &str, value: i32| json!({"metadata": {"name": name}, "value": value});
        for (class, texts) in [
            (class("a", HIGHEST), vec![]),
            (
                class("a", HIGHEST + 1),
                vec![
                    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
                ],
            ),
            (class("system-node-critical", 2_000_001_000), vec![]),
            (
                class("system-x", 5),
                vec![
                    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
                ],
            ),
        ] {
            assert_eq!(mistakes(&PriorityClassStrategy, &class), texts, "{class}");
        }
        let (old, new) = (
            json!({"value": 5}),
            json!({"value": 6, "preemptionPolicy": "Never"}),
        );
        assert_eq!(
            update_mistakes(&PriorityClassStrategy, &new, &old),
            [
                "Value: Forbidden: may not be changed in an update.",
                "preemptionPolicy: Invalid value: \"Never\": field is immutable",
            ]
        );
    }
}
