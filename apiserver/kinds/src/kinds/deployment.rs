//! Deployments: a template, the number of its pods, and how changes are rolled out.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};

use super::workload::{
    self, CONTAINERS, Counts, IMAGES, container_cells, default_template, same_selector,
    template_warnings, validate_collisions, validate_running_template, validate_selector,
};
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::int_or_percent::{self, validate_at_most_all, validate_int_or_percent};
use crate::validation::labels::{format_label_selector, go_selector};
use crate::validation::{not_negative, text};

/// The rules of deployments (upstream: `pkg/registry/apps/deployment/strategy.go`).
pub struct DeploymentRules;

impl Strategy for DeploymentRules {
    type Kind = Deployment;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, deployment: &mut Deployment) {
        let spec = &mut deployment.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        default_strategy(spec.strategy.get_or_insert_default());
        default_template(&mut spec.template);
        deployment.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, deployment: &mut Deployment) {
        deployment.status = Some(Default::default());
    }

    fn prepare_for_update(&self, deployment: &mut Deployment, old: &Deployment) {
        deployment.status.clone_from(&old.status);
    }

    fn validate(&self, deployment: &Deployment) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&deployment.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, deployment: &Deployment, old: &Deployment) -> ErrorList {
        let mut errors = self.validate(deployment);
        let path = Path::new("spec").child("selector");
        same_selector(
            &deployment.spec.selector,
            &old.spec.selector,
            &path,
            &mut errors,
        );
        errors
    }

    fn prepare_status_update(&self, deployment: &mut Deployment, old: &Deployment) {
        deployment.spec.clone_from(&old.spec);
        deployment.metadata.labels.clone_from(&old.metadata.labels);
    }

    fn validate_status_update(&self, deployment: &Deployment, old: &Deployment) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = deployment.status.clone().unwrap_or_default();
        let counts = Counts {
            all: status.replicas.unwrap_or_default(),
            some: &[("updatedReplicas", status.updated_replicas)],
            ready: status.ready_replicas,
            available: status.available_replicas,
        };
        counts.validate(&mut errors);
        let path = Path::new("status");
        for (field, value) in [
            ("observedGeneration", status.observed_generation),
            (
                "unavailableReplicas",
                status.unavailable_replicas.map(i64::from),
            ),
        ] {
            not_negative(value, &path.child(field), &mut errors);
        }
        let before = old.status.as_ref().and_then(|s| s.collision_count);
        validate_collisions(status.collision_count, before, &mut errors);
        errors
    }

    fn warnings(&self, deployment: &Deployment) -> Vec<String> {
        template_warnings(Some(&deployment.spec.template))
    }

    fn spec_changed(&self, deployment: &Deployment, old: &Deployment) -> Option<bool> {
        let annotations = &deployment.metadata.annotations;
        Some(deployment.spec != old.spec || *annotations != old.metadata.annotations)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, deployment: &Deployment) -> Vec<Cell> {
        let spec = &deployment.spec;
        let status = deployment.status.clone().unwrap_or_default();
        let [containers, images] = container_cells(Some(&spec.template));
        let ready = status.ready_replicas.unwrap_or_default();
        let wanted = spec.replicas.unwrap_or_default();
        vec![
            Cell::name(deployment),
            Cell::text(format!("{ready}/{wanted}")),
            workload::number(status.updated_replicas),
            workload::number(status.available_replicas),
            Cell::age(deployment),
            containers,
            images,
            Cell::text(format_label_selector(Some(&spec.selector))),
        ]
    }
}

fn default_strategy(strategy: &mut DeploymentStrategy) {
    if text(strategy.type_.as_ref()).is_empty() {
        strategy.type_ = Some("RollingUpdate".into());
    }
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let rolling = strategy.rolling_update.get_or_insert_default();
        let quarter = || IntOrString::String("25%".into());
        rolling.max_unavailable.get_or_insert_with(quarter);
        rolling.max_surge.get_or_insert_with(quarter);
    }
}

fn validate_spec(spec: &DeploymentSpec, path: &Path, errors: &mut ErrorList) {
    let replicas = spec.replicas.map(i64::from);
    not_negative(replicas, &path.child("replicas"), errors);
    let selector_path = path.child("selector");
    if validate_selector(&spec.selector, "deployment", &selector_path, errors) {
        let path = path.child("template");
        validate_running_template(&spec.template, &spec.selector, spec.replicas, &path, errors);
    } else {
        let (value, detail) = (go_selector(&spec.selector), "invalid label selector");
        errors.push(FieldError::invalid(&selector_path, value, detail));
    }
    if let Some(strategy) = &spec.strategy {
        validate_strategy(strategy, &path.child("strategy"), errors);
    }
    let ready = spec.min_ready_seconds.unwrap_or_default();
    not_negative(Some(ready.into()), &path.child("minReadySeconds"), errors);
    let limit = spec.revision_history_limit.map(i64::from);
    not_negative(limit, &path.child("revisionHistoryLimit"), errors);
    if let Some(deadline) = spec.progress_deadline_seconds {
        let path = path.child("progressDeadlineSeconds");
        not_negative(Some(deadline.into()), &path, errors);
        if deadline <= ready {
            let detail = "must be greater than minReadySeconds";
            errors.push(FieldError::invalid(&path, deadline, detail));
        }
    }
}

fn validate_strategy(strategy: &DeploymentStrategy, path: &Path, errors: &mut ErrorList) {
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(&rolling_path, detail));
        }
        ("Recreate", None) => {}
        ("RollingUpdate", Some(rolling)) => validate_rolling(rolling, &rolling_path, errors),
        ("RollingUpdate", None) => {
            let detail = "this should be defaulted and never be nil";
            errors.push(FieldError::required(&rolling_path, detail));
        }
        (other, _) => {
            let value = BadValue::go(format!(
                "apps.DeploymentStrategy{{Type:{}, RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}}",
                go_quote(other)
            ));
            let known = ["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_supported(path, value, &known));
        }
    }
}

/// A rollout must be able to proceed: by stopping a pod first, or by starting one more.
fn validate_rolling(rolling: &RollingUpdateDeployment, path: &Path, errors: &mut ErrorList) {
    let zero = IntOrString::Int(0);
    let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&zero);
    let surge = rolling.max_surge.as_ref().unwrap_or(&zero);
    let unavailable_path = path.child("maxUnavailable");
    validate_int_or_percent(unavailable, &unavailable_path, errors);
    validate_int_or_percent(surge, &path.child("maxSurge"), errors);
    if int_or_percent::is_zero(unavailable) && int_or_percent::is_zero(surge) {
        let value = int_or_percent::go(unavailable);
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid(&unavailable_path, value, detail));
    }
    validate_at_most_all(unavailable, &unavailable_path, errors);
}

static COLUMNS: [Column; 8] = [
    Column::NAME,
    Column::text("Ready", "Number of the pod with ready state"),
    Column::text(
        "Up-to-date",
        "Total number of non-terminated pods targeted by this deployment that have the desired template spec.",
    ),
    Column::text(
        "Available",
        "Total number of available pods (ready for at least minReadySeconds) targeted by this deployment.",
    ),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    Column::text(
        "Selector",
        "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment.",
    )
    .wide(),
];

#[cfg(test)]
mod tests;
