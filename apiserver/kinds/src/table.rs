//! The kind table: every resource the server serves. Adding a kind starts here.
//!
//! Names, group, version and scope come from the kind's type; a row states what differs from an
//! ordinary resource (upstream: `pkg/registry/<group>/rest/*.go` and each kind's `storage.go`).

mod named;

use portcullis_api::Verb;

pub use self::named::*;
use super::kinds::api_service::ApiServiceStrategy;
use super::kinds::authentication::{SelfSubjectReviewStrategy, TokenReviewStrategy};
use super::kinds::binding::BindingStrategy;
use super::kinds::certificate_signing_request::CertificateSigningRequestStrategy;
use super::kinds::component_status::ComponentStatusStrategy;
use super::kinds::config_map::ConfigMapStrategy;
use super::kinds::controller_revision::ControllerRevisionStrategy;
use super::kinds::cron_job::CronJobStrategy;
use super::kinds::csi_driver::CsiDriverStrategy;
use super::kinds::csi_node::CsiNodeStrategy;
use super::kinds::csi_storage_capacity::CsiStorageCapacityStrategy;
use super::kinds::custom_resource_definition::CustomResourceDefinitionStrategy;
use super::kinds::daemon_set::DaemonSetStrategy;
use super::kinds::deployment::DeploymentRules;
use super::kinds::endpoint_slice::EndpointSliceStrategy;
use super::kinds::endpoint_slice::v1beta1::V1Beta1 as EndpointSliceV1Beta1;
use super::kinds::endpoints::EndpointsStrategy;
use super::kinds::event::EventStrategy;
use super::kinds::event::v1::{API_VERSION as EVENTS_V1, EventsV1};
use super::kinds::horizontal_pod_autoscaler::HorizontalPodAutoscalerStrategy;
use super::kinds::horizontal_pod_autoscaler::v1::V1 as HorizontalPodAutoscalerV1;
use super::kinds::ingress::IngressStrategy;
use super::kinds::ingress_class::IngressClassStrategy;
use super::kinds::job::JobStrategy;
use super::kinds::lease::LeaseStrategy;
use super::kinds::limit_range::LimitRangeStrategy;
use super::kinds::mutating_admission_policy::MutatingAdmissionPolicyStrategy;
use super::kinds::mutating_admission_policy_binding::MutatingAdmissionPolicyBindingStrategy;
use super::kinds::namespace::NamespaceStrategy;
use super::kinds::network_policy::NetworkPolicyStrategy;
use super::kinds::node::NodeStrategy;
use super::kinds::persistent_volume::PersistentVolumeStrategy;
use super::kinds::persistent_volume_claim::PersistentVolumeClaimStrategy;
use super::kinds::pod::PodStrategy;
use super::kinds::pod_disruption_budget::{self, PodDisruptionBudgetStrategy};
use super::kinds::pod_security_policy::PodSecurityPolicyStrategy;
use super::kinds::pod_template::PodTemplateStrategy;
use super::kinds::priority_class::PriorityClassStrategy;
use super::kinds::rbac::{
    CLUSTER_ROLE_BINDING_STRATEGY, ClusterRoleStrategy, ROLE_BINDING_STRATEGY, RoleStrategy,
};
use super::kinds::replica_set::ReplicaSetStrategy;
use super::kinds::replication_controller::ReplicationControllerStrategy;
use super::kinds::resource_quota::ResourceQuotaStrategy;
use super::kinds::review::{
    LocalSubjectAccessReviewStrategy, SelfSubjectAccessReviewStrategy,
    SelfSubjectRulesReviewStrategy, SubjectAccessReviewStrategy,
};
use super::kinds::runtime_class::RuntimeClassStrategy;
use super::kinds::secret::SecretStrategy;
use super::kinds::service::ServiceStrategy;
use super::kinds::service_account::ServiceAccountStrategy;
use super::kinds::stateful_set::StatefulSetStrategy;
use super::kinds::storage_class::StorageClassStrategy;
use super::kinds::validating_admission_policy::ValidatingAdmissionPolicyStrategy;
use super::kinds::validating_admission_policy_binding::ValidatingAdmissionPolicyBindingStrategy;
use super::kinds::volume_attachment::VolumeAttachmentStrategy;
use super::kinds::webhook_configuration::{MUTATING, VALIDATING};
use super::resource::{CREATE_ONLY, ONE_BY_ONE, Resource, SCALE, Subresource, proxy, status};
use super::version::Served;

/// All resources, in the order discovery lists their groups, and in a group by name.
pub static RESOURCES: &[Resource] = ROWS;

