//! Objects of any kind as parameters of policies, from the watch cache.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use portcullis_admission::lookup::StoredParams;
use portcullis_api::Status;
use portcullis_api::selector::LabelSelector;
use portcullis_kinds::shared::ResourceRef;
use portcullis_storage::{Entry, ListRequest, ReadAt, Revision, Storage};
use quick_cache::unsync::Cache;
use serde_json::Value;

use crate::catalogues::CurrentCatalogue;
use crate::codec;
use crate::conversion::Conversions;
use crate::errors::unreachable;
use crate::facts::Selection;

/// How many objects are kept parsed, and the largest size of each as JSON.
const KEPT: usize = 256;
const KEPT_BYTES: usize = 64 << 10;

/// An object at a revision, in a version.
type At = (Arc<str>, Revision, String);

/// Finds parameters.
pub struct Params {
    store: Arc<dyn Storage>,
    prefix: String,
    catalogues: Arc<CurrentCatalogue>,
    conversions: Conversions,
    /// Most requests use the same few.
    parsed: Mutex<Cache<At, Arc<Value>>>,
}

impl Params {
    /// For a store whose keys begin with `prefix`.
    pub fn new(
        store: Arc<dyn Storage>,
        prefix: &str,
        catalogues: Arc<CurrentCatalogue>,
        conversions: Conversions,
    ) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            catalogues,
            conversions,
            parsed: Mutex::new(Cache::new(KEPT)),
        }
    }

    fn row(&self, api_version: &str, kind: &str) -> Option<ResourceRef> {
        self.catalogues
            .current()
            .find_kind(api_version, kind)
            .cloned()
    }

    fn collection(&self, row: &ResourceRef, namespace: &str) -> String {
        match namespace {
            "" => format!("{}/{}/", self.prefix, row.storage),
            namespace => format!("{}/{}/{namespace}/", self.prefix, row.storage),
        }
    }

    /// An entry as JSON of a version.
    async fn value(
        &self,
        row: &ResourceRef,
        api_version: &str,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Value>, Status> {
        let at = (entry.key.clone(), entry.revision, api_version.to_owned());
        if let Some(parsed) = self.parsed.lock().get(&at) {
            return Ok(Arc::clone(parsed));
        }
        let view = self.conversions.view(row, api_version, entry).await?;
        let value = match row.strategy.custom() {
            Some(_) => codec::value(&view)?,
            None => {
                let object = codec::object(row, &view)?;
                codec::served(row, api_version, object.as_ref())
            }
        };
        let value = Arc::new(value);
        // for a custom object the result depends on its definition as well
        if entry.value.len() <= KEPT_BYTES && row.strategy.custom().is_none() {
            self.parsed.lock().insert(at, Arc::clone(&value));
        }
        Ok(value)
    }
}

#[async_trait]
impl StoredParams for Params {
    async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Value>>, Status> {
        let Some(row) = self.row(api_version, kind) else {
            return Ok(None);
        };
        let key = format!("{}{name}", self.collection(&row, namespace));
        // the store is read only for a missing one: another server may have just created it
        for at in [ReadAt::NotOlderThan(0), ReadAt::Latest] {
            let found = self.store.get(&key, at).await;
            if let Some(entry) = found.map_err(|e| unreachable(&e))?.entry {
                return self.value(&row, api_version, &entry).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        selector: &LabelSelector,
    ) -> Result<Vec<Arc<Value>>, Status> {
        let Some(row) = self.row(api_version, kind) else {
            return Ok(Vec::new());
        };
        let request = ListRequest {
            at: ReadAt::NotOlderThan(0),
            ..ListRequest::all()
        };
        let collection = self.collection(&row, namespace);
        let page = self.store.list(&collection, &request).await;
        let selection = Selection {
            labels: selector.clone(),
            ..Selection::default()
        };
        let mut values = Vec::new();
        for entry in page.map_err(|e| unreachable(&e))?.entries {
            if selection.matches(&row, &entry)? {
                values.push(self.value(&row, api_version, &entry).await?);
            }
        }
        Ok(values)
    }
}
