//! Stateful sets: pods with names and volumes of their own.

use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::pod::defaults::default_claim_spec;
use super::workload::{
    CONTAINERS, Counts, IMAGES, container_cells, default_template, if_set, template_warnings,
    validate_collisions, validate_selected, validate_selector, validate_template_meta,
};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::go_selector;
use crate::validation::{not_negative, one_of, text};

const ROLLING: &str = "RollingUpdate";

/// The rules of stateful sets (upstream: `pkg/registry/apps/statefulset/strategy.go`).
pub struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    type Kind = StatefulSet;

    fn default(&self, set: &mut StatefulSet) {
        let spec = &mut set.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        if text(spec.pod_management_policy.as_ref()).is_empty() {
            spec.pod_management_policy = Some("OrderedReady".into());
        }
        default_strategy(spec.update_strategy.get_or_insert_default());
        default_template(&mut spec.template);
        for claim in spec.volume_claim_templates.iter_mut().flatten() {
            default_claim_spec(claim.spec.get_or_insert_default());
            let status = claim.status.get_or_insert_default();
            status.phase.get_or_insert_with(|| "Pending".into());
        }
        set.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, set: &mut StatefulSet) {
        set.status = Some(Default::default());
    }

    fn prepare_for_update(&self, set: &mut StatefulSet, old: &StatefulSet) {
        set.status.clone_from(&old.status);
    }

    fn validate(&self, set: &StatefulSet) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&set.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, set: &StatefulSet, old: &StatefulSet) -> ErrorList {
        let mut errors = self.validate(set);
        let (spec, old) = (&set.spec, &old.spec);
        let munged = StatefulSetSpec {
            replicas: old.replicas,
            template: old.template.clone(),
            update_strategy: old.update_strategy.clone(),
            min_ready_seconds: old.min_ready_seconds,
            persistent_volume_claim_retention_policy: old
                .persistent_volume_claim_retention_policy
                .clone(),
            ..spec.clone()
        };
        if munged != *old {
            let detail = "updates to statefulset spec for fields other than 'replicas', 'template', 'updateStrategy' and 'minReadySeconds' are forbidden";
            errors.push(FieldError::forbidden(&Path::new("spec"), detail));
        }
        // upstream validates these twice, and clients see an error twice
        validate_numbers(spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn prepare_status_update(&self, set: &mut StatefulSet, old: &StatefulSet) {
        set.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, set: &StatefulSet, old: &StatefulSet) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = set.status.clone().unwrap_or_default();
        let counts = Counts {
            all: status.replicas,
            some: &[
                ("currentReplicas", status.current_replicas),
                ("updatedReplicas", status.updated_replicas),
            ],
            ready: status.ready_replicas,
            available: status.available_replicas,
        };
        counts.validate(&mut errors);
        let path = Path::new("status").child("observedGeneration");
        not_negative(status.observed_generation, &path, &mut errors);
        let before = old.status.as_ref().and_then(|s| s.collision_count);
        validate_collisions(status.collision_count, before, &mut errors);
        errors
    }

    fn warnings(&self, set: &StatefulSet) -> Vec<String> {
        template_warnings(Some(&set.spec.template))
    }

    fn spec_changed(&self, set: &StatefulSet, old: &StatefulSet) -> Option<bool> {
        Some(set.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 5] = [
            Column::NAME,
            Column::text("Ready", "Number of the pod with ready state"),
            Column::AGE,
            CONTAINERS,
            IMAGES,
        ];
        &COLUMNS
    }

    fn cells(&self, set: &StatefulSet) -> Vec<Cell> {
        let spec = &set.spec;
        let ready = set.status.as_ref().and_then(|s| s.ready_replicas);
        let wanted = spec.replicas.unwrap_or_default();
        let [containers, images] = container_cells(Some(&spec.template));
        vec![
            Cell::name(set),
            Cell::text(format!("{}/{wanted}", ready.unwrap_or_default())),
            Cell::age(set),
            containers,
            images,
        ]
    }
}

fn default_strategy(strategy: &mut StatefulSetUpdateStrategy) {
    if text(strategy.type_.as_ref()).is_empty() {
        strategy.type_ = Some(ROLLING.into());
        let rolling = strategy.rolling_update.get_or_insert_default();
        rolling.partition.get_or_insert(0);
    }
    if strategy.type_.as_deref() == Some(ROLLING)
        && let Some(rolling) = &mut strategy.rolling_update
    {
        rolling.partition.get_or_insert(0);
    }
}

