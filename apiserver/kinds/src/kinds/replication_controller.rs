//! Replication controllers: the predecessors of replica sets.

use k8s_openapi::api::core::v1::ReplicationController;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::workload::{
    CONTAINERS, Counts, IMAGES, container_cells, default_template, number, template_warnings,
    validate_shared_disks, validate_template,
};
use crate::strategy::{Cell, Column, GarbageCollection, Strategy};
use crate::validation::labels::{format_labels, go_map};
use crate::validation::{not_negative, one_of, required, text, twice};

/// The rules of replication controllers (upstream:
/// `pkg/registry/core/replicationcontroller/strategy.go`).
pub struct ReplicationControllerStrategy;

impl Strategy for ReplicationControllerStrategy {
    type Kind = ReplicationController;

    fn default(&self, controller: &mut ReplicationController) {
        let spec = controller.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        if let Some(template) = &mut spec.template {
            default_template(template);
            let labels = template.metadata.as_ref().and_then(|m| m.labels.clone());
            if spec.selector.as_ref().is_none_or(|s| s.is_empty()) {
                spec.selector.clone_from(&labels);
            }
            if controller
                .metadata
                .labels
                .as_ref()
                .is_none_or(|l| l.is_empty())
            {
                controller.metadata.labels = labels;
            }
        }
        controller.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, controller: &mut ReplicationController) {
        controller.status = Some(Default::default());
    }

    fn prepare_for_update(
        &self,
        controller: &mut ReplicationController,
        old: &ReplicationController,
    ) {
        controller.status.clone_from(&old.status);
    }

    fn validate(&self, controller: &ReplicationController) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(controller, &mut errors);
        errors
    }

    fn validate_update(
        &self,
        controller: &ReplicationController,
        _: &ReplicationController,
    ) -> ErrorList {
        twice(self.validate(controller))
    }

    fn prepare_status_update(
        &self,
        controller: &mut ReplicationController,
        old: &ReplicationController,
    ) {
        controller.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        controller: &ReplicationController,
        _: &ReplicationController,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_status(controller, &mut errors);
        errors
    }

    fn warnings(&self, controller: &ReplicationController) -> Vec<String> {
        template_warnings(controller.spec.as_ref().and_then(|s| s.template.as_ref()))
    }

    fn spec_changed(
        &self,
        controller: &ReplicationController,
        old: &ReplicationController,
    ) -> Option<bool> {
        Some(controller.spec != old.spec)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.replicas"]
    }

    fn field_values(&self, controller: &ReplicationController) -> Vec<String> {
        let replicas = controller.status.as_ref().map_or(0, |s| s.replicas);
        vec![replicas.to_string()]
    }

    fn garbage_collection(&self) -> GarbageCollection {
        GarbageCollection::OrphanDependents
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, controller: &ReplicationController) -> Vec<Cell> {
        let spec = controller.spec.clone().unwrap_or_default();
        let status = controller.status.clone().unwrap_or_default();
        let [containers, images] = container_cells(spec.template.as_ref());
        vec![
            Cell::name(controller),
            number(spec.replicas),
            number(Some(status.replicas)),
            number(status.ready_replicas),
            Cell::age(controller),
            containers,
            images,
            Cell::text(format_labels(spec.selector.as_ref())),
        ]
    }
}

