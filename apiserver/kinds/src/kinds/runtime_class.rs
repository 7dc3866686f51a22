//! Runtime classes: how nodes run the containers of a pod, and at what cost.

use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::api::node::v1::RuntimeClass;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::labels::validate_labels;
use crate::validation::pod_spec::validate_tolerations;
use crate::validation::resources::validate_requirements;
use crate::validation::{IMMUTABLE, invalid_each, list};

/// The rules of runtime classes (upstream: `pkg/apis/node/validation/validation.go`).
pub struct RuntimeClassStrategy;

impl Strategy for RuntimeClassStrategy {
    type Kind = RuntimeClass;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::DOMAINLESS
    }

    fn validate(&self, class: &RuntimeClass) -> ErrorList {
        let mut errors = ErrorList::new();
        let sentences = name::dns1123_label(&class.handler);
        invalid_each(
            &Path::new("handler"),
            &class.handler,
            sentences,
            &mut errors,
        );
        if let Some(overhead) = &class.overhead {
            let fixed = ResourceRequirements {
                limits: overhead.pod_fixed.clone(),
                ..ResourceRequirements::default()
            };
            validate_requirements(&fixed, &Path::new("overhead"), &mut errors);
        }
        if let Some(scheduling) = &class.scheduling {
            let path = Path::new("scheduling");
            let selector = scheduling.node_selector.as_ref();
            validate_labels(selector, &path.child("nodeSelector"), &mut errors);
            let tolerations = list(scheduling.tolerations.as_ref());
            let path = path.child("tolerations");
            // upstream's path, which has the field twice
            validate_tolerations(tolerations, &path.child("tolerations"), &mut errors);
            for (i, toleration) in tolerations.iter().enumerate() {
                let same = |other: &Toleration| {
                    let seconds = toleration.toleration_seconds;
                    let but_seconds = Toleration {
                        toleration_seconds: seconds,
                        ..other.clone()
                    };
                    but_seconds == *toleration
                };
                if tolerations[..i].iter().any(same) {
                    let value = BadValue::go("core.Toleration{}");
                    errors.push(FieldError::duplicate(&path.index(i), value));
                }
            }
        }
        errors
    }

    fn validate_update(&self, class: &RuntimeClass, old: &RuntimeClass) -> ErrorList {
        let mut errors = self.validate(class);
        if class.handler != old.handler {
            let path = Path::new("handler");
            errors.push(FieldError::invalid(&path, &class.handler, IMMUTABLE));
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Handler",
                "Handler specifies the underlying runtime and configuration that the CRI implementation will use to handle pods of this class. The possible values are specific to the node & CRI configuration.  It is assumed that all handlers are available on every node, and handlers of the same name are equivalent on every node. For example, a handler called \"runc\" might specify that the runc OCI runtime (using native Linux containers) will be used to run the containers in a pod. The Handler must be lowercase, conform to the DNS Label (RFC 1123) requirements, and is immutable.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, class: &RuntimeClass) -> Vec<Cell> {
        vec![
            Cell::name(class),
            Cell::text(class.handler.clone()),
            Cell::age(class),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    const RULES: &RuntimeClassStrategy = &RuntimeClassStrategy;

    #[test]
    fn a_class_has_a_handler_and_honest_costs() {
        assert!(mistakes(RULES, &json!({"handler": "runc"})).is_empty());
        let class = json!({"handler": "A", "overhead": {"podFixed": {"cpu": "-1"}},
            "scheduling": {"nodeSelector": {"-": "b"}, "tolerations": [{"operator": "x", "key": "k"}]}});
        let fields: Vec<_> = mistakes(RULES, &class)
            .iter()
            .map(|m| m.split(": ").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            fields,
            [
                "handler",
                "overhead.limits[cpu]",
                "scheduling.nodeSelector",
                "scheduling.tolerations.tolerations[0].operator"
            ]
        );
    }

    #[test]
    fn the_handler_is_immutable() {
        assert_eq!(
            update_mistakes(RULES, &json!({"handler": "a"}), &json!({"handler": "b"})),
            ["handler: Invalid value: \"a\": field is immutable"]
        );
    }
}
