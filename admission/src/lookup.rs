//! What plugins may read of the cluster, and whom they may ask; `apiserver` implements it.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use portcullis_api::{GroupResource, Status};

use crate::permissions::Permissions;
use crate::podsecuritypolicy::PolicyIndex;

/// Objects of one kind. Cluster-scoped kinds have the empty namespace.
#[async_trait]
pub trait Lookup<K>: Send + Sync + 'static {
    /// The object as memory has it, which may lag behind the store.
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>>;

    /// All objects of a namespace as memory has them, by name.
    fn list(&self, namespace: &str) -> Vec<Arc<K>>;

    /// The object as the store has it now.
    ///
    /// # Errors
    /// A [`Status`] if the store cannot say.
    async fn get_live(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status>;
}

/// What objects of a kind are served as.
#[derive(Clone, Copy, Debug)]
pub struct KindServed {
    /// The resource.
    pub resource: GroupResource<'static>,
    /// Whether each is in a namespace.
    pub is_namespaced: bool,
}

/// Finds what a kind is served as, by its API version and name.
pub type ResourceOf = Arc<dyn Fn(&str, &str) -> Option<KindServed> + Send + Sync>;

/// Objects of one kind as the store has them, read when somebody asks: nobody keeps all of them
/// decoded. Cluster-scoped kinds have the empty namespace.
#[async_trait]
pub trait Stored<K>: Send + Sync + 'static {
    /// The objects of a namespace, by name.
    ///
    /// # Errors
    /// A [`Status`] if the store cannot say.
    async fn list(&self, namespace: &str) -> Result<Vec<Arc<K>>, Status>;

    /// One object.
    ///
    /// # Errors
    /// A [`Status`] if the store cannot say.
    async fn get(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status>;
}

/// Where quotas are charged.
#[async_trait]
pub trait QuotaLedger: Send + Sync + 'static {
    /// Stores a quota's new `status.used`; `false` if the quota is no longer at its
    /// `resourceVersion`, or gone.
    ///
    /// # Errors
    /// A [`Status`] if the store cannot say.
    async fn charge(&self, quota: ResourceQuota) -> Result<bool, Status>;

    /// Counts what a quota's namespace uses and stores that as the quota's status, which does not
    /// speak of it yet; the quota as it is then, if it is still there.
    ///
    /// # Errors
    /// A [`Status`] if the store cannot say.
    async fn measure(&self, quota: &ResourceQuota) -> Result<Option<Arc<ResourceQuota>>, Status>;
}

/// A kind of which the server has no objects.
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

/// Everything the plugins look up.
#[derive(Clone)]
#[allow(
    missing_debug_implementations,
    reason = "the server's lookups need none"
)]
pub struct Lookups {
    /// For `NamespaceLifecycle` and everything that reads a namespace's labels or annotations.
    pub namespaces: Arc<dyn Lookup<Namespace>>,
    /// For `PodSecurity`, which warns of pods that a namespace's new level would refuse, and for
    /// `NodeRestriction`.
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
    /// For `ResourceQuota`: where usage is charged.
    pub quota_ledger: Arc<dyn QuotaLedger>,
    /// For `DefaultStorageClass`.
    pub storage_classes: Arc<dyn Lookup<StorageClass>>,
    /// For `DefaultIngressClass`.
    pub ingress_classes: Arc<dyn Lookup<IngressClass>>,
    /// For `PodSecurityPolicy`: the policies, which the server feeds.
    pub policies: Arc<PolicyIndex>,
    /// For `PodSecurityPolicy`: who may use them; for `CertificateApproval` and
    /// `CertificateSigning`: who may speak for which signer; for
    /// `OwnerReferencesPermissionEnforcement`: who may delete and hold up what.
    pub permissions: Arc<dyn Permissions>,
    /// For `OwnerReferencesPermissionEnforcement`: what owners are.
    pub resource_of: ResourceOf,
    /// How the server makes a name of a beginning, for the volumes that `ServiceAccount` adds.
    pub generate_name: fn(&str) -> String,
}

impl Lookups {
    /// Lookups that find nothing, to name only those there are:
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
            permissions,
            resource_of: Arc::new(|_, _| None),
            generate_name,
        }
    }
}