/// Upstream: `ValidateReplicationControllerSpec` in `pkg/apis/core/validation/validation.go`.
fn validate_spec(controller: &ReplicationController, errors: &mut ErrorList) {
    let spec = controller.spec.clone().unwrap_or_default();
    let path = Path::new("spec");
    let ready = spec.min_ready_seconds.map(i64::from);
    not_negative(ready, &path.child("minReadySeconds"), errors);
    let selector = spec.selector.unwrap_or_default();
    if selector.is_empty() {
        required(None, &path.child("selector"), errors);
    }
    let replicas = spec.replicas.map(i64::from);
    not_negative(replicas, &path.child("replicas"), errors);
    let path = path.child("template");
    let Some(template) = &spec.template else {
        required(None, &path, errors);
        return;
    };
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let selected = |(key, value)| labels.and_then(|l| l.get(key)) == Some(value);
    if !selector.iter().all(selected) {
        errors.push(FieldError::invalid(
            &path.child("metadata").child("labels"),
            BadValue::go(go_map(labels)),
            "`selector` does not match template `labels`",
        ));
    }
    validate_template(template, &path, errors);
    if spec.replicas.unwrap_or_default() > 1 {
        validate_shared_disks(template, &path, errors);
    }
    let pods = template.spec.as_ref();
    let policy = text(pods.and_then(|s| s.restart_policy.as_ref()));
    let path = path.child("spec");
    one_of(policy, &["Always"], &path.child("restartPolicy"), errors);
    if pods.is_some_and(|s| s.active_deadline_seconds.is_some()) {
        let detail = "activeDeadlineSeconds in ReplicationController is not Supported";
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// Upstream: `ValidateReplicationControllerStatus`.
fn validate_status(controller: &ReplicationController, errors: &mut ErrorList) {
    let status = controller.status.clone().unwrap_or_default();
    let counts = Counts {
        all: status.replicas,
        some: &[("fullyLabeledReplicas", status.fully_labeled_replicas)],
        ready: status.ready_replicas,
        available: status.available_replicas,
    };
    counts.validate(errors);
    let path = Path::new("status").child("observedGeneration");
    not_negative(status.observed_generation, &path, errors);
}

static COLUMNS: [Column; 8] = [
    Column::NAME,
    Column::integer("Desired", "How many pods there shall be."),
    Column::integer("Current", "How many pods there are."),
    Column::integer("Ready", "How many of them are ready."),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    Column::text("Selector", "The labels of the pods.").wide(),
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, written};

    fn controller(spec: &Value) -> Value {
        let mut object = json!({"spec": {"template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }}});
        object["spec"]
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        object
    }

    #[test]
    fn labels_come_from_the_template() {
        let object = defaulted(&ReplicationControllerStrategy, &controller(&json!({})));
        let spec = object.spec.unwrap();
        assert_eq!(spec.replicas, Some(1));
        assert_eq!(written(&spec.selector), json!({"a": "b"}));
        assert_eq!(written(&object.metadata)["labels"], json!({"a": "b"}));
        assert_eq!(written(&object.status), json!({"replicas": 0}));
    }

    #[test]
    fn it_selects_the_pods_it_makes() {
        for (spec, texts) in [
            (json!({}), vec![]),
            (
                json!({"template": null, "selector": {"a": "b"}}),
                vec!["template: Required value"],
            ),
            (
                json!({"template": null, "replicas": -1, "minReadySeconds": -1}),
                vec![
                    "minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
                    "selector: Required value",
                    "replicas: Invalid value: -1: must be greater than or equal to 0",
                    "template: Required value",
                ],
            ),
            (
                json!({"selector": {"a": "c"}}),
                vec![
                    "template.metadata.labels: Invalid value: map[string]string{\"a\":\"b\"}: `selector` does not match template `labels`",
                ],
            ),
            (
                json!({"replicas": 2, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                    "containers": [{"name": "c", "image": "i"}],
                    "volumes": [{"name": "v", "gcePersistentDisk": {"pdName": "d"}}]}}}),
                vec![
                    "template.spec.volumes[0].gcePersistentDisk.readOnly: Invalid value: false: must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only",
                ],
            ),
        ] {
            let texts: Vec<_> = texts.iter().map(|t| format!("spec.{t}")).collect();
            let object = controller(&spec);
            assert_eq!(
                mistakes(&ReplicationControllerStrategy, &object),
                texts,
                "{spec}"
            );
        }
    }

    #[test]
    fn counts_agree_with_each_other() {
        let strategy = ReplicationControllerStrategy;
        let old = defaulted(&strategy, &controller(&json!({})));
        let mut new = old.clone();
        new.status = serde_json::from_value(
            json!({"replicas": 1, "readyReplicas": 0, "availableReplicas": 2}),
        )
        .unwrap();
        let errors = strategy.validate_status_update(&new, &old);
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
            ]
        );
        new.spec.as_mut().unwrap().replicas = Some(9);
        assert_eq!(strategy.spec_changed(&new, &old), Some(true));
        strategy.prepare_status_update(&mut new, &old);
        assert_eq!(strategy.spec_changed(&new, &old), Some(false));
    }
}
