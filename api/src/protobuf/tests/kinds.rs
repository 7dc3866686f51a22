//! The names of fields in the table are those of the types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use serde::de::DeserializeOwned;

use super::*;
use crate::decode::decode;
use crate::psp::PodSecurityPolicy;

fn all_known<T: DeserializeOwned>(api_version: &str, kind: &str) {
    let value = read(&populated_kind(api_version, kind)).unwrap();
    let decoded = decode::<T>(&value).unwrap_or_else(|e| panic!("{api_version} {kind}: {e}"));
    let none: [&str; 0] = [];
    assert_eq!(decoded.unknown_fields, none, "{api_version} {kind}");
}

macro_rules! all_known {
    ($($version:literal $group:ident $v:ident: $($kind:ident)+;)*) => {
        $($(all_known::<k8s_openapi::api::$group::$v::$kind>($version, stringify!($kind));)+)*
    };
}

#[test]
fn a_kind_with_every_field_set_has_no_unknown_fields() {
    all_known! {
        "v1" core v1: Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
            PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service
            ServiceAccount;
        "admissionregistration.k8s.io/v1" admissionregistration v1: MutatingAdmissionPolicy
            MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
            ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration;
        "apps/v1" apps v1: ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet;
        "apps/v1beta2" apps v1: DaemonSet Deployment ReplicaSet StatefulSet;
        "authentication.k8s.io/v1" authentication v1: SelfSubjectReview TokenRequest TokenReview;
        "authorization.k8s.io/v1" authorization v1: LocalSubjectAccessReview
            SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview;
        "autoscaling/v1" autoscaling v1: HorizontalPodAutoscaler Scale;
        "autoscaling/v2" autoscaling v2: HorizontalPodAutoscaler;
        "autoscaling/v2beta2" autoscaling v2: HorizontalPodAutoscaler;
        "batch/v1" batch v1: CronJob Job;
        "batch/v1beta1" batch v1: CronJob;
        "certificates.k8s.io/v1" certificates v1: CertificateSigningRequest ClusterTrustBundle;
        "coordination.k8s.io/v1" coordination v1: Lease;
        "coordination.k8s.io/v1beta1" coordination v1: Lease;
        "discovery.k8s.io/v1" discovery v1: EndpointSlice;
        "events.k8s.io/v1" events v1: Event;
        "events.k8s.io/v1beta1" events v1: Event;
        "flowcontrol.apiserver.k8s.io/v1" flowcontrol v1: FlowSchema PriorityLevelConfiguration;
        "flowcontrol.apiserver.k8s.io/v1beta1" flowcontrol v1: FlowSchema;
        "flowcontrol.apiserver.k8s.io/v1beta2" flowcontrol v1: FlowSchema;
        "flowcontrol.apiserver.k8s.io/v1beta3" flowcontrol v1: FlowSchema
            PriorityLevelConfiguration;
        "networking.k8s.io/v1" networking v1: IPAddress Ingress IngressClass NetworkPolicy
            ServiceCIDR;
        "networking.k8s.io/v1beta1" networking v1: IngressClass;
        "node.k8s.io/v1" node v1: RuntimeClass;
        "node.k8s.io/v1beta1" node v1: RuntimeClass;
        "policy/v1" policy v1: Eviction PodDisruptionBudget;
        "policy/v1beta1" policy v1: Eviction PodDisruptionBudget;
        "rbac.authorization.k8s.io/v1" rbac v1: ClusterRole ClusterRoleBinding Role RoleBinding;
        "rbac.authorization.k8s.io/v1beta1" rbac v1: ClusterRole ClusterRoleBinding Role RoleBinding;
        "resource.k8s.io/v1" resource v1: DeviceClass DeviceTaintRule ResourceClaim
            ResourceClaimTemplate ResourceSlice;
        "scheduling.k8s.io/v1" scheduling v1: PriorityClass;
        "scheduling.k8s.io/v1beta1" scheduling v1: PriorityClass;
        "storage.k8s.io/v1" storage v1: CSIDriver CSINode CSIStorageCapacity StorageClass
            VolumeAttachment VolumeAttributesClass;
        "storage.k8s.io/v1beta1" storage v1: CSIDriver CSINode CSIStorageCapacity StorageClass
            VolumeAttachment;
        "storagemigration.k8s.io/v1" storagemigration v1: StorageVersionMigration;
    }
    all_known::<APIService>("apiregistration.k8s.io/v1", "APIService");
    all_known::<PodSecurityPolicy>("policy/v1beta1", "PodSecurityPolicy");
    all_known::<PodSecurityPolicy>("extensions/v1beta1", "PodSecurityPolicy");
    all_known::<DeleteOptions>("v1", "DeleteOptions");
}
