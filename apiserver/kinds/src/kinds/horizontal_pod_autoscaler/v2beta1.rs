//! `autoscaling/v2beta1`, which has a field for each way of saying what a metric is to be (upstream:
//! `pkg/apis/autoscaling/v2beta1/conversion.go`), and none for a behavior, which is in an annotation.

mod types;

use k8s_openapi::api::autoscaling::v2;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use self::types::{
    ContainerResourceMetricSource, ContainerResourceMetricStatus, ExternalMetricSource,
    ExternalMetricStatus, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus, MetricSpec, MetricStatus, ObjectMetricSource,
    ObjectMetricStatus, PodsMetricSource, PodsMetricStatus, ResourceMetricSource,
    ResourceMetricStatus,
};
use super::v1::{BEHAVIOR, texts};
use crate::version::Version;

/// The version with a field for each kind of target.
pub struct V2Beta1;

impl Version for V2Beta1 {
    type Stored = v2::HorizontalPodAutoscaler;
    type Served = HorizontalPodAutoscaler;

    fn to_stored(served: &HorizontalPodAutoscaler) -> v2::HorizontalPodAutoscaler {
        let mut served = served.clone();
        let annotations = served.metadata.annotations.as_mut();
        let behavior = annotations.and_then(|annotations| annotations.remove(BEHAVIOR));
        let spec = served.spec;
        v2::HorizontalPodAutoscaler {
            metadata: served.metadata,
            spec: v2::HorizontalPodAutoscalerSpec {
                scale_target_ref: spec.scale_target_ref,
                min_replicas: spec.min_replicas,
                max_replicas: spec.max_replicas,
                metrics: each(spec.metrics, stored_metric),
                behavior: behavior.as_deref().and_then(texts::behavior),
            },
            status: served
                .status
                .map(|status| v2::HorizontalPodAutoscalerStatus {
                    observed_generation: status.observed_generation,
                    last_scale_time: status.last_scale_time,
                    current_replicas: Some(status.current_replicas),
                    desired_replicas: status.desired_replicas,
                    current_metrics: each(status.current_metrics, stored_measurement),
                    conditions: status.conditions,
                }),
        }
    }

    fn to_served(stored: &v2::HorizontalPodAutoscaler) -> HorizontalPodAutoscaler {
        let mut stored = stored.clone();
        let spec = stored.spec;
        if let Some(text) = spec.behavior.as_ref().and_then(texts::of_behavior) {
            let annotations = stored.metadata.annotations.get_or_insert_default();
            annotations.insert(BEHAVIOR.to_owned(), text);
        }
        HorizontalPodAutoscaler {
            metadata: stored.metadata,
            spec: HorizontalPodAutoscalerSpec {
                scale_target_ref: spec.scale_target_ref,
                min_replicas: spec.min_replicas,
                max_replicas: spec.max_replicas,
                metrics: each(spec.metrics, served_metric),
            },
            status: stored.status.map(|status| HorizontalPodAutoscalerStatus {
                observed_generation: status.observed_generation,
                last_scale_time: status.last_scale_time,
                current_replicas: status.current_replicas.unwrap_or_default(),
                desired_replicas: status.desired_replicas,
                current_metrics: each(status.current_metrics, served_measurement),
                conditions: status.conditions,
            }),
        }
    }
}

fn each<A, B>(items: Option<Vec<A>>, convert: fn(A) -> B) -> Option<Vec<B>> {
    items.map(|items| items.into_iter().map(convert).collect())
}

fn stored_metric(served: MetricSpec) -> v2::MetricSpec {
    v2::MetricSpec {
        type_: served.type_,
        object: served.object.map(|source| v2::ObjectMetricSource {
            described_object: source.target,
            metric: metric(source.metric_name, source.selector),
            target: v2::MetricTarget {
                type_: if source.average_value.is_none() {
                    "Value".into()
                } else {
                    "AverageValue".into()
                },
                value: Some(source.target_value),
                average_value: source.average_value,
                average_utilization: None,
            },
        }),
        pods: served.pods.map(|source| v2::PodsMetricSource {
            metric: metric(source.metric_name, source.selector),
            target: average(Some(source.target_average_value), None),
        }),
        resource: served.resource.map(|source| v2::ResourceMetricSource {
            name: source.name,
            target: average(
                source.target_average_value,
                source.target_average_utilization,
            ),
        }),
        container_resource: served.container_resource.map(|source| {
            let utilization = source.target_average_utilization;
            v2::ContainerResourceMetricSource {
                name: source.name,
                container: source.container,
                target: average(source.target_average_value, utilization),
            }
        }),
        external: served.external.map(|source| v2::ExternalMetricSource {
            metric: metric(source.metric_name, source.metric_selector),
            target: v2::MetricTarget {
                type_: if source.target_value.is_none() {
                    "AverageValue".into()
                } else {
                    "Value".into()
                },
                value: source.target_value,
                average_value: source.target_average_value,
                average_utilization: None,
            },
        }),
    }
}

fn served_metric(stored: v2::MetricSpec) -> MetricSpec {
    MetricSpec {
        type_: stored.type_,
        object: stored.object.map(|source| ObjectMetricSource {
            target: source.described_object,
            metric_name: source.metric.name,
            selector: source.metric.selector,
            target_value: or_zero(source.target.value),
            average_value: source.target.average_value,
        }),
        pods: stored.pods.map(|source| PodsMetricSource {
            metric_name: source.metric.name,
            selector: source.metric.selector,
            target_average_value: or_zero(source.target.average_value),
        }),
        resource: stored.resource.map(|source| ResourceMetricSource {
            name: source.name,
            target_average_utilization: source.target.average_utilization,
            target_average_value: source.target.average_value,
        }),
        container_resource: stored
            .container_resource
            .map(|source| ContainerResourceMetricSource {
                name: source.name,
                container: source.container,
                target_average_utilization: source.target.average_utilization,
                target_average_value: source.target.average_value,
            }),
        external: stored.external.map(|source| ExternalMetricSource {
            metric_name: source.metric.name,
            metric_selector: source.metric.selector,
            target_value: source.target.value,
            target_average_value: source.target.average_value,
        }),
    }
}

