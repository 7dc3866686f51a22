//! What plugins read from the cluster, and the services they use. `apiserver/registry` implements these traits.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ResourceQuota;
use portcullis_api::selector::LabelSelector;
use portcullis_api::{GroupResource, Status};
use serde_json::Value;

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

/// Objects of any kind, as parameters of policies: from the cache, which may be stale.
#[async_trait]
pub trait StoredParams: Send + Sync + 'static {
    /// The object of a kind in a version, if it exists.
    ///
    /// # Errors
    /// A [`Status`] if it cannot be read.
    async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Value>>, Status>;

    /// The objects of a namespace that a selector selects.
    ///
    /// # Errors
    /// A [`Status`] if one cannot be read.
    async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        selector: &LabelSelector,
    ) -> Result<Vec<Arc<Value>>, Status>;
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
impl StoredParams for NoObjects {
    async fn get(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<Arc<Value>>, Status> {
        Ok(None)
    }

    async fn list(
        &self,
        _: &str,
        _: &str,
        _: &str,
        _: &LabelSelector,
    ) -> Result<Vec<Arc<Value>>, Status> {
        Ok(Vec::new())
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
