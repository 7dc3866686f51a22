//! Templates of pods, stored as objects of their own.

use k8s_openapi::api::core::v1::PodTemplate;
use portcullis_api::{ErrorList, Path};

use super::pod::warnings;
use super::workload::{CONTAINERS, IMAGES, container_cells, default_template, validate_template};
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::labels::format_labels;

/// The rules of pod templates (upstream: `pkg/registry/core/podtemplate/strategy.go`).
pub struct PodTemplateStrategy;

impl Strategy for PodTemplateStrategy {
    type Kind = PodTemplate;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, template: &mut PodTemplate) {
        default_template(template.template.get_or_insert_default());
    }

    fn validate(&self, template: &PodTemplate) -> ErrorList {
        let mut errors = ErrorList::new();
        let none = Default::default();
        let pods = template.template.as_ref().unwrap_or(&none);
        validate_template(pods, &Path::new("template"), &mut errors);
        errors
    }

    fn warnings(&self, template: &PodTemplate) -> Vec<String> {
        let pods = template.template.as_ref();
        pods.map_or_else(Vec::new, |t| {
            warnings::for_template(t, &Path::new("template"))
        })
    }

    fn spec_changed(&self, template: &PodTemplate, old: &PodTemplate) -> Option<bool> {
        Some(template.template != old.template)
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column {
                priority: 0,
                ..CONTAINERS
            },
            Column {
                priority: 0,
                ..IMAGES
            },
            Column::text("Pod Labels", "The labels of the pods."),
        ];
        &COLUMNS
    }

    fn cells(&self, template: &PodTemplate) -> Vec<Cell> {
        let pods = template.template.as_ref();
        let [containers, images] = container_cells(pods);
        let meta = pods.and_then(|t| t.metadata.as_ref());
        let labels = format_labels(meta.and_then(|m| m.labels.as_ref()));
        vec![Cell::name(template), containers, images, Cell::text(labels)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes};

    #[test]
    fn a_template_is_one_of_pods() {
        let object = json!({"template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}});
        assert_eq!(
            mistakes(&PodTemplateStrategy, &object),
            Vec::<String>::new()
        );
        let template = defaulted(&PodTemplateStrategy, &object);
        let cells = PodTemplateStrategy.cells(&template);
        assert_eq!(cells[1..], ["c", "i", "a=b"].map(Cell::text));
        assert_eq!(
            mistakes(&PodTemplateStrategy, &json!({})),
            ["template.spec.containers: Required value"]
        );
    }
}
