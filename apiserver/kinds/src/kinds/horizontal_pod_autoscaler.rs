//! Horizontal pod autoscalers: the number of an object's pods, by metrics.

mod defaults;
mod printed;
pub mod v1;
pub mod v2beta1;
mod validate;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use portcullis_api::{ErrorList, Path};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::not_negative;

/// The rules of autoscalers, stored as `autoscaling/v2` (upstream:
/// `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`).
pub struct HorizontalPodAutoscalerStrategy;

impl Strategy for HorizontalPodAutoscalerStrategy {
    type Kind = HorizontalPodAutoscaler;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, autoscaler: &mut HorizontalPodAutoscaler) {
        defaults::default_spec(&mut autoscaler.spec);
        let status = autoscaler.status.get_or_insert_default();
        // both versions omit or write a zero, whether or not it was sent
        status.current_replicas = status.current_replicas.filter(|n| *n != 0);
    }

    fn prepare_for_create(&self, autoscaler: &mut HorizontalPodAutoscaler) {
        autoscaler.status = Some(Default::default());
    }

    fn prepare_for_update(
        &self,
        autoscaler: &mut HorizontalPodAutoscaler,
        old: &HorizontalPodAutoscaler,
    ) {
        autoscaler.status.clone_from(&old.status);
    }

    fn validate(&self, autoscaler: &HorizontalPodAutoscaler) -> ErrorList {
        let mut errors = ErrorList::new();
        validate::validate_spec(&autoscaler.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn prepare_status_update(
        &self,
        autoscaler: &mut HorizontalPodAutoscaler,
        old: &HorizontalPodAutoscaler,
    ) {
        autoscaler.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        autoscaler: &HorizontalPodAutoscaler,
        _: &HorizontalPodAutoscaler,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("status");
        if let Some(status) = &autoscaler.status {
            let current = status.current_replicas.map(i64::from);
            not_negative(current, &path.child("currentReplicas"), &mut errors);
            let desired = Some(status.desired_replicas.into());
            not_negative(desired, &path.child("desiredReplicas"), &mut errors);
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        &printed::COLUMNS
    }

    fn cells(&self, autoscaler: &HorizontalPodAutoscaler) -> Vec<Cell> {
        printed::cells(autoscaler)
    }
}

#[cfg(test)]
mod tests;
