//! Validation of autoscalers (upstream: `pkg/apis/autoscaling/validation/validation.go`).

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec,
    MetricIdentifier, MetricSpec, MetricTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::names::validate_object_name;
use crate::validation::resources::{amount, validate_container_resource_name};
use crate::validation::{invalid_each, list, one_of};

const POSITIVE: &str = "must be greater than 0";
const ABOVE_ZERO: &str = "must be greater than zero";
const STABILIZATION_MAX: i32 = 3600;
const PERIOD_MAX: i32 = 1800;
const METRIC_TYPES: [&str; 5] = [
    "ContainerResource",
    "External",
    "Object",
    "Pods",
    "Resource",
];

pub(super) fn validate_spec(
    spec: &HorizontalPodAutoscalerSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    if let Some(min) = spec.min_replicas.filter(|min| *min < 1) {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid(&path.child("minReplicas"), min, detail));
    }
    let max_path = path.child("maxReplicas");
    if spec.max_replicas < 1 {
        errors.push(FieldError::invalid(&max_path, spec.max_replicas, POSITIVE));
    }
    if spec.min_replicas.is_some_and(|min| spec.max_replicas < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(&max_path, spec.max_replicas, detail));
    }
    validate_reference(
        &spec.scale_target_ref,
        &path.child("scaleTargetRef"),
        errors,
    );
    for (i, metric) in list(spec.metrics.as_ref()).iter().enumerate() {
        validate_metric(metric, &path.child("metrics").index(i), errors);
    }
    let from_outside = |metric: &MetricSpec| matches!(metric.type_.as_str(), "Object" | "External");
    if spec.min_replicas == Some(0) && !list(spec.metrics.as_ref()).iter().any(from_outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(FieldError::forbidden(&path.child("metrics"), detail));
    }
    if let Some(behavior) = &spec.behavior {
        let path = path.child("behavior");
        for (field, rules) in [
            ("scaleUp", &behavior.scale_up),
            ("scaleDown", &behavior.scale_down),
        ] {
            if let Some(rules) = rules {
                validate_rules(rules, &path.child(field), errors);
            }
        }
    }
}

fn validate_reference(
    reference: &CrossVersionObjectReference,
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_object_name(&reference.kind, &path.child("kind"), errors);
    validate_object_name(&reference.name, &path.child("name"), errors);
}

fn validate_rules(rules: &HPAScalingRules, path: &Path, errors: &mut ErrorList) {
    if let Some(window) = rules.stabilization_window_seconds {
        let path = path.child("stabilizationWindowSeconds");
        if window < 0 {
            let detail = "must be greater than or equal to zero";
            errors.push(FieldError::invalid(&path, window, detail));
        }
        at_most(window, STABILIZATION_MAX, &path, errors);
    }
    if let Some(policy) = &rules.select_policy {
        let path = path.child("selectPolicy");
        one_of(policy, &["Disabled", "Max", "Min"], &path, errors);
    }
    let path = path.child("policies");
    let policies = list(rules.policies.as_ref());
    if policies.is_empty() {
        let detail = "must specify at least one Policy";
        errors.push(FieldError::required(&path, detail));
    }
    for (i, policy) in policies.iter().enumerate() {
        validate_policy(policy, &path.index(i), errors);
    }
}

fn validate_policy(policy: &HPAScalingPolicy, path: &Path, errors: &mut ErrorList) {
    one_of(
        &policy.type_,
        &["Percent", "Pods"],
        &path.child("type"),
        errors,
    );
    if policy.value <= 0 {
        errors.push(FieldError::invalid(
            &path.child("value"),
            policy.value,
            ABOVE_ZERO,
        ));
    }
    let path = path.child("periodSeconds");
    if policy.period_seconds <= 0 {
        errors.push(FieldError::invalid(
            &path,
            policy.period_seconds,
            ABOVE_ZERO,
        ));
    }
    at_most(policy.period_seconds, PERIOD_MAX, &path, errors);
}

fn at_most(value: i32, max: i32, path: &Path, errors: &mut ErrorList) {
    if value > max {
        let detail = format!("must be less than or equal to {max}");
        errors.push(FieldError::invalid(path, value, detail));
    }
}

/// A metric has one source, the one of its type; only the first one is validated.
fn validate_metric(metric: &MetricSpec, path: &Path, errors: &mut ErrorList) {
    let type_path = path.child("type");
    if metric.type_.is_empty() {
        let detail = "must specify a metric source type";
        errors.push(FieldError::required(&type_path, detail));
    }
    one_of(&metric.type_, &METRIC_TYPES, &type_path, errors);
    let present = validate_sources(metric, path, errors);
    let expected = METRIC_TYPES.iter().find(|t| **t == metric.type_);
    let expected = expected.map(|name| {
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_lowercase())
    });
    let expected = expected.as_deref();
    if expected.is_none() {
        // upstream reports it twice
        one_of(&metric.type_, &METRIC_TYPES, &type_path, errors);
    }
    if let Some(field) = expected.filter(|field| !present.contains(field)) {
        let detail = "must populate information for the given metric source";
        errors.push(FieldError::required(&path.child(field), detail));
    }
    if present.len() != 1 {
        for field in present.iter().filter(|field| Some(**field) != expected) {
            let detail = "must populate the given metric source only";
            errors.push(FieldError::forbidden(&path.child(field), detail));
        }
    }
}

