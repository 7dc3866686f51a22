//! The kind table: every built-in resource. Adding a kind starts here.
//!
//! Names, group, version and scope come from the kind's type; a row has the differences from an ordinary
//! resource (upstream: `pkg/registry/<group>/rest/*.go` and each kind's `storage.go`).

mod find;
mod named;
mod versions;

use portcullis_api::Verb;

pub use self::find::find;
pub use self::named::*;
use super::kinds::api_service::ApiServiceStrategy;
use super::kinds::authentication::{SelfSubjectReviewStrategy, TokenReviewStrategy};
use super::kinds::binding::BindingStrategy;
use super::kinds::certificate_signing_request::CertificateSigningRequestStrategy;
use super::kinds::cluster_trust_bundle::ClusterTrustBundleStrategy;
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
use super::kinds::devices::claim::ResourceClaimStrategy;
use super::kinds::devices::claim_template::ResourceClaimTemplateStrategy;
use super::kinds::devices::class::DeviceClassStrategy;
use super::kinds::devices::slice::ResourceSliceStrategy;
use super::kinds::devices::taint_rule::DeviceTaintRuleStrategy;
use super::kinds::endpoint_slice::EndpointSliceStrategy;
use super::kinds::endpoints::EndpointsStrategy;
use super::kinds::event::EventStrategy;
use super::kinds::flow_schema::FlowSchemaStrategy;
use super::kinds::horizontal_pod_autoscaler::HorizontalPodAutoscalerStrategy;
use super::kinds::ingress::IngressStrategy;
use super::kinds::ingress_class::IngressClassStrategy;
use super::kinds::ip_address::IpAddressStrategy;
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
use super::kinds::pod_disruption_budget::PodDisruptionBudgetStrategy;
use super::kinds::pod_security_policy::PodSecurityPolicyStrategy;
use super::kinds::pod_template::PodTemplateStrategy;
use super::kinds::priority_class::PriorityClassStrategy;
use super::kinds::priority_level_configuration::PriorityLevelConfigurationStrategy;
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
use super::kinds::service_cidr::ServiceCidrStrategy;
use super::kinds::stateful_set::StatefulSetStrategy;
use super::kinds::storage_class::StorageClassStrategy;
use super::kinds::storage_version_migration::StorageVersionMigrationStrategy;
use super::kinds::validating_admission_policy::ValidatingAdmissionPolicyStrategy;
use super::kinds::validating_admission_policy_binding::ValidatingAdmissionPolicyBindingStrategy;
use super::kinds::volume_attachment::VolumeAttachmentStrategy;
use super::kinds::volume_attributes_class::VolumeAttributesClassStrategy;
use super::kinds::webhook_configuration::{MUTATING, VALIDATING};
use super::resource::{CREATE_ONLY, ONE_BY_ONE, Resource, SCALE, Subresource, proxy, status};

/// All resources, in the order discovery lists their groups, and in a group by name.
pub static RESOURCES: &[Resource] = &ROWS;

