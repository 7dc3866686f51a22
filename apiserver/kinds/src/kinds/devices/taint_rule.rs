//! Device taint rules: taints that an administrator lays on devices, in place of their drivers.

use k8s_openapi::api::resource::v1::DeviceTaintRule;
use portcullis_api::{ErrorList, FieldError, Path};

use super::names::{validate_driver, validate_label, validate_pool};
use super::taints::{default_taint, validate_taint};
use crate::strategy::Strategy;
use crate::validation::conditions::validate_conditions;
use crate::validation::list;

const CONDITIONS_MAX: usize = 8;

/// The rules of taint rules (upstream: `pkg/registry/resource/devicetaintrule/strategy.go`).
pub struct DeviceTaintRuleStrategy;

impl Strategy for DeviceTaintRuleStrategy {
    type Kind = DeviceTaintRule;

    fn default(&self, rule: &mut DeviceTaintRule) {
        default_taint(&mut rule.spec.taint);
        rule.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, rule: &mut DeviceTaintRule) {
        rule.status = Some(Default::default());
    }

    fn prepare_for_update(&self, rule: &mut DeviceTaintRule, old: &DeviceTaintRule) {
        rule.status.clone_from(&old.status);
    }

    fn validate(&self, rule: &DeviceTaintRule) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec");
        if let Some(selector) = &rule.spec.device_selector {
            let path = path.child("deviceSelector");
            if let Some(driver) = &selector.driver {
                validate_driver(driver, &path.child("driver"), &mut errors);
            }
            if let Some(pool) = &selector.pool {
                validate_pool(pool, &path.child("pool"), &mut errors);
            }
            if let Some(device) = &selector.device {
                validate_label(device, &path.child("device"), &mut errors);
            }
        }
        validate_taint(&rule.spec.taint, &path.child("taint"), &mut errors);
        errors
    }

    fn prepare_status_update(&self, rule: &mut DeviceTaintRule, old: &DeviceTaintRule) {
        rule.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, rule: &DeviceTaintRule, _: &DeviceTaintRule) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = rule.status.as_ref();
        let conditions = list(status.and_then(|status| status.conditions.as_ref()));
        let path = Path::new("status").child("conditions");
        validate_conditions(conditions, &path, &mut errors);
        if conditions.len() > CONDITIONS_MAX {
            errors.push(FieldError::too_many(
                &path,
                conditions.len(),
                CONDITIONS_MAX,
            ));
        }
        errors
    }

    fn spec_changed(&self, rule: &DeviceTaintRule, old: &DeviceTaintRule) -> Option<bool> {
        Some(rule.spec != old.spec)
    }
}
