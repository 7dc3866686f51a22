//! The store: how long it takes, and what is in it.
//!
//! Upstream: `k8s.io/apiserver/pkg/storage/etcd3/metrics/metrics.go`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_storage::{
    Entry, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch,
};
use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntGaugeVec, Opts};

use super::requests::SECONDS;
use crate::audit::latency;

const VALID: &str = "these names are valid";

/// Metrics of the store. Clones count together.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    durations: HistogramVec,
    objects: IntGaugeVec,
    resource_objects: IntGaugeVec,
}

impl StoreMetrics {
    /// Metrics that have counted nothing.
    pub fn new() -> Self {
        let durations = HistogramOpts::new(
            "etcd_request_duration_seconds",
            "Times that requests to the store took in seconds, by operation and type of object.",
        );
        let durations = durations.buckets(SECONDS.to_vec());
        let objects = "Objects in the store, by resource; -1 if they cannot be counted.";
        let storage_objects = Opts::new("apiserver_storage_objects", objects);
        let resource_objects = Opts::new("apiserver_resource_objects", objects);
        Self {
            durations: HistogramVec::new(durations, &["operation", "type"]).expect(VALID),
            objects: IntGaugeVec::new(storage_objects, &["resource"]).expect(VALID),
            resource_objects: IntGaugeVec::new(resource_objects, &["group", "resource"])
                .expect(VALID),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.durations.clone()),
            Box::new(self.objects.clone()),
            Box::new(self.resource_objects.clone()),
        ]
    }

    /// Counts the objects of every kind that is kept; those of definitions that are gone are forgotten.
    pub(super) async fn count(&self, catalogue: &Catalogue, objects: &Objects) {
        self.objects.reset();
        self.resource_objects.reset();
        for row in catalogue.rows().iter().filter(|row| !row.is_review()) {
            let count = objects.count(row).await;
            self.objects.with_label_values(&[&of(row)]).set(count);
            self.resource_objects
                .with_label_values(&[row.group, row.plural])
                .set(count);
        }
    }
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A resource with its group, as upstream's `GroupResource` is written: `deployments.apps`.
fn of(row: &Resource) -> String {
    match row.group {
        "" => row.plural.to_owned(),
        group => format!("{}.{group}", row.plural),
    }
}

/// Where objects are counted.
pub struct Objects {
    /// The store, or the cache in front of it.
    pub storage: Arc<dyn Storage>,
    /// What keys begin with.
    pub prefix: String,
}

impl Objects {
    async fn count(&self, row: &Resource) -> i64 {
        let collection = format!("{}/{}/", self.prefix, row.storage);
        let one = ListRequest {
            at: ReadAt::NotOlderThan(0),
            limit: 1,
            after: None,
        };
        let page = self.storage.list(&collection, &one).await;
        let count = page.map(|page| page.entries.len().saturating_add(page.remaining));
        count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// What a store is asked to do, by upstream's names.
const OPERATIONS: [&str; 5] = ["create", "get", "list", "update", "delete"];

/// A store whose times are measured.
pub struct Timed {
    store: Arc<dyn Storage>,
    prefix: String,
    metrics: StoreMetrics,
    /// Of the rows of the table, by what their keys begin with.
    built_in: HashMap<&'static str, Cells>,
}

/// The durations of one type of object, made when they first occur, and then found without a lock.
#[derive(Default)]
struct Cells {
    resource: String,
    durations: [OnceLock<Histogram>; OPERATIONS.len()],
}

impl Timed {
    /// A store whose keys begin with a prefix, such as `/registry`.
    pub fn new(store: Arc<dyn Storage>, prefix: &str, metrics: StoreMetrics) -> Self {
        let rows = table::RESOURCES.iter().filter(|row| !row.is_review());
        let cells = rows.map(|row| {
            let cells = Cells {
                resource: of(row),
                ..Cells::default()
            };
            (row.storage, cells)
        });
        Self {
            store,
            prefix: prefix.to_owned(),
            metrics,
            built_in: cells.collect(),
        }
    }

    fn took(&self, operation: &'static str, key: &str, begun: Instant) {
        let took = begun.elapsed();
        latency::took(latency::Stage::Storage, took);
        let took = took.as_secs_f64();
        let rest = key.strip_prefix(&self.prefix).unwrap_or(key);
        let rest = rest.trim_start_matches('/');
        let slashes = rest.match_indices('/').map(|(at, _)| at);
        let mut beginnings = slashes.take(2).filter_map(|at| rest.get(..at));
        let durations = &self.metrics.durations;
        let make = |resource: &str| durations.with_label_values(&[operation, resource]);
        match beginnings.find_map(|beginning| self.built_in.get(beginning)) {
            Some(cells) => {
                let mut of_operation = OPERATIONS.iter().zip(&cells.durations);
                if let Some((_, cell)) = of_operation.find(|(name, _)| **name == operation) {
                    cell.get_or_init(|| make(&cells.resource)).observe(took);
                }
            }
            // the keys of custom objects begin with group and plural; there are as many as rows
            None => {
                let mut words = rest.split('/');
                let (group, plural) = (words.next(), words.next());
                let resource = group
                    .zip(plural)
                    .map(|(group, plural)| format!("{plural}.{group}"));
                make(&resource.unwrap_or_default()).observe(took);
            }
        }
    }
}

#[async_trait]
impl Storage for Timed {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        let begun = Instant::now();
        let created = self.store.create(key, value).await;
        self.took("create", key, begun);
        created
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        let begun = Instant::now();
        let found = self.store.get(key, at).await;
        self.took("get", key, begun);
        found
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        let begun = Instant::now();
        let page = self.store.list(prefix, request).await;
        self.took("list", prefix, begun);
        page
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        let begun = Instant::now();
        let swapped = self.store.compare_and_swap(key, expected, value).await;
        self.took("update", key, begun);
        swapped
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        let begun = Instant::now();
        let deleted = self.store.delete(key, expected).await;
        self.took("delete", key, begun);
        deleted
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        self.store.watch(prefix, after).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.store.revision().await
    }

    fn known_revision(&self) -> Option<Revision> {
        self.store.known_revision()
    }

    async fn writable(&self) -> Result<()> {
        self.store.writable().await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.store.compact(revision).await
    }
}
