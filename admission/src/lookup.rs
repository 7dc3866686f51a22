//! What plugins read from the cluster, and the services they use; `apiserver` implements it.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use portcullis_api::{GroupResource, Status};

use crate::hooks::Webhooks;
use crate::permissions::Permissions;
use crate::podsecuritypolicy::PolicyIndex;

/// Cached objects of one kind. The namespace is empty for cluster-scoped kinds.
#[async_trait]
pub trait Lookup<K>: Send + Sync + 'static {
    /// The object from the cache, which may be stale.
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>>;

    /// All objects of a namespace from the cache, sorted by name.
    fn list(&self, namespace: &str) -> Vec<Arc<K>>;

    /// The object from the store.
    ///
    /// # Errors
    /// A [`Status`] if the store fails.
    async fn get_live(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status>;
}

/// The resource by which a kind is served.
#[derive(Clone, Copy, Debug)]
pub struct KindServed {
    /// The resource.
    pub resource: GroupResource<'static>,
    /// Whether its objects are namespaced.
    pub is_namespaced: bool,
}

/// Finds the resource of a kind by its API version and name; `None` if it is not served.
pub type ResourceOf = Arc<dyn Fn(&str, &str) -> Option<KindServed> + Send + Sync>;

/// Objects of one kind that are read from the store on demand, because keeping all of them decoded
/// would cost too much memory. The namespace is empty for cluster-scoped kinds.
#[async_trait]
pub trait Stored<K>: Send + Sync + 'static {
    /// The objects of a namespace, sorted by name.
    ///
    /// # Errors
    /// A [`Status`] if the store fails.
    async fn list(&self, namespace: &str) -> Result<Vec<Arc<K>>, Status>;

    /// The object of that name, if it exists.
    ///
    /// # Errors
    /// A [`Status`] if the store fails.
    async fn get(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status>;
}

/// Stores the usage of quotas.
#[async_trait]
pub trait QuotaLedger: Send + Sync + 'static {
    /// Stores a quota's new `status.used`; `false` if its `resourceVersion` is stale or the quota
    /// was deleted.
    ///
    /// # Errors
    /// A [`Status`] if the store fails.
    async fn charge(&self, quota: ResourceQuota) -> Result<bool, Status>;

    /// Calculates the usage of a quota whose status lacks it, and stores it there. Returns the
    /// updated quota, or `None` if it was deleted.
    ///
    /// # Errors
    /// A [`Status`] if the store fails.
    async fn measure(&self, quota: &ResourceQuota) -> Result<Option<Arc<ResourceQuota>>, Status>;
}

/// A lookup that finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObjects;

#[async_trait]
impl<K: Send + Sync + 'static> Lookup<K> for NoObjects {
    fn get(&self, _: &str, _: &str) -> Option<Arc<K>> {
        None
    }

    fn list(&self, _: &str) -> Vec<Arc<K>> {
        Vec::new()
    }

    async fn get_live(&self, _: &str, _: &str) -> Result<Option<Arc<K>>, Status> {
        Ok(None)
    }
}

#[async_trait]
impl<K: Send + Sync + 'static> Stored<K> for NoObjects {
    async fn list(&self, _: &str) -> Result<Vec<Arc<K>>, Status> {
        Ok(Vec::new())
    }

    async fn get(&self, _: &str, _: &str) -> Result<Option<Arc<K>>, Status> {
        Ok(None)
    }
}

#[async_trait]
impl QuotaLedger for NoObjects {
    async fn charge(&self, _: ResourceQuota) -> Result<bool, Status> {
        Ok(false)
    }

    async fn measure(&self, _: &ResourceQuota) -> Result<Option<Arc<ResourceQuota>>, Status> {
        Ok(None)
    }
}

/// All lookups of the plugins.
#[derive(Clone)]
#[allow(
    missing_debug_implementations,
    reason = "the server's lookups do not implement it"
)]
pub struct Lookups {
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
    pub policies: Arc<PolicyIndex>,
    /// For `MutatingAdmissionWebhook` and `ValidatingAdmissionWebhook`: the webhooks, which the server
    /// keeps up to date.
    pub webhooks: Arc<Webhooks>,
    /// For match conditions of webhooks, which may ask about any; for `PodSecurityPolicy`: `use` of policies; for `CertificateApproval` and
    /// `CertificateSigning`: `approve` and `sign` for signers; for
    /// `OwnerReferencesPermissionEnforcement`: `delete`, and `update` of finalizers.
    pub permissions: Arc<dyn Permissions>,
    /// For `OwnerReferencesPermissionEnforcement`: the resources of owners.
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
            ingress_classes: none,
            policies: Arc::default(),
            webhooks: Arc::default(),
            permissions,
            resource_of: Arc::new(|_, _| None),
            generate_name,
        }
    }
}