/// Validates the first source, and returns the names of all.
fn validate_sources(metric: &MetricSpec, path: &Path, errors: &mut ErrorList) -> Vec<&'static str> {
    let mut present = Vec::new();
    let mut first = |name| {
        present.push(name);
        present.len() == 1
    };
    if let Some(source) = metric.object.as_ref().filter(|_| first("object")) {
        let path = path.child("object");
        validate_reference(
            &source.described_object,
            &path.child("describedObject"),
            errors,
        );
        validate_identified(&source.metric, &source.target, &path, errors);
        let detail = "must set either a target value or averageValue";
        validate_value(&source.target, detail, &path.child("target"), errors);
    }
    if let Some(source) = metric.external.as_ref().filter(|_| first("external")) {
        let path = path.child("external");
        validate_identified(&source.metric, &source.target, &path, errors);
        let path = path.child("target");
        let detail = "must set either a target value for metric or a per-pod target";
        validate_value(&source.target, detail, &path, errors);
        if source.target.value.is_some() && source.target.average_value.is_some() {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.push(FieldError::forbidden(&path.child("value"), detail));
        }
    }
    if let Some(source) = metric.pods.as_ref().filter(|_| first("pods")) {
        let path = path.child("pods");
        validate_identified(&source.metric, &source.target, &path, errors);
        if source.target.average_value.is_none() {
            let detail = "must specify a positive target averageValue";
            let path = path.child("target").child("averageValue");
            errors.push(FieldError::required(&path, detail));
        }
    }
    if let Some(source) = metric.resource.as_ref().filter(|_| first("resource")) {
        validate_resource(
            &source.name,
            &source.target,
            &path.child("resource"),
            errors,
        );
    }
    let of_container = metric.container_resource.as_ref();
    if let Some(source) = of_container.filter(|_| first("containerResource")) {
        let path = path.child("containerResource");
        if source.container.is_empty() {
            let detail = "must specify a container";
            errors.push(FieldError::required(&path.child("container"), detail));
        } else {
            let sentences = name::dns1123_label(&source.container);
            invalid_each(
                &path.child("container"),
                &source.container,
                sentences,
                errors,
            );
        }
        if !source.name.is_empty() {
            validate_container_resource_name(&source.name, &path.child("name"), errors);
        }
        validate_resource(&source.name, &source.target, &path, errors);
    }
    present
}

fn validate_identified(
    metric: &MetricIdentifier,
    target: &MetricTarget,
    path: &Path,
    errors: &mut ErrorList,
) {
    let name_path = path.child("metric").child("name");
    if metric.name.is_empty() {
        let detail = "must specify a metric name";
        errors.push(FieldError::required(&name_path, detail));
    } else {
        validate_object_name(&metric.name, &name_path, errors);
    }
    validate_target(target, &path.child("target"), errors);
}

fn validate_resource(name: &str, target: &MetricTarget, path: &Path, errors: &mut ErrorList) {
    if name.is_empty() {
        let detail = "must specify a resource name";
        errors.push(FieldError::required(&path.child("name"), detail));
    }
    let path = path.child("target");
    validate_target(target, &path, errors);
    match (&target.average_utilization, &target.average_value) {
        (None, None) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.push(FieldError::required(
                &path.child("averageUtilization"),
                detail,
            ));
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.push(FieldError::forbidden(&path.child("averageValue"), detail));
        }
        _ => {}
    }
}

fn validate_value(target: &MetricTarget, detail: &str, path: &Path, errors: &mut ErrorList) {
    if target.value.is_none() && target.average_value.is_none() {
        errors.push(FieldError::required(&path.child("averageValue"), detail));
    }
}

fn validate_target(target: &MetricTarget, path: &Path, errors: &mut ErrorList) {
    let type_path = path.child("type");
    match target.type_.as_str() {
        "Utilization" | "Value" | "AverageValue" => {}
        other => {
            if other.is_empty() {
                let detail = "must specify a metric target type";
                errors.push(FieldError::required(&type_path, detail));
            }
            let detail = "must be either Utilization, Value, or AverageValue";
            errors.push(FieldError::invalid(&type_path, other, detail));
        }
    }
    for (field, value) in [
        ("value", &target.value),
        ("averageValue", &target.average_value),
    ] {
        if let Some(value) = value.as_ref().filter(|v| !is_positive(v)) {
            let detail = "must be positive";
            errors.push(FieldError::invalid(&path.child(field), &value.0, detail));
        }
    }
    if let Some(percent) = target.average_utilization.filter(|p| *p < 1) {
        let path = path.child("averageUtilization");
        errors.push(FieldError::invalid(&path, percent, POSITIVE));
    }
}

fn is_positive(quantity: &Quantity) -> bool {
    let amount = amount(quantity);
    !amount.is_negative() && amount != portcullis_api::quantity::Quantity::ZERO
}
