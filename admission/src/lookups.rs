//! All that plugins look up, in one place.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;

use crate::configuration::Configuration;
use crate::hooks::Webhooks;
use crate::lookup::{Lookup, NoObjects, QuotaLedger, ResourceOf, Stored, StoredParams};
use crate::metrics::CallbackMetrics;
use crate::permissions::Permissions;
use crate::podsecuritypolicy::PodSecurityPolicyIndex;
use crate::policies::{MutatingPolicies, ValidatingPolicies};

/// All lookups of the plugins.
#[derive(Clone)]
#[allow(
    missing_debug_implementations,
    reason = "the server's lookups do not implement it"
)]
pub struct Lookups {
    /// What a file says of plugins.
    pub configuration: Arc<Configuration>,
    /// For `NamespaceLifecycle`, and plugins that read a namespace's labels or annotations.
    pub namespaces: Arc<dyn Lookup<Namespace>>,
    /// For `PodSecurity`, which warns of existing pods that violate a namespace's new level, and
    /// for `NodeRestriction`.
    pub pods: Arc<dyn Stored<Pod>>,
    /// For `NodeRestriction`.
    pub nodes: Arc<dyn Stored<Node>>,
    /// For `ServiceAccount`.
    pub service_accounts: Arc<dyn Lookup<ServiceAccount>>,
    /// For `Priority`.
    pub priority_classes: Arc<dyn Lookup<PriorityClass>>,
    /// For `RuntimeClass`.
    pub runtime_classes: Arc<dyn Lookup<RuntimeClass>>,
    /// For `LimitRanger`.
    pub limit_ranges: Arc<dyn Lookup<LimitRange>>,
    /// For `ResourceQuota`.
    pub resource_quotas: Arc<dyn Lookup<ResourceQuota>>,
    /// For `ResourceQuota`.
    pub quota_ledger: Arc<dyn QuotaLedger>,
    /// For `DefaultStorageClass`.
    pub storage_classes: Arc<dyn Lookup<StorageClass>>,
    /// For `DefaultIngressClass`.
    pub ingress_classes: Arc<dyn Lookup<IngressClass>>,
    /// For `PodSecurityPolicy`: the policies, which the server keeps up to date.
    pub pod_security_policies: Arc<PodSecurityPolicyIndex>,
    /// For `MutatingAdmissionWebhook` and `ValidatingAdmissionWebhook`: the webhooks, which the server
    /// keeps up to date.
    pub webhooks: Arc<Webhooks>,
    /// For `ValidatingAdmissionPolicy`: the policies, which the server keeps up to date.
    pub validating_policies: Arc<ValidatingPolicies>,
    /// For `MutatingAdmissionPolicy`: the policies, which the server keeps up to date.
    pub mutating_policies: Arc<MutatingPolicies>,
    /// What webhooks and policies are counted with.
    pub metrics: CallbackMetrics,
    /// For policies of both sorts: their parameters.
    pub params: Arc<dyn StoredParams>,
    /// For expressions of webhooks and policies: any permission; for `PodSecurityPolicy`: `use` of policies;
    /// for `CertificateApproval` and `CertificateSigning`: `approve` and `sign` for signers; for
    /// `OwnerReferencesPermissionEnforcement`: `delete`, and `update` of finalizers.
    pub permissions: Arc<dyn Permissions>,
    /// For `OwnerReferencesPermissionEnforcement`: the resources of owners; for policies: those of
    /// parameters.
    pub resource_of: ResourceOf,
    /// Appends a random suffix to a prefix, to name the volumes that `ServiceAccount` adds.
    pub generate_name: fn(&str) -> String,
}

impl Lookups {
    /// Lookups that find nothing, as a base for struct update syntax:
    /// `Lookups { namespaces, ..Lookups::nothing(permissions, generate_name) }`.
    pub fn nothing(permissions: Arc<dyn Permissions>, generate_name: fn(&str) -> String) -> Self {
        let none = Arc::new(NoObjects);
        Self {
            configuration: Arc::default(),
            namespaces: none.clone(),
            pods: none.clone(),
            nodes: none.clone(),
            service_accounts: none.clone(),
            priority_classes: none.clone(),
            runtime_classes: none.clone(),
            limit_ranges: none.clone(),
            resource_quotas: none.clone(),
            quota_ledger: none.clone(),
            storage_classes: none.clone(),
            ingress_classes: none.clone(),
            params: none,
            validating_policies: Arc::default(),
            mutating_policies: Arc::default(),
            metrics: CallbackMetrics::default(),
            pod_security_policies: Arc::default(),
            webhooks: Arc::default(),
            permissions,
            resource_of: Arc::new(|_, _| None),
            generate_name,
        }
    }
}
