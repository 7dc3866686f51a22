//! An autoscaler's row (upstream: `formatHPAMetrics` in `pkg/printers/internalversion/printers.go`).

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::strategy::{Cell, Column};
use crate::validation::list;

/// How many metrics a Table shows.
const METRICS_SHOWN: usize = 2;
const UNKNOWN: &str = "<unknown>";

pub(super) fn cells(autoscaler: &HorizontalPodAutoscaler) -> Vec<Cell> {
    let spec = &autoscaler.spec;
    let status = autoscaler.status.clone().unwrap_or_default();
    let target = &spec.scale_target_ref;
    let metrics = list(spec.metrics.as_ref());
    let current = list(status.current_metrics.as_ref());
    let min = spec.min_replicas.map(|min| min.to_string());
    vec![
        Cell::name(autoscaler),
        Cell::text(format!("{}/{}", target.kind, target.name)),
        Cell::text(targets(metrics, current)),
        Cell::text(min.unwrap_or_else(|| "<unset>".to_owned())),
        Cell::integer(spec.max_replicas.into()),
        Cell::integer(status.current_replicas.unwrap_or_default().into()),
        Cell::age(autoscaler),
    ]
}

/// The current and the target value of each metric.
fn targets(metrics: &[MetricSpec], current: &[MetricStatus]) -> String {
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let shown = metrics.iter().enumerate().take(METRICS_SHOWN);
    let shown: Vec<_> = shown
        .map(|(i, metric)| target(metric, current.get(i)))
        .collect();
    let shown = shown.join(", ");
    match metrics.len().checked_sub(METRICS_SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} + {more} more..."),
    }
}

fn target(metric: &MetricSpec, status: Option<&MetricStatus>) -> String {
    match metric.type_.as_str() {
        "External" => {
            let current = status.and_then(|s| s.external.as_ref()).map(|s| &s.current);
            value_or_average(metric.external.as_ref().map(|m| &m.target), current)
        }
        "Object" => {
            let current = status.and_then(|s| s.object.as_ref()).map(|s| &s.current);
            value_or_average(metric.object.as_ref().map(|m| &m.target), current)
        }
        "Pods" => {
            let current = status.and_then(|s| s.pods.as_ref()).map(|s| &s.current);
            let target = metric.pods.as_ref().map(|m| &m.target);
            average(target, current)
        }
        "Resource" => {
            let current = status.and_then(|s| s.resource.as_ref()).map(|s| &s.current);
            utilization(metric.resource.as_ref().map(|m| &m.target), current)
        }
        "ContainerResource" => {
            let current = status.and_then(|s| s.container_resource.as_ref());
            let target = metric.container_resource.as_ref().map(|m| &m.target);
            utilization(target, current.map(|s| &s.current))
        }
        _ => "<unknown type>".to_owned(),
    }
}

fn value_or_average(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    if target.is_some_and(|t| t.average_value.is_some()) {
        return format!("{} (avg)", average(target, current));
    }
    let current = quantity(current.and_then(|c| c.value.as_ref()));
    format!(
        "{current}/{}",
        quantity(target.and_then(|t| t.value.as_ref()))
    )
}

fn average(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    let current = quantity(current.and_then(|c| c.average_value.as_ref()));
    let target = quantity(target.and_then(|t| t.average_value.as_ref()));
    format!("{current}/{target}")
}

fn utilization(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    if target.is_some_and(|t| t.average_value.is_some()) {
        return average(target, current);
    }
    let percent = |value: Option<i32>, unset: &str| match value {
        Some(value) => format!("{value}%"),
        None => unset.to_owned(),
    };
    let current = percent(current.and_then(|c| c.average_utilization), UNKNOWN);
    let target = percent(target.and_then(|t| t.average_utilization), "<auto>");
    format!("{current}/{target}")
}

fn quantity(quantity: Option<&Quantity>) -> &str {
    quantity.map_or(UNKNOWN, |q| q.0.as_str())
}

pub(super) static COLUMNS: [Column; 7] = [
    Column::NAME,
    Column::text(
        "Reference",
        "scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics should be collected, as well as to actually change the replica count.",
    ),
    Column::text(
        "Targets",
        "metrics contains the specifications for which to use to calculate the desired replica count (the maximum replica count across all metrics will be used).  The desired replica count is calculated multiplying the ratio between the target value and the current value by the current number of pods.  Ergo, metrics used must decrease as the pod count is increased, and vice-versa.  See the individual metric source types for more information about how each type of metric must respond.",
    ),
    Column::text(
        "MinPods",
        "minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  It defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate HPAScaleToZero is enabled and at least one Object or External metric is configured.  Scaling is active as long as at least one metric value is available.",
    ),
    Column::text(
        "MaxPods",
        "maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It cannot be less that minReplicas.",
    ),
    Column::text(
        "Replicas",
        "currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by the autoscaler.",
    ),
    Column::AGE,
];
