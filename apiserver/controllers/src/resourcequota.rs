//! Recounts the usage of quotas, which admission only ever raises
//! (upstream: `pkg/controller/resourcequota`).
//!
//! A charge is in the status before its object is in the store. So lower usage is written only if the quota
//! has not changed for a while: every charge in it has had that time to become an object, or never will.
//! Higher usage is written immediately.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use parking_lot::Mutex;
use portcullis_api::quantity::Quantity;
use portcullis_api::{Backoff, Object, Status, UserInfo};
use portcullis_storage::{Entry, Event, ListRequest, ReadAt, Revision};
use tokio::time::Instant;

use crate::edit::edit_any;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::quota::Ledger;
use portcullis_registry::{Place, Registry, Scope, codec};

/// How long a quota must have been unchanged.
const STILL: Duration = Duration::from_millis(500);
/// How often everything is recounted (upstream: `--resource-quota-sync-period`).
const RESYNC: Duration = Duration::from_secs(5 * 60);
/// A recount that takes long is followed by a pause of so many times that duration.
const PACE: u32 = 20;
/// The pause before a watch that ended is started again: the first one, and the longest.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// A watch that lasted so long does not count as a failure.
const SOUND: Duration = Duration::from_secs(60);

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let counter = Counter {
        ledger: Ledger::new(
            registry.storage().clone(),
            registry.root().trim_end_matches('/'),
            registry.catalogues().clone(),
        ),
        queue: Queue::patient_for(STILL).counted("resourcequota_primary", registry.work_queues()),
        registry,
        user: UserInfo::service_account("kube-system", "resourcequota-controller"),
        quotas: Mutex::default(),
        still: Mutex::default(),
    };
    tokio::join!(counter.follow(), counter.work());
}

struct Counter {
    registry: Arc<Registry>,
    ledger: Ledger,
    user: UserInfo,
    /// The keys of the quotas, by namespace.
    quotas: Mutex<HashMap<String, BTreeSet<Arc<str>>>>,
    /// Since when a quota whose usage is lower than its status has been at its revision.
    still: Mutex<HashMap<Arc<str>, (Revision, Instant)>>,
    queue: Queue,
}

impl Counter {
    async fn follow(&self) {
        let mut pause = PAUSE;
        loop {
            let begun = Instant::now();
            if let Err(error) = self.watch().await {
                tracing::debug!(%error, "quotas are read again");
            }
            if begun.elapsed() > SOUND {
                pause.reset();
            }
            tokio::time::sleep(pause.pause()).await;
        }
    }

    /// Reads all quotas, and processes changes, until the watch ends.
    async fn watch(&self) -> portcullis_storage::Result<()> {
        let storage = self.registry.storage();
        let prefix = self.registry.collection_key(table::RESOURCE_QUOTAS, "");
        let page = storage.list(&prefix, &ListRequest::all()).await?;
        self.quotas.lock().clear();
        for entry in &page.entries {
            self.know(&entry.key);
        }
        let mut changes = storage.watch(&self.registry.root(), page.revision).await?;
        let mut resync = tokio::time::interval(RESYNC);
        loop {
            tokio::select! {
                change = changes.next() => match change.transpose()? {
                    Some(event) => self.see(&event),
                    None => return Ok(()),
                },
                _ = resync.tick() => self.recount_all(),
            }
        }
    }

    fn recount_all(&self) {
        for key in self.quotas.lock().values().flatten() {
            self.queue.add(key.clone(), Duration::ZERO);
        }
    }

    fn see(&self, event: &Event) {
        let Some(place) = event.key().and_then(|key| self.registry.place(key)) else {
            return;
        };
        let is_quota = place.resource.storage == table::RESOURCE_QUOTAS.storage;
        match event {
            Event::Put { entry, .. } if is_quota => {
                self.know(&entry.key);
                self.queue.add(entry.key.clone(), Duration::ZERO);
            }
            Event::Delete { previous, .. } if is_quota => self.forget(&previous.key),
            Event::Put {
                entry,
                previous: Some(previous),
                ..
            } if gives_back(&place, entry, previous) => {
                self.recount(place.namespace);
            }
            Event::Delete { .. } => self.recount(place.namespace),
            Event::Put { .. } | Event::Progress(_) => {}
        }
    }

    fn know(&self, key: &Arc<str>) {
        if let Some(place) = self.registry.place(key) {
            let mut quotas = self.quotas.lock();
            let quotas = quotas.entry(place.namespace.to_owned()).or_default();
            quotas.insert(key.clone());
        }
    }

    fn forget(&self, key: &str) {
        if let Some(place) = self.registry.place(key) {
            let mut quotas = self.quotas.lock();
            if let Some(keys) = quotas.get_mut(place.namespace) {
                keys.remove(key);
                if keys.is_empty() {
                    quotas.remove(place.namespace);
                }
            }
        }
    }

    fn recount(&self, namespace: &str) {
        for key in self.quotas.lock().get(namespace).into_iter().flatten() {
            self.queue.add(key.clone(), STILL / 5);
        }
    }

