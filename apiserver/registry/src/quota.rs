//! The usage of a namespace's quotas, in the store: charged by admission, recounted for a new quota and by
//! the controller.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use portcullis_admission::lookup::QuotaLedger;
use portcullis_admission::quota::{Meter, is_measured};
use portcullis_api::Status;
use portcullis_storage::{Error, ListRequest, ReadAt, Storage};

use crate::catalogues::CurrentCatalogue;
use crate::codec;
use crate::errors::unreachable;
use portcullis_kinds::shared::ResourceRef;
use portcullis_kinds::table;

/// The quotas in a store whose keys begin with `prefix`.
pub struct Ledger {
    store: Arc<dyn Storage>,
    prefix: String,
    catalogues: Arc<CurrentCatalogue>,
}

impl Ledger {
    /// The quotas below a prefix such as `/registry`.
    pub fn new(store: Arc<dyn Storage>, prefix: &str, catalogues: Arc<CurrentCatalogue>) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            catalogues,
        }
    }

    /// The status of a quota, from the current objects of its namespace.
    ///
    /// The caller compares-and-swaps it with an earlier version of the quota; see [`Meter`].
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn recount(&self, quota: &ResourceQuota) -> Result<ResourceQuotaStatus, Status> {
        let namespace = quota.metadata.namespace.as_deref().unwrap_or_default();
        let mut meter = Meter::new(quota);
        let catalogue = self.catalogues.current();
        let kept = |r: &&ResourceRef| r.namespaced && !r.is_review();
        for resource in catalogue.rows().iter().filter(kept) {
            if !meter.counts(resource.group_resource()) {
                continue;
            }
            let prefix = format!("{}/{}/{namespace}/", self.prefix, resource.storage);
            let page = self.store.list(&prefix, &ListRequest::all()).await;
            for entry in page.map_err(|e| unreachable(&e))?.entries {
                // an unreadable object counts as removed
                let Ok(object) = codec::object(resource, &entry) else {
                    continue;
                };
                meter.add(resource.group_resource(), object.as_ref());
            }
        }
        Ok(meter.status())
    }

    async fn read(&self, quota: &ResourceQuota) -> Result<Option<ResourceQuota>, Status> {
        let found = self.store.get(&self.key(quota), ReadAt::Latest).await;
        let Some(entry) = found.map_err(|e| unreachable(&e))?.entry else {
            return Ok(None);
        };
        let object = codec::object(table::RESOURCE_QUOTAS, &entry)?;
        Ok(object.as_kind::<ResourceQuota>().cloned())
    }

    fn key(&self, quota: &ResourceQuota) -> String {
        let namespace = quota.metadata.namespace.as_deref().unwrap_or_default();
        let name = quota.metadata.name.as_deref().unwrap_or_default();
        let kind = table::RESOURCE_QUOTAS.storage;
        format!("{}/{kind}/{namespace}/{name}", self.prefix)
    }
}

#[async_trait]
impl QuotaLedger for Ledger {
    async fn charge(&self, quota: ResourceQuota) -> Result<bool, Status> {
        let version = quota.metadata.resource_version.as_deref();
        let Some(revision) = version.and_then(|v| v.parse().ok()) else {
            return Ok(false);
        };
        let key = self.key(&quota);
        let bytes = codec::encode(table::RESOURCE_QUOTAS, Box::new(quota));
        match self.store.compare_and_swap(&key, revision, bytes).await {
            Ok(_) => Ok(true),
            Err(Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn measure(&self, quota: &ResourceQuota) -> Result<Option<Arc<ResourceQuota>>, Status> {
        // Another server may have done it since: its result is not overwritten.
        while let Some(mut current) = self.read(quota).await? {
            if is_measured(&current) {
                return Ok(Some(Arc::new(current)));
            }
            current.status = Some(self.recount(&current).await?);
            self.charge(current).await?;
        }
        Ok(None)
    }
}
