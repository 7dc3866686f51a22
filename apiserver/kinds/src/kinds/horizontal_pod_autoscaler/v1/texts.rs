//! The annotations of `autoscaling/v1`: metrics as JSON of types that exist only for this, and a behavior
//! with the names of upstream's internal type.

use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricSource, ContainerResourceMetricStatus, CrossVersionObjectReference,
    ExternalMetricSource, ExternalMetricStatus, HPAScalingPolicy, HPAScalingRules,
    HorizontalPodAutoscalerBehavior, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget,
    MetricValueStatus, ObjectMetricSource, ObjectMetricStatus, PodsMetricSource, PodsMetricStatus,
    ResourceMetricSource, ResourceMetricStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

/// A metric, desired or measured.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Metric {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_resource: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<Source>,
}

/// The source of a metric: the fields of all five sources, each of which has some.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<CrossVersionObjectReference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<LabelSelector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_selector: Option<LabelSelector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_value: Option<Quantity>,
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(flatten)]
    measured: Measured,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Wanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    target_value: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_average_value: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_average_utilization: Option<i32>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Measured {
    #[serde(skip_serializing_if = "Option::is_none")]
    current_value: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_average_value: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_average_utilization: Option<i32>,
}

/// Reads desired metrics; invalid text counts as none.
pub(super) fn metrics(text: &str) -> Vec<MetricSpec> {
    let metrics: Vec<Metric> = serde_json::from_str(text).unwrap_or_default();
    metrics.into_iter().map(Metric::into_spec).collect()
}

/// Writes desired metrics, if there are any.
pub(super) fn of_metrics(metrics: &[&MetricSpec]) -> Option<String> {
    let texts: Vec<_> = metrics.iter().map(|m| Metric::of_spec(m)).collect();
    (!texts.is_empty()).then(|| serde_json::to_string(&texts).unwrap_or_default())
}

/// Reads measured metrics; `None` for invalid and for empty text.
pub(super) fn current_metrics(text: &str) -> Option<Vec<MetricStatus>> {
    let metrics: Vec<Metric> = serde_json::from_str(text).ok()?;
    Some(metrics.into_iter().map(Metric::into_status).collect())
}

/// Writes measured metrics, if there are any.
pub(super) fn of_current_metrics(metrics: &[MetricStatus]) -> Option<String> {
    let texts: Vec<_> = metrics.iter().map(Metric::of_status).collect();
    (!texts.is_empty()).then(|| serde_json::to_string(&texts).unwrap_or_default())
}

/// The current CPU utilization.
pub(super) fn current_cpu_utilization(percent: i32) -> MetricStatus {
    MetricStatus {
        type_: "Resource".into(),
        resource: Some(ResourceMetricStatus {
            name: "cpu".into(),
            current: MetricValueStatus {
                average_utilization: Some(percent),
                ..MetricValueStatus::default()
            },
        }),
        ..MetricStatus::default()
    }
}

impl Metric {
    fn of_spec(metric: &MetricSpec) -> Self {
        let metric = metric.clone();
        Self {
            r#type: metric.type_,
            object: metric.object.map(|m| Source {
                target: Some(m.described_object),
                average_value: m.target.average_value.clone(),
                ..Source::of_value(m.metric, m.target)
            }),
            pods: metric.pods.map(|m| Source::of_average(m.metric, m.target)),
            resource: metric
                .resource
                .map(|m| Source::of_resource(m.name, m.target)),
            container_resource: metric.container_resource.map(|m| Source {
                container: Some(m.container),
                ..Source::of_resource(m.name, m.target)
            }),
            external: metric.external.map(|m| {
                let average = m.target.average_value.clone();
                let mut source = Source::of_value(m.metric, m.target);
                source.metric_selector = source.selector.take();
                source.wanted.target_average_value = average;
                source
            }),
        }
    }

    fn into_spec(self) -> MetricSpec {
        MetricSpec {
            type_: self.r#type,
            object: self.object.map(|source| ObjectMetricSource {
                described_object: source.target.clone().unwrap_or_default(),
                target: target(
                    source.wanted.target_value.clone(),
                    source.average_value.clone(),
                    None,
                ),
                metric: source.identifier(),
            }),
            pods: self.pods.map(|source| PodsMetricSource {
                target: target(None, source.wanted.target_average_value.clone(), None),
                metric: source.identifier(),
            }),
            resource: self.resource.map(|source| ResourceMetricSource {
                target: source.resource_target(),
                name: source.name.unwrap_or_default(),
            }),
            container_resource: self.container_resource.map(|source| {
                ContainerResourceMetricSource {
                    target: source.resource_target(),
                    container: source.container.unwrap_or_default(),
                    name: source.name.unwrap_or_default(),
                }
            }),
            external: self.external.map(|source| {
                let wanted = &source.wanted;
                let average = wanted.target_average_value.clone();
                ExternalMetricSource {
                    target: target(wanted.target_value.clone(), average, None),
                    metric: source.identifier(),
                }
            }),
        }
    }

    fn of_status(metric: &MetricStatus) -> Self {
        let metric = metric.clone();
        Self {
            r#type: metric.type_,
            object: metric.object.map(|m| {
                let mut source = Source::measured(Some(m.metric), m.current);
                source.average_value = source.measured.current_average_value.take();
                source.target = Some(m.described_object);
                source
            }),
            pods: metric
                .pods
                .map(|m| Source::measured(Some(m.metric), m.current)),
            resource: metric.resource.map(|m| Source {
                name: Some(m.name),
                ..Source::measured(None, m.current)
            }),
            container_resource: metric.container_resource.map(|m| Source {
                name: Some(m.name),
                container: Some(m.container),
                ..Source::measured(None, m.current)
            }),
            external: metric.external.map(|m| {
                let mut source = Source::measured(Some(m.metric), m.current);
                source.metric_selector = source.selector.take();
                source
            }),
        }
    }