    async fn work(&self) {
        // One after the other, so that a large recount leaves time for everything else.
        self.queue
            .serve(1, |key| async move {
                let begun = Instant::now();
                let counted = self.count(&key).await;
                tokio::time::sleep((begun.elapsed() * PACE).min(RESYNC)).await;
                if let Err(status) = &counted
                    && status.code == 404
                {
                    self.still.lock().remove(&key);
                }
                counted
            })
            .await;
    }

    /// Recounts a quota; `false` if it is too early to write lower usage.
    async fn count(&self, key: &Arc<str>) -> Result<bool, Status> {
        let Some(Place {
            resource,
            namespace,
            name,
        }) = self.registry.place(key)
        else {
            return Ok(true);
        };
        let scope = Scope::all(&resource, &self.user).named(namespace, name);
        let entry = self.registry.get(&scope, ReadAt::Latest).await?;
        let object = codec::object(&resource, &entry)?;
        let Some(quota) = object.as_kind::<ResourceQuota>() else {
            return Ok(true);
        };
        let status = self.ledger.recount(quota).await?;
        let known = quota.status.clone().unwrap_or_default();
        if !same(&known, &status) {
            if is_less(&status, &known) && !self.stands_still(key, entry.revision) {
                return Ok(false);
            }
            self.write(&scope, entry.revision, &status).await?;
        }
        self.still.lock().remove(key);
        Ok(true)
    }

    /// Whether a quota has been at this revision for long enough.
    fn stands_still(&self, key: &Arc<str>, revision: Revision) -> bool {
        let now = Instant::now();
        let mut still = self.still.lock();
        let (at, since) = still.entry(key.clone()).or_insert((revision, now));
        if *at != revision {
            (*at, *since) = (revision, now);
        }
        *since + STILL <= now
    }

    /// Writes a status, unless the quota has changed since.
    async fn write(
        &self,
        scope: &Scope<'_>,
        expected: Revision,
        status: &ResourceQuotaStatus,
    ) -> Result<(), Status> {
        let scope = Scope {
            subresource: "status",
            ..*scope
        };
        let change = |object: &mut dyn Object| {
            object.metadata_mut().resource_version = Some(expected.to_string());
            if let Some(quota) = object.as_kind_mut::<ResourceQuota>() {
                quota.status = Some(status.clone());
            }
            Ok(())
        };
        edit_any(&self.registry, &scope, change).await.map(drop)
    }
}

/// Whether an object uses less than before, without having been deleted: a pod has ended, or a field has
/// changed that quotas measure (upstream: `pkg/controller/resourcequota/replenishment_controller.go` and the
/// evaluators' `UpdateFilter`).
fn gives_back(place: &Place<'_>, entry: &Entry, previous: &Entry) -> bool {
    let ended = |entry: &Entry| {
        let text = std::str::from_utf8(&entry.value).unwrap_or_default();
        text.contains(r#""phase":"Succeeded""#) || text.contains(r#""phase":"Failed""#)
    };
    match (place.resource.group, place.resource.plural) {
        ("", "pods") => ended(entry) && !ended(previous),
        ("", "persistentvolumeclaims" | "services") => true,
        _ => false,
    }
}

fn amount(of: &k8s_openapi::apimachinery::pkg::api::resource::Quantity) -> Option<Quantity> {
    Quantity::parse(&of.0).ok()
}

fn same(one: &ResourceQuotaStatus, other: &ResourceQuotaStatus) -> bool {
    let read = |status: &ResourceQuotaStatus| {
        [&status.hard, &status.used].map(|amounts| {
            let amounts = amounts.iter().flatten();
            amounts
                .map(|(name, of)| (name.clone(), amount(of)))
                .collect::<Vec<_>>()
        })
    };
    read(one) == read(other)
}

/// Whether any common resource is used less.
fn is_less(new: &ResourceQuotaStatus, old: &ResourceQuotaStatus) -> bool {
    let used = |status: &ResourceQuotaStatus, name: &str| {
        status
            .used
            .as_ref()
            .and_then(|used| used.get(name))
            .and_then(amount)
    };
    let mut names = new.used.iter().flatten().map(|(name, _)| name);
    names.any(|name| match (used(new, name), used(old, name)) {
        (Some(new), Some(old)) => new < old,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

    use super::*;

    fn status(hard: &str, used: &str) -> ResourceQuotaStatus {
        let amounts = |text: &str| Some([("cpu".to_owned(), Written(text.to_owned()))].into());
        ResourceQuotaStatus {
            hard: amounts(hard),
            used: amounts(used),
        }
    }

    #[test]
    fn amounts_compare_in_any_notation() {
        assert!(same(&status("1", "500m"), &status("1000m", "0.5")));
        assert!(!same(&status("1", "500m"), &status("2", "500m")));
        assert!(!same(&status("1", "500m"), &status("1", "499m")));
    }

    #[test]
    fn lower_usage_is_distinguished_from_higher() {
        assert!(is_less(&status("1", "499m"), &status("1", "0.5")));
        assert!(!is_less(&status("1", "500m"), &status("1", "0.5")));
        assert!(!is_less(&status("1", "1"), &status("1", "0.5")));
        assert!(!is_less(&status("1", "0"), &ResourceQuotaStatus::default()));
    }
}
