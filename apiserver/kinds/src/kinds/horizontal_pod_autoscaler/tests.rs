use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler as Old;
use portcullis_api::decode::decode;
use serde_json::{Value, json};

use super::v1::V1;
use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared, written};
use crate::version::Version;

const RULES: &HorizontalPodAutoscalerStrategy = &HorizontalPodAutoscalerStrategy;

fn autoscaler(extra: &Value) -> Value {
    let mut spec = json!({"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "d"}});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "h"}, "spec": spec})
}

#[test]
fn eighty_percent_of_the_cpu_by_default() {
    let made = prepared(
        RULES,
        &autoscaler(&json!({"behavior": {"scaleUp": {"selectPolicy": "Min"}}})),
    );
    let spec = written(&made)["spec"].clone();
    assert_eq!(spec["minReplicas"], 1);
    assert_eq!(
        spec["metrics"],
        json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}])
    );
    assert_eq!(
        spec["behavior"],
        json!({
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min", "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]},
            "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        })
    );
}

#[test]
fn numbers_and_targets_are_checked() {
    for (extra, wrong) in [
        (
            json!({"minReplicas": 0}),
            vec!["spec.minReplicas", "spec.metrics"],
        ),
        (
            json!({"metrics": [{"type": "Pods", "pods": {"metric": {"name": "m"},
                "target": {"type": "AverageValue", "averageValue": "0"}}}]}),
            vec!["spec.metrics[0].pods.target.averageValue"],
        ),
        (json!({"minReplicas": 6}), vec!["spec.maxReplicas"]),
        (
            json!({"maxReplicas": 0}),
            vec!["spec.maxReplicas", "spec.maxReplicas"],
        ),
        (
            json!({"scaleTargetRef": {}}),
            vec!["spec.scaleTargetRef.kind", "spec.scaleTargetRef.name"],
        ),
        (
            json!({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601, "selectPolicy": "x", "policies": []}}}),
            vec![
                "spec.behavior.scaleUp.stabilizationWindowSeconds",
                "spec.behavior.scaleUp.selectPolicy",
                "spec.behavior.scaleUp.policies",
            ],
        ),
        (
            json!({"behavior": {"scaleDown": {"policies": [{"type": "x", "value": 0, "periodSeconds": 1801}]}}}),
            vec![
                "spec.behavior.scaleDown.policies[0].type",
                "spec.behavior.scaleDown.policies[0].value",
                "spec.behavior.scaleDown.policies[0].periodSeconds",
            ],
        ),
    ] {
        let found = mistakes(RULES, &autoscaler(&extra));
        let fields: Vec<_> = found
            .iter()
            .map(|m| m.split(": ").next().unwrap())
            .collect();
        assert_eq!(fields, wrong, "{found:?}");
    }
}

#[test]
fn a_metric_has_one_source_and_a_target() {
    let target = json!({"type": "AverageValue", "averageValue": "1"});
    let pods = json!({"metric": {"name": "m"}, "target": target});
    let at = "spec.metrics[0]";
    for (metric, wrong) in [
        (json!({"type": "Pods", "pods": pods}), vec![]),
        (
            json!({"type": "Pods"}),
            vec![".pods: Required value: must populate information for the given metric source"],
        ),
        (
            json!({"type": "Pods", "pods": pods, "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}),
            vec![".external: Forbidden: must populate the given metric source only"],
        ),
        (
            json!({"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "x"}}}),
            vec![
                ".pods.target.type: Invalid value: \"x\": must be either Utilization, Value, or AverageValue",
                ".pods.target.averageValue: Required value: must specify a positive target averageValue",
            ],
        ),
        (
            json!({"type": "Resource", "resource": {"name": "", "target": {"type": "Utilization", "averageUtilization": 0, "averageValue": "-1"}}}),
            vec![
                ".resource.name: Required value: must specify a resource name",
                ".resource.target.averageValue: Invalid value: \"-1\": must be positive",
                ".resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
                ".resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization",
            ],
        ),
        (
            json!({"type": "Object", "object": {"describedObject": {"kind": "K", "name": "n"}, "metric": {"name": "a/b"}, "target": {"type": "Value"}}}),
            vec![
                ".object.metric.name: Invalid value: \"a/b\": may not contain '/'",
                ".object.target.averageValue: Required value: must set either a target value or averageValue",
            ],
        ),
        (
            json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}}}),
            vec![".containerResource.container: Required value: must specify a container"],
        ),
    ] {
        let wrong: Vec<_> = wrong.iter().map(|w| format!("{at}{w}")).collect();
        assert_eq!(
            mistakes(RULES, &autoscaler(&json!({"metrics": [metric]}))),
            wrong,
            "{metric}"
        );
    }
}