fn stored_measurement(served: MetricStatus) -> v2::MetricStatus {
    v2::MetricStatus {
        type_: served.type_,
        object: served.object.map(|source| v2::ObjectMetricStatus {
            described_object: source.target,
            metric: metric(source.metric_name, source.selector),
            current: current(Some(source.current_value), source.average_value, None),
        }),
        pods: served.pods.map(|source| v2::PodsMetricStatus {
            metric: metric(source.metric_name, source.selector),
            current: current(None, Some(source.current_average_value), None),
        }),
        resource: served.resource.map(|source| v2::ResourceMetricStatus {
            name: source.name,
            current: current(
                None,
                Some(source.current_average_value),
                source.current_average_utilization,
            ),
        }),
        container_resource: served.container_resource.map(|source| {
            let average = Some(source.current_average_value);
            v2::ContainerResourceMetricStatus {
                name: source.name,
                container: source.container,
                current: current(None, average, source.current_average_utilization),
            }
        }),
        external: served.external.map(|source| v2::ExternalMetricStatus {
            metric: metric(source.metric_name, source.metric_selector),
            current: current(
                Some(source.current_value),
                source.current_average_value,
                None,
            ),
        }),
    }
}

fn served_measurement(stored: v2::MetricStatus) -> MetricStatus {
    MetricStatus {
        type_: stored.type_,
        object: stored.object.map(|source| ObjectMetricStatus {
            target: source.described_object,
            metric_name: source.metric.name,
            selector: source.metric.selector,
            current_value: or_zero(source.current.value),
            average_value: source.current.average_value,
        }),
        pods: stored.pods.map(|source| PodsMetricStatus {
            metric_name: source.metric.name,
            selector: source.metric.selector,
            current_average_value: or_zero(source.current.average_value),
        }),
        resource: stored.resource.map(|source| ResourceMetricStatus {
            name: source.name,
            current_average_utilization: source.current.average_utilization,
            current_average_value: or_zero(source.current.average_value),
        }),
        container_resource: stored
            .container_resource
            .map(|source| ContainerResourceMetricStatus {
                name: source.name,
                container: source.container,
                current_average_utilization: source.current.average_utilization,
                current_average_value: or_zero(source.current.average_value),
            }),
        external: stored.external.map(|source| ExternalMetricStatus {
            metric_name: source.metric.name,
            metric_selector: source.metric.selector,
            current_value: or_zero(source.current.value),
            current_average_value: source.current.average_value,
        }),
    }
}

fn metric(name: String, selector: Option<LabelSelector>) -> v2::MetricIdentifier {
    v2::MetricIdentifier { name, selector }
}

/// A target that is an average.
fn average(value: Option<Quantity>, utilization: Option<i32>) -> v2::MetricTarget {
    v2::MetricTarget {
        type_: if utilization.is_none() {
            "AverageValue".into()
        } else {
            "Utilization".into()
        },
        value: None,
        average_value: value,
        average_utilization: utilization,
    }
}

fn current(
    value: Option<Quantity>,
    average_value: Option<Quantity>,
    average_utilization: Option<i32>,
) -> v2::MetricValueStatus {
    v2::MetricValueStatus {
        value,
        average_value,
        average_utilization,
    }
}

/// What Go writes of a quantity that is no pointer.
fn or_zero(quantity: Option<Quantity>) -> Quantity {
    quantity.unwrap_or_else(|| Quantity("0".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_metric_comes_back() {
        let target = json!({"kind": "Service", "name": "s"});
        let metrics = json!([
            {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c",
                "targetAverageValue": "1"}},
            {"type": "Pods", "pods": {"metricName": "m", "targetAverageValue": "3"}},
            {"type": "Object", "object": {"target": target, "metricName": "m", "targetValue": "5"}},
            {"type": "External", "external": {"metricName": "m", "targetAverageValue": "2"}}]);
        let measured = json!([
            {"type": "Resource", "resource": {"name": "cpu", "currentAverageValue": "0",
                "currentAverageUtilization": 3}},
            {"type": "Object", "object": {"target": target, "metricName": "m", "currentValue": "5"}},
            {"type": "External", "external": {"metricName": "m", "currentValue": "2"}}]);
        let served: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": "h"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3,
                "metrics": metrics},
            "status": {"currentReplicas": 1, "desiredReplicas": 2, "currentMetrics": measured},
        }))
        .unwrap();
        let stored = V2Beta1::to_stored(&served);
        let targets = stored.spec.metrics.iter().flatten();
        let types: Vec<_> = targets
            .filter_map(|metric| {
                let resource = metric.resource.as_ref().map(|m| &m.target);
                let container = metric.container_resource.as_ref().map(|m| &m.target);
                let pods = metric.pods.as_ref().map(|m| &m.target);
                let object = metric.object.as_ref().map(|m| &m.target);
                let external = metric.external.as_ref().map(|m| &m.target);
                let target = resource.or(container).or(pods).or(object).or(external);
                target.map(|target| target.type_.as_str())
            })
            .collect();
        assert_eq!(
            types,
            [
                "Utilization",
                "AverageValue",
                "AverageValue",
                "Value",
                "AverageValue"
            ]
        );
        assert_eq!(V2Beta1::to_served(&stored), served);
    }
}