const ROWS: &[Resource] = &[
    Resource::namespaced(&BindingStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&ComponentStatusStrategy)
        .short_names(&["cs"])
        .verbs(&[Verb::Get, Verb::List]),
    Resource::namespaced(&ConfigMapStrategy).short_names(&["cm"]),
    Resource::namespaced(&EndpointsStrategy)
        .short_names(&["ep"])
        .stored_as("services/endpoints")
        .created_by_put(),
    Resource::namespaced(&EventStrategy)
        .also(&[
            Served::converted::<EventsV1>(EVENTS_V1),
            Served::converted::<EventsV1>("events.k8s.io/v1beta1").warning(
                "events.k8s.io/v1beta1 Event is deprecated in v1.22+, unavailable in v1.25+",
            ),
        ])
        .short_names(&["ev"])
        .created_by_put(),
    Resource::namespaced(&LimitRangeStrategy)
        .short_names(&["limits"])
        .created_by_put(),
    Resource::cluster(&NamespaceStrategy)
        .short_names(&["ns"])
        .verbs(ONE_BY_ONE)
        .subresources(&[
            Subresource {
                name: "finalize",
                kind: "Namespace",
                group_version: None,
                verbs: &[Verb::Update],
            },
            status("Namespace"),
        ]),
    Resource::cluster(&NodeStrategy)
        .short_names(&["no"])
        .stored_as("minions")
        .subresources(&[proxy("NodeProxyOptions"), status("Node")]),
    Resource::namespaced(&PersistentVolumeClaimStrategy)
        .short_names(&["pvc"])
        .subresources(&[status("PersistentVolumeClaim")]),
    Resource::cluster(&PersistentVolumeStrategy)
        .short_names(&["pv"])
        .subresources(&[status("PersistentVolume")]),
    Resource::namespaced(&PodStrategy)
        .short_names(&["po"])
        .categories(&["all"])
        .subresources(&[
            stream("attach", "PodAttachOptions"),
            action("binding", "Binding", None),
            Subresource {
                name: "ephemeralcontainers",
                ..status("Pod")
            },
            action("eviction", "Eviction", Some("policy/v1")),
            stream("exec", "PodExecOptions"),
            Subresource {
                verbs: &[Verb::Get],
                ..stream("log", "Pod")
            },
            stream("portforward", "PodPortForwardOptions"),
            proxy("PodProxyOptions"),
            status("Pod"),
        ]),
    Resource::namespaced(&PodTemplateStrategy),
    Resource::namespaced(&ReplicationControllerStrategy)
        .short_names(&["rc"])
        .categories(&["all"])
        .stored_as("controllers")
        .subresources(&[SCALE, status("ReplicationController")]),
    Resource::namespaced(&ResourceQuotaStrategy)
        .short_names(&["quota"])
        .subresources(&[status("ResourceQuota")]),
    Resource::namespaced(&SecretStrategy),
    Resource::namespaced(&ServiceAccountStrategy)
        .short_names(&["sa"])
        .subresources(&[action(
            "token",
            "TokenRequest",
            Some("authentication.k8s.io/v1"),
        )]),
    Resource::namespaced(&ServiceStrategy)
        .short_names(&["svc"])
        .categories(&["all"])
        .stored_as("services/specs")
        .subresources(&[proxy("ServiceProxyOptions"), status("Service")]),
    Resource::cluster(&CustomResourceDefinitionStrategy)
        .short_names(&["crd", "crds"])
        .categories(&["api-extensions"])
        .stored_as("apiextensions.k8s.io/customresourcedefinitions")
        .subresources(&[status("CustomResourceDefinition")])
        .changed_by_version(),
    Resource::cluster(&ApiServiceStrategy)
        .categories(&["api-extensions"])
        .stored_as("apiregistration.k8s.io/apiservices")
        .subresources(&[status("APIService")])
        .changed_by_version(),
    Resource::namespaced(&ControllerRevisionStrategy),
    Resource::namespaced(&DaemonSetStrategy)
        .short_names(&["ds"])
        .categories(&["all"])
        .subresources(&[status("DaemonSet")]),
    Resource::namespaced(&DeploymentRules)
        .short_names(&["deploy"])
        .categories(&["all"])
        .subresources(&[SCALE, status("Deployment")]),
    Resource::namespaced(&ReplicaSetStrategy)
        .short_names(&["rs"])
        .categories(&["all"])
        .subresources(&[SCALE, status("ReplicaSet")]),
    Resource::namespaced(&StatefulSetStrategy)
        .short_names(&["sts"])
        .categories(&["all"])
        .subresources(&[SCALE, status("StatefulSet")]),
    Resource::cluster(&SelfSubjectReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&TokenReviewStrategy).verbs(CREATE_ONLY),
    Resource::namespaced(&LocalSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectRulesReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::namespaced(&HorizontalPodAutoscalerStrategy)
        .also(&[
            Served::converted::<HorizontalPodAutoscalerV1>("autoscaling/v1"),
            Served::label("autoscaling/v2beta2").warning(
                "autoscaling/v2beta2 HorizontalPodAutoscaler is deprecated in v1.23+, unavailable in v1.26+; use autoscaling/v2 HorizontalPodAutoscaler",
            ),
        ])
        .short_names(&["hpa"])
        .categories(&["all"])
        .subresources(&[status("HorizontalPodAutoscaler")]),
    Resource::namespaced(&CronJobStrategy)
        .also(&[Served::label("batch/v1beta1").warning(
            "batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob",
        )])
        .short_names(&["cj"])
        .categories(&["all"])
        .subresources(&[status("CronJob")]),
    Resource::namespaced(&JobStrategy)
        .categories(&["all"])
        .subresources(&[status("Job")]),
    Resource::cluster(&IngressClassStrategy),
    Resource::namespaced(&IngressStrategy)
        .short_names(&["ing"])
        .subresources(&[status("Ingress")])
        .stored_as("ingress"),
    Resource::namespaced(&NetworkPolicyStrategy).short_names(&["netpol"]),
    Resource::namespaced(&PodDisruptionBudgetStrategy)
        .also(&[Served::converted::<pod_disruption_budget::V1Beta1>(
            "policy/v1beta1",
        )
        .warning(
            "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget",
        )])
        .short_names(&["pdb"])
        .subresources(&[status("PodDisruptionBudget")])
        .changed_by_version(),
    Resource::cluster(&PodSecurityPolicyStrategy)
        .also(&[Served::label("extensions/v1beta1")])
        .short_names(&["psp"])
        .stored_as("podsecuritypolicy"),
    Resource::cluster(&CLUSTER_ROLE_BINDING_STRATEGY).created_by_put(),
    Resource::cluster(&ClusterRoleStrategy).created_by_put(),
    Resource::namespaced(&ROLE_BINDING_STRATEGY).created_by_put(),
    Resource::namespaced(&RoleStrategy).created_by_put(),
    Resource::cluster(&CsiDriverStrategy).changed_by_version(),
    Resource::cluster(&CsiNodeStrategy).changed_by_version(),
    Resource::namespaced(&CsiStorageCapacityStrategy)
        .also(&[Served::label("storage.k8s.io/v1beta1").warning(
            "storage.k8s.io/v1beta1 CSIStorageCapacity is deprecated in v1.24+, unavailable in v1.27+; use storage.k8s.io/v1 CSIStorageCapacity",
        )])
        .changed_by_version(),
    Resource::cluster(&StorageClassStrategy).short_names(&["sc"]),
    Resource::cluster(&VolumeAttachmentStrategy)
        .subresources(&[status("VolumeAttachment")])
        .changed_by_version(),
    Resource::cluster(&MutatingAdmissionPolicyStrategy)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&MutatingAdmissionPolicyBindingStrategy)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&MUTATING)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&ValidatingAdmissionPolicyStrategy)
        .categories(&["api-extensions"])
        .subresources(&[status("ValidatingAdmissionPolicy")])
        .changed_by_version(),
    Resource::cluster(&ValidatingAdmissionPolicyBindingStrategy)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&VALIDATING)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&RuntimeClassStrategy)
        .also(&[Served::label("node.k8s.io/v1beta1").warning(
            "node.k8s.io/v1beta1 RuntimeClass is deprecated in v1.22+, unavailable in v1.25+",
        )])
        .changed_by_version(),
    Resource::cluster(&CertificateSigningRequestStrategy)
        .short_names(&["csr"])
        .subresources(&[
            Subresource {
                name: "approval",
                ..status("CertificateSigningRequest")
            },
            status("CertificateSigningRequest"),
        ]),
    Resource::cluster(&PriorityClassStrategy).short_names(&["pc"]),
    Resource::namespaced(&LeaseStrategy)
        .created_by_put()
        .changed_by_version(),
    Resource::namespaced(&EndpointSliceStrategy).also(&[
        Served::converted::<EndpointSliceV1Beta1>("discovery.k8s.io/v1beta1").warning(
            "discovery.k8s.io/v1beta1 EndpointSlice is deprecated in v1.21+, unavailable in v1.25+; use discovery.k8s.io/v1 EndpointSlice",
        ),
    ]),
];

const fn row(group: &str, plural: &str) -> &'static Resource {
    let mut at = 0;
    while at < ROWS.len() {
        let row = &ROWS[at];
        if same(row.group, group) && same(row.plural, plural) {
            return row;
        }
        at += 1;
    }
    panic!("no such row")
}

/// `==`, which is not const.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The resource of that plural in a group version, such as `pods` in `v1`.
pub fn find(api_version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.plural == plural && r.api_versions().any(|v| v == api_version))
}

/// A subresource that something is posted to.
const fn action(
    name: &'static str,
    kind: &'static str,
    group_version: Option<&'static str>,
) -> Subresource {
    Subresource {
        name,
        kind,
        group_version,
        verbs: &[Verb::Create],
    }
}

/// A subresource that connects a client to a container.
const fn stream(name: &'static str, kind: &'static str) -> Subresource {
    Subresource {
        name,
        kind,
        group_version: None,
        verbs: &[Verb::Create, Verb::Get],
    }
}

#[cfg(test)]
mod tests;
