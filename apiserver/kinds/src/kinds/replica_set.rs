//! Replica sets: a number of pods of one template.

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use portcullis_api::{ErrorList, FieldError, Path};

use super::workload::{
    CONTAINERS, Counts, IMAGES, container_cells, default_template, number, same_selector,
    template_warnings, validate_running_template, validate_selector,
};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::{format_label_selector, go_selector};
use crate::validation::{not_negative, twice};

/// The rules of replica sets (upstream: `pkg/registry/apps/replicaset/strategy.go`).
pub struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    type Kind = ReplicaSet;

    fn default(&self, set: &mut ReplicaSet) {
        let spec = &mut set.spec;
        spec.replicas.get_or_insert(1);
        default_template(spec.template.get_or_insert_default());
        set.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, set: &mut ReplicaSet) {
        set.status = Some(Default::default());
    }

    fn prepare_for_update(&self, set: &mut ReplicaSet, old: &ReplicaSet) {
        set.status.clone_from(&old.status);
    }

    fn validate(&self, set: &ReplicaSet) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&set.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, set: &ReplicaSet, old: &ReplicaSet) -> ErrorList {
        let mut errors = twice(self.validate(set));
        let path = Path::new("spec").child("selector");
        same_selector(&set.spec.selector, &old.spec.selector, &path, &mut errors);
        errors
    }

    fn prepare_status_update(&self, set: &mut ReplicaSet, old: &ReplicaSet) {
        set.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, set: &ReplicaSet, _: &ReplicaSet) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = set.status.clone().unwrap_or_default();
        let counts = Counts {
            all: status.replicas,
            some: &[("fullyLabeledReplicas", status.fully_labeled_replicas)],
            ready: status.ready_replicas,
            available: status.available_replicas,
        };
        counts.validate(&mut errors);
        let path = Path::new("status").child("observedGeneration");
        not_negative(status.observed_generation, &path, &mut errors);
        errors
    }

    fn warnings(&self, set: &ReplicaSet) -> Vec<String> {
        template_warnings(set.spec.template.as_ref())
    }

    fn spec_changed(&self, set: &ReplicaSet, old: &ReplicaSet) -> Option<bool> {
        Some(set.spec != old.spec)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.replicas"]
    }

    fn field_values(&self, set: &ReplicaSet) -> Vec<String> {
        let replicas = set.status.as_ref().map_or(0, |s| s.replicas);
        vec![replicas.to_string()]
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, set: &ReplicaSet) -> Vec<Cell> {
        let spec = &set.spec;
        let status = set.status.clone().unwrap_or_default();
        let [containers, images] = container_cells(spec.template.as_ref());
        vec![
            Cell::name(set),
            number(spec.replicas),
            number(Some(status.replicas)),
            number(status.ready_replicas),
            Cell::age(set),
            containers,
            images,
            Cell::text(format_label_selector(Some(&spec.selector))),
        ]
    }
}

fn validate_spec(spec: &ReplicaSetSpec, path: &Path, errors: &mut ErrorList) {
    let replicas = spec.replicas.map(i64::from);
    not_negative(replicas, &path.child("replicas"), errors);
    let ready = spec.min_ready_seconds.map(i64::from);
    not_negative(ready, &path.child("minReadySeconds"), errors);
    let selector_path = path.child("selector");
    // upstream's text, which names another kind
    if validate_selector(&spec.selector, "deployment", &selector_path, errors) {
        let none = PodTemplateSpec::default();
        let template = spec.template.as_ref().unwrap_or(&none);
        let path = path.child("template");
        validate_running_template(template, &spec.selector, spec.replicas, &path, errors);
    } else {
        let (value, detail) = (go_selector(&spec.selector), "invalid label selector");
        errors.push(FieldError::invalid(&selector_path, value, detail));
    }
}

static COLUMNS: [Column; 8] = [
    Column::NAME,
    Column::integer(
        "Desired",
        "Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/#what-is-a-replicationcontroller",
    ),
    Column::integer(
        "Current",
        "Replicas is the most recently oberved number of replicas. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/#what-is-a-replicationcontroller",
    ),
    Column::integer("Ready", "The number of ready replicas for this replica set."),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    Column::text(
        "Selector",
        "Selector is a label query over pods that should match the replica count. If the selector is empty, it is defaulted to the labels present on the pod template. Label keys and values that must match in order to be controlled by this replica set. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
    )
    .wide(),
];