#[test]
fn the_older_version_has_one_percentage() {
    let old = json!({"metadata": {"name": "h", "annotations": {"a": "b"}},
        "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "targetCPUUtilizationPercentage": 50}});
    let old = decode::<Old>(&old).unwrap().value;
    let stored = V1::to_stored(&old);
    assert_eq!(
        written(&stored)["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        50
    );
    assert_eq!(V1::to_served(&stored), old);
    let mut without = old;
    without.spec.target_cpu_utilization_percentage = None;
    let mut stored = V1::to_stored(&without);
    RULES.default(&mut stored);
    let served = V1::to_served(&stored);
    assert_eq!(served.spec.target_cpu_utilization_percentage, Some(80));
}

#[test]
fn nothing_is_lost_in_the_older_version() {
    let identified = json!({"name": "m", "selector": {"matchLabels": {"a": "b"}}});
    let reference = json!({"kind": "K", "name": "n"});
    let mut given = autoscaler(&json!({
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
        "metrics": [
            {"type": "Object", "object": {"describedObject": reference, "metric": identified, "target": {"type": "Value", "value": "5"}}},
            {"type": "Pods", "pods": {"metric": identified, "target": {"type": "AverageValue", "averageValue": "7"}}},
            {"type": "External", "external": {"metric": identified, "target": {"type": "AverageValue", "averageValue": "7"}}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": {"type": "Utilization", "averageUtilization": 3}}},
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        ],
    }));
    given["status"] = json!({"currentReplicas": 2, "desiredReplicas": 3,
    "conditions": [{"type": "AbleToScale", "status": "True", "reason": "r", "message": "m"}],
    "currentMetrics": [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12, "averageValue": "5m"}}},
        {"type": "Object", "object": {"describedObject": reference, "metric": identified, "current": {"value": "5"}}},
        {"type": "Pods", "pods": {"metric": identified, "current": {"averageValue": "7"}}},
        {"type": "External", "external": {"metric": identified, "current": {"value": "7"}}},
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "current": {"averageUtilization": 3}}},
    ]});
    let stored = defaulted(RULES, &given);
    let served = V1::to_served(&stored);
    assert_eq!(
        served
            .status
            .clone()
            .unwrap()
            .current_cpu_utilization_percentage,
        Some(12)
    );
    assert_eq!(served.metadata.annotations.clone().unwrap().len(), 4);
    assert_eq!(written(&V1::to_stored(&served)), written(&stored));
}

#[test]
fn a_row_shows_current_and_target_values() {
    let mut given = autoscaler(&json!({"metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "7"}}},
        {"type": "x"},
    ]}));
    given["status"] = json!({"currentReplicas": 2, "desiredReplicas": 3, "currentMetrics": [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}]});
    let cells = RULES.cells(&defaulted(RULES, &given));
    assert_eq!(cells[1], Cell::text("Deployment/d"));
    assert_eq!(
        cells[2],
        Cell::text("12%/60%, <unknown>/7 (avg) + 1 more...")
    );
    assert_eq!(
        cells[3..6],
        [Cell::text("1"), Cell::integer(5), Cell::integer(2)]
    );
}
