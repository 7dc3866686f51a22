//! The versions of the table's resources besides the stored ones, each with the releases that serve it.
//!
//! Upstream: `+k8s:prerelease-lifecycle-gen` in the types of `k8s.io/api`.

use crate::kinds::endpoint_slice::v1beta1::V1Beta1 as EndpointSliceV1Beta1;
use crate::kinds::event::v1::{API_VERSION as EVENTS_V1, EventsV1};
use crate::kinds::horizontal_pod_autoscaler::v1::V1 as HorizontalPodAutoscalerV1;
use crate::kinds::horizontal_pod_autoscaler::v2beta1::V2Beta1 as HorizontalPodAutoscalerV2Beta1;
use crate::kinds::ingress::v1beta1::V1Beta1 as IngressV1Beta1;
use crate::kinds::pod_disruption_budget::V1Beta1 as PodDisruptionBudgetV1Beta1;
use crate::kinds::priority_level_configuration::v1beta2::{V1Beta2, V1Beta3};
use crate::kinds::workload::v1beta1::{
    AppsDeployment, AppsStatefulSet, ExtensionsDaemonSet, ExtensionsDeployment,
    ExtensionsReplicaSet,
};
use crate::version::Served;

pub(super) const CLUSTER_ROLES: &[Served] = &[Served::label("rbac.authorization.k8s.io/v1beta1")
    .until(22)
    .deprecated(17, "rbac.authorization.k8s.io/v1 ClusterRole")];

pub(super) const CLUSTER_ROLE_BINDINGS: &[Served] =
    &[Served::label("rbac.authorization.k8s.io/v1beta1")
        .until(22)
        .deprecated(17, "rbac.authorization.k8s.io/v1 ClusterRoleBinding")];

pub(super) const CRON_JOBS: &[Served] = &[Served::label("batch/v1beta1")
    .orphaning()
    .until(25)
    .deprecated(21, "batch/v1 CronJob")];

pub(super) const CSI_DRIVERS: &[Served] = &[Served::label("storage.k8s.io/v1beta1")
    .until(22)
    .deprecated(19, "storage.k8s.io/v1 CSIDriver")];

pub(super) const CSI_NODES: &[Served] = &[Served::label("storage.k8s.io/v1beta1")
    .until(22)
    .deprecated(17, "storage.k8s.io/v1 CSINode")];

pub(super) const CSI_STORAGE_CAPACITIES: &[Served] = &[Served::label("storage.k8s.io/v1beta1")
    .since(21)
    .until(27)
    .deprecated(24, "storage.k8s.io/v1 CSIStorageCapacity")];

pub(super) const DAEMON_SETS: &[Served] = &[
    Served::label("apps/v1beta2")
        .orphaning()
        .until(16)
        .deprecated(9, "apps/v1 DaemonSet"),
    Served::converted::<ExtensionsDaemonSet>("extensions/v1beta1")
        .orphaning()
        .until(16)
        .deprecated(8, "apps/v1 DaemonSet"),
];

pub(super) const DEPLOYMENTS: &[Served] = &[
    Served::converted::<AppsDeployment>("apps/v1beta1")
        .orphaning()
        .until(16)
        .deprecated(8, "apps/v1 Deployment"),
    Served::label("apps/v1beta2")
        .orphaning()
        .until(16)
        .deprecated(9, "apps/v1 Deployment"),
    Served::converted::<ExtensionsDeployment>("extensions/v1beta1")
        .orphaning()
        .until(16)
        .deprecated(8, "apps/v1 Deployment"),
];

pub(super) const ENDPOINT_SLICES: &[Served] =
    &[
        Served::converted::<EndpointSliceV1Beta1>("discovery.k8s.io/v1beta1")
            .until(25)
            .deprecated(21, "discovery.k8s.io/v1 EndpointSlice"),
    ];

pub(super) const EVENTS: &[Served] = &[
    Served::converted::<EventsV1>(EVENTS_V1),
    Served::converted::<EventsV1>("events.k8s.io/v1beta1")
        .until(25)
        .deprecated(22, ""),
];

pub(super) const FLOW_SCHEMAS: &[Served] = &[
    Served::label("flowcontrol.apiserver.k8s.io/v1beta3")
        .since(26)
        .until(32)
        .deprecated(29, "flowcontrol.apiserver.k8s.io/v1 FlowSchema"),
    Served::label("flowcontrol.apiserver.k8s.io/v1beta2")
        .since(23)
        .until(29)
        .deprecated(26, "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"),
    Served::label("flowcontrol.apiserver.k8s.io/v1beta1")
        .since(20)
        .until(26)
        .deprecated(23, "flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema"),
];

