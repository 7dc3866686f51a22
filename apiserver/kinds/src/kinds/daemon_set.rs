//! Daemon sets: a pod on every node.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};

use super::workload::{
    CONTAINERS, IMAGES, container_cells, default_template, if_set, is_unset, number, same_selector,
    template_warnings, validate_collisions, validate_selected, validate_shared_disks,
    validate_template,
};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::int_or_percent::{self, validate_at_most_all, validate_int_or_percent};
use crate::validation::labels::{
    format_label_selector, format_labels, go_selector, is_empty_selector, validate_label_selector,
};
use crate::validation::{not_negative, one_of, text};

/// The annotation in which an API that is no longer served counted changes of the template.
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// The rules of daemon sets (upstream: `pkg/registry/apps/daemonset/strategy.go`).
pub struct DaemonSetStrategy;

impl Strategy for DaemonSetStrategy {
    type Kind = DaemonSet;

    fn default(&self, set: &mut DaemonSet) {
        let spec = &mut set.spec;
        spec.revision_history_limit.get_or_insert(10);
        let strategy = spec.update_strategy.get_or_insert_default();
        if text(strategy.type_.as_ref()).is_empty() {
            strategy.type_ = Some("RollingUpdate".into());
        }
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        }
        default_template(&mut spec.template);
        set.status.get_or_insert_default();
        // upstream's conversion writes it, so that the creator owns it
        let generation = template_generation(set);
        set_template_generation(set, generation);
    }

    fn prepare_for_create(&self, set: &mut DaemonSet) {
        set.status = Some(Default::default());
        let generation = template_generation(set).max(1);
        set_template_generation(set, generation);
    }

    fn prepare_for_update(&self, set: &mut DaemonSet, old: &DaemonSet) {
        set.status.clone_from(&old.status);
        let changed = set.spec.template != old.spec.template;
        set_template_generation(set, template_generation(old) + i64::from(changed));
    }

    fn validate(&self, set: &DaemonSet) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&set.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, set: &DaemonSet, old: &DaemonSet) -> ErrorList {
        // upstream validates the spec twice, and clients see each error twice
        let mut errors = self.validate(set);
        errors.extend(self.validate(set));
        let path = Path::new("spec").child("selector");
        same_selector(&set.spec.selector, &old.spec.selector, &path, &mut errors);
        errors
    }

    fn prepare_status_update(&self, set: &mut DaemonSet, old: &DaemonSet) {
        set.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, set: &DaemonSet, old: &DaemonSet) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = set.status.clone().unwrap_or_default();
        let path = Path::new("status");
        for (field, value) in [
            (
                "currentNumberScheduled",
                Some(status.current_number_scheduled),
            ),
            ("numberMisscheduled", Some(status.number_misscheduled)),
            (
                "desiredNumberScheduled",
                Some(status.desired_number_scheduled),
            ),
            ("numberReady", Some(status.number_ready)),
            ("updatedNumberScheduled", status.updated_number_scheduled),
            ("numberAvailable", status.number_available),
            ("numberUnavailable", status.number_unavailable),
        ] {
            not_negative(value.map(i64::from), &path.child(field), &mut errors);
        }
        let observed = status.observed_generation;
        not_negative(observed, &path.child("observedGeneration"), &mut errors);
        let before = old.status.as_ref().and_then(|s| s.collision_count);
        validate_collisions(status.collision_count, before, &mut errors);
        errors
    }

    fn warnings(&self, set: &DaemonSet) -> Vec<String> {
        template_warnings(Some(&set.spec.template))
    }

    fn spec_changed(&self, set: &DaemonSet, old: &DaemonSet) -> Option<bool> {
        Some(set.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, set: &DaemonSet) -> Vec<Cell> {
        let status = set.status.clone().unwrap_or_default();
        let pods = set.spec.template.spec.as_ref();
        let nodes = pods.and_then(|s| s.node_selector.as_ref());
        let [containers, images] = container_cells(Some(&set.spec.template));
        vec![
            Cell::name(set),
            number(Some(status.desired_number_scheduled)),
            number(Some(status.current_number_scheduled)),
            number(Some(status.number_ready)),
            number(status.updated_number_scheduled),
            number(status.number_available),
            Cell::text(format_labels(nodes)),
            Cell::age(set),
            containers,
            images,
            Cell::text(format_label_selector(Some(&set.spec.selector))),
        ]
    }
}

