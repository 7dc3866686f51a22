//! The types of `autoscaling/v2beta1` that differ from those of `autoscaling/v2`.
//!
//! Sources and measurements have names of their own for serde: the encoder knows Go's types by their
//! names, and those of `v2` have other fields.

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscalerCondition,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
#[cfg(feature = "schemas")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::version::kind;

/// How many pods something is to have, by what is measured of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.HorizontalPodAutoscaler")
)]
pub struct HorizontalPodAutoscaler {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: HorizontalPodAutoscalerSpec,
    /// What is.
    pub status: Option<HorizontalPodAutoscalerStatus>,
}

kind!(
    HorizontalPodAutoscaler,
    "autoscaling",
    "v2beta1",
    "horizontalpodautoscalers",
    NamespaceResourceScope
);

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.HorizontalPodAutoscalerSpec")
)]
pub struct HorizontalPodAutoscalerSpec {
    /// What has the pods.
    pub scale_target_ref: CrossVersionObjectReference,
    /// How many pods at least; 1 if not given.
    pub min_replicas: Option<i32>,
    /// How many pods at most.
    pub max_replicas: i32,
    /// What is measured, and what it is to be.
    pub metrics: Option<Vec<MetricSpec>>,
}

/// What is measured, and what it is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.MetricSpec")
)]
pub struct MetricSpec {
    /// Object, Pods, Resource, ContainerResource or External; the field of that name says more.
    #[serde(rename = "type")]
    pub type_: String,
    /// A metric of one object.
    pub object: Option<ObjectMetricSource>,
    /// A metric of each pod.
    pub pods: Option<PodsMetricSource>,
    /// A resource that containers request.
    pub resource: Option<ResourceMetricSource>,
    /// A resource that one container of each pod requests.
    pub container_resource: Option<ContainerResourceMetricSource>,
    /// A metric of nothing in the cluster.
    pub external: Option<ExternalMetricSource>,
}

/// A metric of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ObjectMetricSource"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ObjectMetricSource")
)]
pub struct ObjectMetricSource {
    /// The object.
    pub target: CrossVersionObjectReference,
    /// The metric.
    pub metric_name: String,
    /// What it is to be.
    pub target_value: Quantity,
    /// Which of the metric's series.
    pub selector: Option<LabelSelector>,
    /// What it is to be, divided by the number of pods.
    pub average_value: Option<Quantity>,
}

/// A metric of each pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase", rename = "v2beta1.PodsMetricSource")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.PodsMetricSource")
)]
pub struct PodsMetricSource {
    /// The metric.
    pub metric_name: String,
    /// What it is to be on average.
    pub target_average_value: Quantity,
    /// Which of the metric's series.
    pub selector: Option<LabelSelector>,
}

/// A resource that containers request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ResourceMetricSource"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ResourceMetricSource")
)]
pub struct ResourceMetricSource {
    /// The resource, such as cpu.
    pub name: String,
    /// What its use is to be on average, in percent of what is requested.
    pub target_average_utilization: Option<i32>,
    /// What its use is to be on average.
    pub target_average_value: Option<Quantity>,
}

/// A resource that one container of each pod requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ContainerResourceMetricSource"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ContainerResourceMetricSource")
)]
pub struct ContainerResourceMetricSource {
    /// The resource, such as cpu.
    pub name: String,
    /// What its use is to be on average, in percent of what is requested.
    pub target_average_utilization: Option<i32>,
    /// What its use is to be on average.
    pub target_average_value: Option<Quantity>,
    /// The container.
    pub container: String,
}

/// A metric of nothing in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ExternalMetricSource"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ExternalMetricSource")
)]
pub struct ExternalMetricSource {
    /// The metric.
    pub metric_name: String,
    /// Which of the metric's series.
    pub metric_selector: Option<LabelSelector>,
    /// What it is to be.
    pub target_value: Option<Quantity>,
    /// What it is to be, divided by the number of pods.
    pub target_average_value: Option<Quantity>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.HorizontalPodAutoscalerStatus")
)]
pub struct HorizontalPodAutoscalerStatus {
    /// The generation that was looked at last.
    pub observed_generation: Option<i64>,
    /// When the number of pods was last changed.
    pub last_scale_time: Option<Time>,
    /// How many pods there are.
    pub current_replicas: i32,
    /// How many there are to be.
    pub desired_replicas: i32,
    /// What was measured.
    pub current_metrics: Option<Vec<MetricStatus>>,
    /// Whether the autoscaler can do its work.
    pub conditions: Option<Vec<HorizontalPodAutoscalerCondition>>,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.MetricStatus")
)]
pub struct MetricStatus {
    /// Object, Pods, Resource, ContainerResource or External; the field of that name says more.
    #[serde(rename = "type")]
    pub type_: String,
    /// A metric of one object.
    pub object: Option<ObjectMetricStatus>,
    /// A metric of each pod.
    pub pods: Option<PodsMetricStatus>,
    /// A resource that containers request.
    pub resource: Option<ResourceMetricStatus>,
    /// A resource that one container of each pod requests.
    pub container_resource: Option<ContainerResourceMetricStatus>,
    /// A metric of nothing in the cluster.
    pub external: Option<ExternalMetricStatus>,
}

/// A metric of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ObjectMetricStatus"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ObjectMetricStatus")
)]
pub struct ObjectMetricStatus {
    /// The object.
    pub target: CrossVersionObjectReference,
    /// The metric.
    pub metric_name: String,
    /// What it is.
    pub current_value: Quantity,
    /// Which of the metric's series.
    pub selector: Option<LabelSelector>,
    /// What it is, divided by the number of pods.
    pub average_value: Option<Quantity>,
}

/// A metric of each pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase", rename = "v2beta1.PodsMetricStatus")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.PodsMetricStatus")
)]
pub struct PodsMetricStatus {
    /// The metric.
    pub metric_name: String,
    /// What it is on average.
    pub current_average_value: Quantity,
    /// Which of the metric's series.
    pub selector: Option<LabelSelector>,
}

/// A resource that containers request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ResourceMetricStatus"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ResourceMetricStatus")
)]
pub struct ResourceMetricStatus {
    /// The resource, such as cpu.
    pub name: String,
    /// What its use is on average, in percent of what is requested.
    pub current_average_utilization: Option<i32>,
    /// What its use is on average.
    pub current_average_value: Quantity,
}

/// A resource that one container of each pod requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ContainerResourceMetricStatus"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ContainerResourceMetricStatus")
)]
pub struct ContainerResourceMetricStatus {
    /// The resource, such as cpu.
    pub name: String,
    /// What its use is on average, in percent of what is requested.
    pub current_average_utilization: Option<i32>,
    /// What its use is on average.
    pub current_average_value: Quantity,
    /// The container.
    pub container: String,
}

/// A metric of nothing in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v2beta1.ExternalMetricStatus"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.autoscaling.v2beta1.ExternalMetricStatus")
)]
pub struct ExternalMetricStatus {
    /// The metric.
    pub metric_name: String,
    /// Which of the metric's series.
    pub metric_selector: Option<LabelSelector>,
    /// What it is.
    pub current_value: Quantity,
    /// What it is, divided by the number of pods.
    pub current_average_value: Option<Quantity>,
}
