//! Resource claim templates: what claims pods are given that name the template.

use k8s_openapi::api::resource::v1::ResourceClaimTemplate;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::requests::{default_claim, validate_claim};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::IMMUTABLE;
use crate::validation::labels::validate_labels;
use crate::validation::object_meta::validate_annotations;

/// The rules of templates (upstream: `pkg/registry/resource/resourceclaimtemplate/strategy.go`).
pub struct ResourceClaimTemplateStrategy;

impl Strategy for ResourceClaimTemplateStrategy {
    type Kind = ResourceClaimTemplate;

    fn default(&self, template: &mut ResourceClaimTemplate) {
        let spec = template.spec.get_or_insert_default();
        let spec = spec.spec.get_or_insert_default();
        default_claim(spec.devices.get_or_insert_default());
    }

    fn validate(&self, template: &ResourceClaimTemplate) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec");
        let spec = template.spec.clone().unwrap_or_default();
        if let Some(metadata) = &spec.metadata {
            let path = path.child("metadata");
            validate_annotations(metadata, &path.child("annotations"), &mut errors);
            let labels = metadata.labels.as_ref();
            validate_labels(labels, &path.child("labels"), &mut errors);
        }
        let claim = spec.spec.and_then(|spec| spec.devices);
        let path = path.child("spec").child("devices");
        validate_claim(&claim.unwrap_or_default(), &path, &mut errors);
        errors
    }

    fn validate_update(
        &self,
        template: &ResourceClaimTemplate,
        old: &ResourceClaimTemplate,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        if template.spec != old.spec {
            let value = BadValue::go("resource.ResourceClaimTemplateSpec{}");
            errors.push(FieldError::invalid(&Path::new("spec"), value, IMMUTABLE));
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 2] = [Column::NAME, Column::AGE];
        &COLUMNS
    }

    fn cells(&self, template: &ResourceClaimTemplate) -> Vec<Cell> {
        vec![Cell::name(template), Cell::age(template)]
    }
}
