//! `autoscaling/v1`, which has one metric; the others are in annotations, except a second CPU metric, which
//! the conversion loses (upstream: `pkg/apis/autoscaling/v1/conversion.go`).

pub(super) mod texts;

use k8s_openapi::api::autoscaling::{v1, v2};
use portcullis_api::encode::encode_part;

use super::defaults::cpu_utilization;
use crate::validation::list;
use crate::version::Version;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
/// The annotation that holds a behavior in versions without a field for it.
pub(super) const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The version with one metric.
pub struct V1;

impl Version for V1 {
    type Stored = v2::HorizontalPodAutoscaler;
    type Served = v1::HorizontalPodAutoscaler;

    fn to_stored(served: &v1::HorizontalPodAutoscaler) -> v2::HorizontalPodAutoscaler {
        let mut metadata = served.metadata.clone();
        let mut annotations = metadata.annotations.take().unwrap_or_default();
        let mut take = |key| annotations.remove(key).unwrap_or_default();
        let (metrics, behavior) = (take(METRICS), take(BEHAVIOR));
        let (current, conditions) = (take(CURRENT_METRICS), take(CONDITIONS));
        metadata.annotations = Some(annotations).filter(|a| !a.is_empty());
        let spec = &served.spec;
        let mut all = texts::metrics(&metrics);
        all.extend(spec.target_cpu_utilization_percentage.map(cpu_utilization));
        v2::HorizontalPodAutoscaler {
            metadata,
            spec: v2::HorizontalPodAutoscalerSpec {
                scale_target_ref: reference(&spec.scale_target_ref),
                min_replicas: spec.min_replicas,
                max_replicas: spec.max_replicas,
                metrics: Some(all).filter(|m| !m.is_empty()),
                behavior: texts::behavior(&behavior),
            },
            status: served.status.as_ref().map(|status| {
                let used = status.current_cpu_utilization_percentage;
                let own = || used.map(|used| vec![texts::current_cpu_utilization(used)]);
                v2::HorizontalPodAutoscalerStatus {
                    current_replicas: Some(status.current_replicas),
                    desired_replicas: status.desired_replicas,
                    last_scale_time: status.last_scale_time.clone(),
                    observed_generation: status.observed_generation,
                    // the annotation has more
                    current_metrics: texts::current_metrics(&current).or_else(own),
                    conditions: serde_json::from_str(&conditions).ok(),
                }
            }),
        }
    }

    fn to_served(stored: &v2::HorizontalPodAutoscaler) -> v1::HorizontalPodAutoscaler {
        let mut metadata = stored.metadata.clone();
        let spec = &stored.spec;
        let status = stored.status.as_ref();
        let metrics = list(spec.metrics.as_ref());
        let current = list(status.and_then(|s| s.current_metrics.as_ref()));
        let conditions = list(status.and_then(|s| s.conditions.as_ref()));
        let others: Vec<_> = metrics.iter().filter(|m| cpu_target(m).is_none()).collect();
        let mut note = |key: &str, text: Option<String>| {
            if let Some(text) = text {
                let annotations = metadata.annotations.get_or_insert_default();
                annotations.insert(key.to_owned(), text);
            }
        };
        note(METRICS, texts::of_metrics(&others));
        note(CURRENT_METRICS, texts::of_current_metrics(current));
        let written = || String::from_utf8(encode_part(&conditions)).ok();
        note(CONDITIONS, (!conditions.is_empty()).then(written).flatten());
        let behavior = spec.behavior.as_ref();
        note(BEHAVIOR, behavior.and_then(texts::of_behavior));
        v1::HorizontalPodAutoscaler {
            metadata,
            spec: v1::HorizontalPodAutoscalerSpec {
                scale_target_ref: v1::CrossVersionObjectReference {
                    api_version: spec.scale_target_ref.api_version.clone(),
                    kind: spec.scale_target_ref.kind.clone(),
                    name: spec.scale_target_ref.name.clone(),
                },
                min_replicas: spec.min_replicas,
                max_replicas: spec.max_replicas,
                target_cpu_utilization_percentage: metrics.iter().find_map(cpu_target),
            },
            status: status.map(|status| v1::HorizontalPodAutoscalerStatus {
                current_cpu_utilization_percentage: current.iter().find_map(cpu_use),
                current_replicas: status.current_replicas.unwrap_or_default(),
                desired_replicas: status.desired_replicas,
                last_scale_time: status.last_scale_time.clone(),
                observed_generation: status.observed_generation,
            }),
        }
    }
}

fn reference(reference: &v1::CrossVersionObjectReference) -> v2::CrossVersionObjectReference {
    v2::CrossVersionObjectReference {
        api_version: reference.api_version.clone(),
        kind: reference.kind.clone(),
        name: reference.name.clone(),
    }
}

/// The one target for which this version has a field.
fn cpu_target(metric: &v2::MetricSpec) -> Option<i32> {
    let resource = metric.resource.as_ref();
    let resource = resource.filter(|r| metric.type_ == "Resource" && r.name == "cpu");
    resource?.target.average_utilization
}

fn cpu_use(metric: &v2::MetricStatus) -> Option<i32> {
    let resource = metric.resource.as_ref();
    let resource = resource.filter(|r| metric.type_ == "Resource" && r.name == "cpu");
    resource?.current.average_utilization
}