fn validate_spec(spec: &StatefulSetSpec, path: &Path, errors: &mut ErrorList) {
    let policy = text(spec.pod_management_policy.as_ref());
    let policy_path = path.child("podManagementPolicy");
    match policy {
        "OrderedReady" | "Parallel" => {}
        "" => errors.push(FieldError::required(&policy_path, "")),
        other => {
            let detail = "must be 'OrderedReady' or 'Parallel'";
            errors.push(FieldError::invalid(&policy_path, other, detail));
        }
    }
    if let Some(strategy) = &spec.update_strategy {
        validate_strategy(strategy, &path.child("updateStrategy"), errors);
    }
    validate_numbers(spec, path, errors);
    let selector_path = path.child("selector");
    let template_path = path.child("template");
    if validate_selector(&spec.selector, "statefulset", &selector_path, errors) {
        validate_selected(
            &spec.template,
            if_set(&spec.selector),
            &template_path,
            errors,
        );
        // Upstream leaves the rest of the template to the validation of its pods: it may mount volumes that
        // only the set's claims create.
        validate_template_meta(&spec.template, &template_path, errors);
    } else {
        errors.push(FieldError::invalid(
            &selector_path,
            go_selector(&spec.selector),
            "",
        ));
    }
    let pods = spec.template.spec.as_ref();
    let path = template_path.child("spec");
    let policy = text(pods.and_then(|s| s.restart_policy.as_ref()));
    one_of(policy, &["Always"], &path.child("restartPolicy"), errors);
    if pods.is_some_and(|s| s.active_deadline_seconds.is_some()) {
        let detail = "activeDeadlineSeconds in StatefulSet is not Supported";
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::forbidden(&path, detail));
    }
}

fn validate_numbers(spec: &StatefulSetSpec, path: &Path, errors: &mut ErrorList) {
    let replicas = spec.replicas.map(i64::from);
    not_negative(replicas, &path.child("replicas"), errors);
    let ready = spec.min_ready_seconds.map(i64::from);
    not_negative(ready, &path.child("minReadySeconds"), errors);
}

fn validate_strategy(strategy: &StatefulSetUpdateStrategy, path: &Path, errors: &mut ErrorList) {
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("", _) => errors.push(FieldError::required(path, "")),
        ("OnDelete", Some(rolling)) => {
            let detail = format!("only allowed for updateStrategy '{ROLLING}'");
            errors.push(FieldError::invalid(&rolling_path, go(rolling), detail));
        }
        (ROLLING, Some(rolling)) => {
            let partition = rolling.partition.map(i64::from);
            not_negative(partition, &rolling_path.child("partition"), errors);
        }
        ("OnDelete" | ROLLING, None) => {}
        (other, _) => {
            let detail = format!("must be '{ROLLING}' or 'OnDelete'");
            errors.push(FieldError::invalid(path, other, detail));
        }
    }
}

fn go(rolling: &RollingUpdateStatefulSetStrategy) -> BadValue {
    let partition = rolling.partition.unwrap_or_default();
    BadValue::go(format!(
        "apps.RollingUpdateStatefulSetStrategy{{Partition:{partition}}}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    fn set(spec: &Value) -> Value {
        let mut object = json!({"spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}}}});
        object["spec"]
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        object
    }

    #[test]
    fn only_the_labels_of_a_template_are_validated() {
        assert!(mistakes(&StatefulSetStrategy, &set(&json!({}))).is_empty());
        let labels = json!({"template": {"metadata": {"labels": {"a": "_"}}}});
        assert_eq!(mistakes(&StatefulSetStrategy, &set(&labels)).len(), 2);
    }

    #[test]
    fn changed_numbers_are_validated_twice() {
        let new = set(&json!({"replicas": -1}));
        let text = "spec.replicas: Invalid value: -1: must be greater than or equal to 0";
        let found = update_mistakes(&StatefulSetStrategy, &new, &set(&json!({})));
        assert_eq!(found, [text, text]);
    }

    #[test]
    fn a_status_counts_within_its_replicas() {
        let mut given = set(&json!({}));
        given["status"] = json!({"replicas": 1, "currentReplicas": 2, "availableReplicas": 1});
        let set = defaulted(&StatefulSetStrategy, &given);
        let errors = StatefulSetStrategy.validate_status_update(&set, &set);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas",
            ]
        );
    }
}