/// A static, not a constant: every crate that refers to a row of a constant compiles the code of all kinds
/// again.
static ROWS: [Resource; 70] = [
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
        .also(versions::EVENTS)
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
        .also(versions::DAEMON_SETS)
        .short_names(&["ds"])
        .categories(&["all"])
        .subresources(&[status("DaemonSet")]),
    Resource::namespaced(&DeploymentRules)
        .also(versions::DEPLOYMENTS)
        .short_names(&["deploy"])
        .categories(&["all"])
        .subresources(&[SCALE, status("Deployment")]),
    Resource::namespaced(&ReplicaSetStrategy)
        .also(versions::REPLICA_SETS)
        .short_names(&["rs"])
        .categories(&["all"])
        .subresources(&[SCALE, status("ReplicaSet")]),
    Resource::namespaced(&StatefulSetStrategy)
        .also(versions::STATEFUL_SETS)
        .short_names(&["sts"])
        .categories(&["all"])
        .subresources(&[SCALE, status("StatefulSet")]),
    Resource::cluster(&SelfSubjectReviewStrategy)
        .since(28)
        .verbs(CREATE_ONLY),
    Resource::cluster(&TokenReviewStrategy).verbs(CREATE_ONLY),
    Resource::namespaced(&LocalSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectRulesReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::namespaced(&HorizontalPodAutoscalerStrategy)
        .also(versions::HORIZONTAL_POD_AUTOSCALERS)
        .since(23)
        .short_names(&["hpa"])
        .categories(&["all"])
        .subresources(&[status("HorizontalPodAutoscaler")]),
    Resource::namespaced(&CronJobStrategy)
        .also(versions::CRON_JOBS)
        .since(21)
        .short_names(&["cj"])
        .categories(&["all"])
        .subresources(&[status("CronJob")]),
    Resource::namespaced(&JobStrategy)
        .categories(&["all"])
        .subresources(&[status("Job")]),
    Resource::cluster(&IngressClassStrategy).also(versions::INGRESS_CLASSES),
    Resource::namespaced(&IngressStrategy)
        .also(versions::INGRESSES)
        .short_names(&["ing"])
        .subresources(&[status("Ingress")])
        .stored_as("ingress"),
    Resource::namespaced(&NetworkPolicyStrategy)
        .also(versions::NETWORK_POLICIES)
        .short_names(&["netpol"]),
    Resource::namespaced(&PodDisruptionBudgetStrategy)
        .also(versions::POD_DISRUPTION_BUDGETS)
        .since(21)
        .short_names(&["pdb"])
        .subresources(&[status("PodDisruptionBudget")])
        .changed_by_version(),
    Resource::cluster(&PodSecurityPolicyStrategy)
        .also(versions::POD_SECURITY_POLICIES)
        .until(25)
        .short_names(&["psp"])
        .stored_as("podsecuritypolicy"),
    Resource::cluster(&CLUSTER_ROLE_BINDING_STRATEGY)
        .also(versions::CLUSTER_ROLE_BINDINGS)
        .created_by_put(),
    Resource::cluster(&ClusterRoleStrategy)
        .also(versions::CLUSTER_ROLES)
        .created_by_put(),
    Resource::namespaced(&ROLE_BINDING_STRATEGY)
        .also(versions::ROLE_BINDINGS)
        .created_by_put(),
    Resource::namespaced(&RoleStrategy)
        .also(versions::ROLES)
        .created_by_put(),
    Resource::cluster(&CsiDriverStrategy)
        .also(versions::CSI_DRIVERS)
        .changed_by_version(),
    Resource::cluster(&CsiNodeStrategy)
        .also(versions::CSI_NODES)
        .changed_by_version(),
    Resource::namespaced(&CsiStorageCapacityStrategy)
        .also(versions::CSI_STORAGE_CAPACITIES)
        .since(24)
        .changed_by_version(),
    Resource::cluster(&StorageClassStrategy)
        .also(versions::STORAGE_CLASSES)
        .short_names(&["sc"]),
    Resource::cluster(&VolumeAttachmentStrategy)
        .also(versions::VOLUME_ATTACHMENTS)
        .subresources(&[status("VolumeAttachment")])
        .changed_by_version(),
    Resource::cluster(&MutatingAdmissionPolicyStrategy)
        .since(36)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&MutatingAdmissionPolicyBindingStrategy)
        .since(36)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&MUTATING)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&ValidatingAdmissionPolicyStrategy)
        .since(30)
        .categories(&["api-extensions"])
        .subresources(&[status("ValidatingAdmissionPolicy")])
        .changed_by_version(),
    Resource::cluster(&ValidatingAdmissionPolicyBindingStrategy)
        .since(30)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&VALIDATING)
        .categories(&["api-extensions"])
        .changed_by_version(),
    Resource::cluster(&RuntimeClassStrategy)
        .also(versions::RUNTIME_CLASSES)
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
    Resource::cluster(&PriorityClassStrategy)
        .also(versions::PRIORITY_CLASSES)
        .short_names(&["pc"]),
    Resource::namespaced(&LeaseStrategy)
        .also(versions::LEASES)
        .created_by_put()
        .changed_by_version(),
    Resource::namespaced(&EndpointSliceStrategy)
        .also(versions::ENDPOINT_SLICES)
        .since(21),
    Resource::cluster(&ClusterTrustBundleStrategy)
        .since(37)
        .changed_by_version(),
    Resource::cluster(&IpAddressStrategy)
        .since(33)
        .short_names(&["ip"])
        .changed_by_version(),
    Resource::cluster(&ServiceCidrStrategy)
        .since(33)
        .subresources(&[status("ServiceCIDR")])
        .changed_by_version(),
    Resource::cluster(&VolumeAttributesClassStrategy)
        .since(34)
        .short_names(&["vac"])
        .changed_by_version(),
    Resource::cluster(&FlowSchemaStrategy)
        .also(versions::FLOW_SCHEMAS)
        .since(29)
        .subresources(&[status("FlowSchema")]),
    Resource::cluster(&PriorityLevelConfigurationStrategy)
        .also(versions::PRIORITY_LEVELS)
        .since(29)
        .subresources(&[status("PriorityLevelConfiguration")]),
    Resource::cluster(&DeviceClassStrategy).since(34),
    Resource::cluster(&DeviceTaintRuleStrategy)
        .since(37)
        .subresources(&[status("DeviceTaintRule")])
        .changed_by_version(),
    Resource::namespaced(&ResourceClaimStrategy)
        .since(34)
        .subresources(&[status("ResourceClaim")]),
    Resource::namespaced(&ResourceClaimTemplateStrategy).since(34),
    Resource::cluster(&ResourceSliceStrategy).since(34),
    Resource::cluster(&StorageVersionMigrationStrategy)
        .since(37)
        .subresources(&[status("StorageVersionMigration")])
        .changed_by_version(),
];

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
