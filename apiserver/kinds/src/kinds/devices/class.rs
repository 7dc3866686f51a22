//! Device classes: which devices a request may get, and how they are set up.

use k8s_openapi::api::resource::v1::DeviceClass;
use portcullis_api::{ErrorList, FieldError, Path};

use super::configuration::validate_configuration;
use super::selector::validate_selectors;
use super::validate_each;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::list;
use crate::validation::resources::is_extended;

const CONFIGURATIONS_MAX: usize = 32;

/// The rules of device classes (upstream: `pkg/registry/resource/deviceclass/strategy.go`).
pub struct DeviceClassStrategy;

impl Strategy for DeviceClassStrategy {
    type Kind = DeviceClass;

    fn default(&self, class: &mut DeviceClass) {
        class.spec.get_or_insert_default();
    }

    fn validate(&self, class: &DeviceClass) -> ErrorList {
        let mut errors = ErrorList::new();
        let spec = class.spec.clone().unwrap_or_default();
        let path = Path::new("spec");
        let selectors = list(spec.selectors.as_ref());
        validate_selectors(selectors, &path.child("selectors"), &mut errors);
        validate_each(
            list(spec.config.as_ref()),
            CONFIGURATIONS_MAX,
            &path.child("config"),
            &mut errors,
            |config, path, errors| validate_configuration(config.opaque.as_ref(), path, errors),
        );
        let resource = spec.extended_resource_name.as_ref();
        if let Some(resource) = resource.filter(|resource| !is_extended(resource)) {
            let detail = "must be a valid extended resource name";
            let path = path.child("extendedResourceName");
            errors.push(FieldError::invalid(&path, resource, detail));
        }
        errors
    }

    fn spec_changed(&self, class: &DeviceClass, old: &DeviceClass) -> Option<bool> {
        Some(class.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 2] = [Column::NAME, Column::AGE];
        &COLUMNS
    }

    fn cells(&self, class: &DeviceClass) -> Vec<Cell> {
        vec![Cell::name(class), Cell::age(class)]
    }
}