pub(super) const HORIZONTAL_POD_AUTOSCALERS: &[Served] = &[
    Served::converted::<HorizontalPodAutoscalerV1>("autoscaling/v1"),
    Served::converted::<HorizontalPodAutoscalerV2Beta1>("autoscaling/v2beta1")
        .until(25)
        .deprecated(22, "autoscaling/v2 HorizontalPodAutoscaler"),
    Served::label("autoscaling/v2beta2")
        .until(26)
        .deprecated(23, "autoscaling/v2 HorizontalPodAutoscaler"),
];

pub(super) const INGRESSES: &[Served] = &[
    Served::converted::<IngressV1Beta1>("networking.k8s.io/v1beta1")
        .until(22)
        .deprecated(19, "networking.k8s.io/v1 Ingress"),
    Served::converted::<IngressV1Beta1>("extensions/v1beta1")
        .until(22)
        .deprecated(14, "networking.k8s.io/v1 Ingress"),
];

pub(super) const INGRESS_CLASSES: &[Served] = &[Served::label("networking.k8s.io/v1beta1")
    .until(22)
    .deprecated(19, "networking.k8s.io/v1 IngressClassList")];

pub(super) const LEASES: &[Served] = &[Served::label("coordination.k8s.io/v1beta1")
    .until(22)
    .deprecated(19, "coordination.k8s.io/v1 Lease")];

pub(super) const NETWORK_POLICIES: &[Served] = &[Served::label("extensions/v1beta1")
    .until(16)
    .deprecated(9, "networking.k8s.io/v1 NetworkPolicy")];

pub(super) const POD_DISRUPTION_BUDGETS: &[Served] = &[Served::converted::<
    PodDisruptionBudgetV1Beta1,
>("policy/v1beta1")
.until(25)
.deprecated(21, "policy/v1 PodDisruptionBudget")];

pub(super) const POD_SECURITY_POLICIES: &[Served] =
    &[Served::label("extensions/v1beta1").until(16)];

pub(super) const PRIORITY_CLASSES: &[Served] = &[Served::label("scheduling.k8s.io/v1beta1")
    .until(22)
    .deprecated(14, "scheduling.k8s.io/v1 PriorityClass")];

pub(super) const PRIORITY_LEVELS: &[Served] = &[
    Served::converted::<V1Beta3>("flowcontrol.apiserver.k8s.io/v1beta3")
        .since(26)
        .until(32)
        .deprecated(
            29,
            "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration",
        ),
    Served::converted::<V1Beta2>("flowcontrol.apiserver.k8s.io/v1beta2")
        .since(23)
        .until(29)
        .deprecated(
            26,
            "flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration",
        ),
    Served::converted::<V1Beta2>("flowcontrol.apiserver.k8s.io/v1beta1")
        .since(20)
        .until(26)
        .deprecated(
            23,
            "flowcontrol.apiserver.k8s.io/v1beta2 PriorityLevelConfiguration",
        ),
];

pub(super) const REPLICA_SETS: &[Served] = &[
    Served::label("apps/v1beta2")
        .orphaning()
        .until(16)
        .deprecated(9, "apps/v1 ReplicaSet"),
    Served::converted::<ExtensionsReplicaSet>("extensions/v1beta1")
        .orphaning()
        .until(16)
        .deprecated(8, "apps/v1 ReplicaSet"),
];

pub(super) const ROLES: &[Served] = &[Served::label("rbac.authorization.k8s.io/v1beta1")
    .until(22)
    .deprecated(17, "rbac.authorization.k8s.io/v1 Role")];

pub(super) const ROLE_BINDINGS: &[Served] = &[Served::label("rbac.authorization.k8s.io/v1beta1")
    .until(22)
    .deprecated(17, "rbac.authorization.k8s.io/v1 RoleBinding")];

pub(super) const RUNTIME_CLASSES: &[Served] = &[Served::label("node.k8s.io/v1beta1")
    .until(25)
    .deprecated(22, "")];

pub(super) const STATEFUL_SETS: &[Served] = &[
    Served::converted::<AppsStatefulSet>("apps/v1beta1")
        .orphaning()
        .until(16)
        .deprecated(8, "apps/v1 StatefulSet"),
    Served::label("apps/v1beta2")
        .orphaning()
        .until(16)
        .deprecated(9, "apps/v1 StatefulSet"),
];

pub(super) const STORAGE_CLASSES: &[Served] = &[Served::label("storage.k8s.io/v1beta1")
    .until(22)
    .deprecated(19, "storage.k8s.io/v1 StorageClass")];

pub(super) const VOLUME_ATTACHMENTS: &[Served] = &[Served::label("storage.k8s.io/v1beta1")
    .until(22)
    .deprecated(19, "storage.k8s.io/v1 VolumeAttachment")];