    fn into_status(self) -> MetricStatus {
        MetricStatus {
            type_: self.r#type,
            object: self.object.map(|source| ObjectMetricStatus {
                described_object: source.target.clone().unwrap_or_default(),
                current: MetricValueStatus {
                    average_value: source.average_value.clone(),
                    ..source.current()
                },
                metric: source.identifier(),
            }),
            pods: self.pods.map(|source| PodsMetricStatus {
                current: source.current(),
                metric: source.identifier(),
            }),
            resource: self.resource.map(|source| ResourceMetricStatus {
                current: source.current(),
                name: source.name.unwrap_or_default(),
            }),
            container_resource: self.container_resource.map(|source| {
                ContainerResourceMetricStatus {
                    current: source.current(),
                    container: source.container.unwrap_or_default(),
                    name: source.name.unwrap_or_default(),
                }
            }),
            external: self.external.map(|source| ExternalMetricStatus {
                current: source.current(),
                metric: source.identifier(),
            }),
        }
    }
}

impl Source {
    fn of_value(metric: MetricIdentifier, target: MetricTarget) -> Self {
        Self {
            metric_name: Some(metric.name),
            selector: metric.selector,
            wanted: Wanted {
                target_value: target.value,
                ..Wanted::default()
            },
            ..Self::default()
        }
    }

    fn of_average(metric: MetricIdentifier, target: MetricTarget) -> Self {
        Self {
            metric_name: Some(metric.name),
            selector: metric.selector,
            wanted: Wanted {
                target_average_value: target.average_value,
                ..Wanted::default()
            },
            ..Self::default()
        }
    }

    fn of_resource(name: String, target: MetricTarget) -> Self {
        Self {
            name: Some(name),
            wanted: Wanted {
                target_value: None,
                target_average_value: target.average_value,
                target_average_utilization: target.average_utilization,
            },
            ..Self::default()
        }
    }

    fn measured(metric: Option<MetricIdentifier>, current: MetricValueStatus) -> Self {
        let metric = metric.map(|m| (m.name, m.selector));
        let (name, selector) = metric.unzip();
        Self {
            metric_name: name,
            selector: selector.flatten(),
            measured: Measured {
                current_value: current.value,
                current_average_value: current.average_value,
                current_average_utilization: current.average_utilization,
            },
            ..Self::default()
        }
    }

    fn identifier(self) -> MetricIdentifier {
        MetricIdentifier {
            name: self.metric_name.unwrap_or_default(),
            selector: self.selector.or(self.metric_selector),
        }
    }

    fn resource_target(&self) -> MetricTarget {
        let wanted = &self.wanted;
        let average = wanted.target_average_value.clone();
        target(None, average, wanted.target_average_utilization)
    }

    fn current(&self) -> MetricValueStatus {
        MetricValueStatus {
            value: self.measured.current_value.clone(),
            average_value: self.measured.current_average_value.clone(),
            average_utilization: self.measured.current_average_utilization,
        }
    }
}

/// A target, whose type follows from the field that is set.
fn target(
    value: Option<Quantity>,
    average_value: Option<Quantity>,
    average_utilization: Option<i32>,
) -> MetricTarget {
    let type_ = match (&average_utilization, &average_value) {
        (Some(_), _) => "Utilization",
        (None, Some(_)) => "AverageValue",
        (None, None) => "Value",
    };
    MetricTarget {
        type_: type_.to_owned(),
        value,
        average_value,
        average_utilization,
    }
}

/// A behavior, in the form of upstream's internal type.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Behavior {
    scale_up: Option<Rules>,
    scale_down: Option<Rules>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Rules {
    stabilization_window_seconds: Option<i32>,
    select_policy: Option<String>,
    policies: Option<Vec<Policy>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Policy {
    r#type: String,
    value: i32,
    period_seconds: i32,
}

/// Reads a behavior; nonsense is none.
pub(crate) fn behavior(text: &str) -> Option<HorizontalPodAutoscalerBehavior> {
    let behavior: Behavior = serde_json::from_str(text).ok()?;
    let policy = |policy: Policy| HPAScalingPolicy {
        type_: policy.r#type,
        value: policy.value,
        period_seconds: policy.period_seconds,
    };
    let rules = |rules: Rules| HPAScalingRules {
        stabilization_window_seconds: rules.stabilization_window_seconds,
        select_policy: rules.select_policy,
        policies: rules.policies.map(|p| p.into_iter().map(policy).collect()),
        tolerance: None,
    };
    Some(HorizontalPodAutoscalerBehavior {
        scale_up: behavior.scale_up.map(rules),
        scale_down: behavior.scale_down.map(rules),
    })
}

/// Writes a behavior.
pub(crate) fn of_behavior(behavior: &HorizontalPodAutoscalerBehavior) -> Option<String> {
    let policy = |policy: &HPAScalingPolicy| Policy {
        r#type: policy.type_.clone(),
        value: policy.value,
        period_seconds: policy.period_seconds,
    };
    let rules = |rules: &HPAScalingRules| Rules {
        stabilization_window_seconds: rules.stabilization_window_seconds,
        select_policy: rules.select_policy.clone(),
        policies: rules
            .policies
            .as_ref()
            .map(|p| p.iter().map(policy).collect()),
    };
    serde_json::to_string(&Behavior {
        scale_up: behavior.scale_up.as_ref().map(rules),
        scale_down: behavior.scale_down.as_ref().map(rules),
    })
    .ok()
}