fn template_generation(set: &DaemonSet) -> i64 {
    let annotations = set.metadata.annotations.as_ref();
    let value = annotations.and_then(|a| a.get(GENERATION));
    value.and_then(|v| v.parse().ok()).unwrap_or_default()
}

fn set_template_generation(set: &mut DaemonSet, generation: i64) {
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(GENERATION.into(), generation.to_string());
}

fn validate_spec(spec: &DaemonSetSpec, path: &Path, errors: &mut ErrorList) {
    let selector_path = path.child("selector");
    let template_path = path.child("template");
    let found = errors.len();
    validate_label_selector(Some(&spec.selector), &selector_path, errors);
    if errors.len() == found {
        validate_selected(
            &spec.template,
            if_set(&spec.selector),
            &template_path,
            errors,
        );
    }
    if is_empty_selector(&spec.selector) && !is_unset(&spec.selector) {
        let (value, detail) = (
            go_selector(&spec.selector),
            "empty selector is invalid for daemonset",
        );
        errors.push(FieldError::invalid(&selector_path, value, detail));
    }
    validate_template(&spec.template, &template_path, errors);
    // there is one on each node
    validate_shared_disks(&spec.template, &template_path, errors);
    let pods = spec.template.spec.as_ref();
    let pods_path = template_path.child("spec");
    let policy = text(pods.and_then(|s| s.restart_policy.as_ref()));
    one_of(
        policy,
        &["Always"],
        &pods_path.child("restartPolicy"),
        errors,
    );
    if pods.is_some_and(|s| s.active_deadline_seconds.is_some()) {
        let detail = "activeDeadlineSeconds in DaemonSet is not Supported";
        let path = pods_path.child("activeDeadlineSeconds");
        errors.push(FieldError::forbidden(&path, detail));
    }
    let ready = spec.min_ready_seconds.map(i64::from);
    not_negative(ready, &path.child("minReadySeconds"), errors);
    if let Some(strategy) = &spec.update_strategy {
        validate_strategy(strategy, &path.child("updateStrategy"), errors);
    }
    let limit = spec.revision_history_limit.map(i64::from);
    not_negative(limit, &path.child("revisionHistoryLimit"), errors);
}

fn validate_strategy(strategy: &DaemonSetUpdateStrategy, path: &Path, errors: &mut ErrorList) {
    let path_of = |field: &str| path.child("rollingUpdate").child(field);
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", Some(rolling)) => {
            let zero = IntOrString::Int(0);
            let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&zero);
            let surge = rolling.max_surge.as_ref().unwrap_or(&zero);
            let both = [("maxUnavailable", unavailable), ("maxSurge", surge)];
            for (field, value) in both {
                validate_int_or_percent(value, &path_of(field), errors);
            }
            for (field, value) in both {
                validate_at_most_all(value, &path_of(field), errors);
            }
            let (field, value, detail) = match both.map(|(_, value)| int_or_percent::is_zero(value))
            {
                [true, true] => (
                    "maxUnavailable",
                    unavailable,
                    "cannot be 0 when maxSurge is 0",
                ),
                [false, false] => (
                    "maxSurge",
                    surge,
                    "may not be set when maxUnavailable is non-zero",
                ),
                _ => return,
            };
            let value = int_or_percent::go(value);
            errors.push(FieldError::invalid(&path_of(field), value, detail));
        }
        ("RollingUpdate", None) => {
            errors.push(FieldError::required(&path.child("rollingUpdate"), ""));
        }
        (other, _) => {
            let value = BadValue::go(format!(
                "apps.DaemonSetUpdateStrategy{{Type:{}, RollingUpdate:(*apps.RollingUpdateDaemonSet)(nil)}}",
                go_quote(other)
            ));
            let known = ["RollingUpdate", "OnDelete"];
            errors.push(FieldError::not_supported(path, value, &known));
        }
    }
}

static COLUMNS: [Column; 11] = [
    Column::NAME,
    Column::integer(
        "Desired",
        "The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column::integer(
        "Current",
        "The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column::integer(
        "Ready",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready.",
    ),
    Column::integer(
        "Up-to-date",
        "The total number of nodes that are running updated daemon pod",
    ),
    Column::integer(
        "Available",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)",
    ),
    Column::text(
        "Node Selector",
        "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a node's labels for the pod to be scheduled on that node. More info: https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
    ),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    Column::text(
        "Selector",
        "A label query over pods that are managed by the daemon set. Must match in order to be controlled. If empty, defaulted to labels on Pod template. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
    )
    .wide(),
];
