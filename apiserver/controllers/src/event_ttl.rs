//! Deletes old events (upstream: etcd's leases, `--event-ttl`).
//!
//! This works alike on both stores: an event contains the time it was written, so nothing has to be kept
//! beside it, and a start or a takeover loses nothing. A pass reads what is in memory anyway, at most sixty
//! times in the life of an event.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use portcullis_api::backoff::jittered;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::{Entry, ReadAt};
use serde::Deserialize;

use crate::bootstrap;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope};

/// How many passes there are in the life of an event.
const PASSES: u32 = 60;
/// How many events are deleted concurrently.
const AT_ONCE: usize = 16;
/// After how many events other tasks get their turn.
const BATCH: usize = 500;

/// Runs until the server stops; does nothing if events do not expire.
pub async fn run(registry: Arc<Registry>, ttl: Duration) {
    if ttl.is_zero() {
        return std::future::pending().await;
    }
    let user = bootstrap::system();
    let pause = (ttl / PASSES).max(Duration::from_millis(100));
    let queue = Queue::default().counted("event_ttl", registry.work_queues());
    let watch = async {
        loop {
            let next = match pass(&registry, &user, ttl, &queue).await {
                Ok(next) => next.max(pause),
                Err(status) => {
                    let error = status.message;
                    tracing::warn!(error, "old events could not be listed");
                    jittered(pause * 2)
                }
            };
            tokio::time::sleep(next).await;
        }
    };
    let work = queue.serve(AT_ONCE, |key| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { attempt(&registry, &user, ttl, &key).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

/// Deletes expired events; returns the time until the next one expires. Events written meanwhile expire
/// later.
/// than that.
async fn pass(
    registry: &Registry,
    user: &UserInfo,
    ttl: Duration,
    queue: &Queue,
) -> Result<Duration, Status> {
    let scope = Scope::all(table::EVENTS, user);
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::NotOlderThan(0),
        limit: 0,
        continues: None,
    };
    let entries = registry.list(&scope, &query).await?.entries;
    let now = Timestamp::now();
    let mut next = ttl;
    for batch in entries.chunks(BATCH) {
        for entry in batch {
            match left(entry, ttl, now) {
                Some(left) => next = next.min(left),
                None => queue.add_unless_known(entry.key.clone()),
            }
        }
        tokio::task::yield_now().await;
    }
    Ok(next)
}

/// Deletes an event, if it is still expired.
async fn attempt(
    registry: &Registry,
    user: &UserInfo,
    ttl: Duration,
    key: &str,
) -> Result<(), Status> {
    let Some(place) = registry.place(key) else {
        return Ok(());
    };
    let found = registry.storage().get(key, ReadAt::NotOlderThan(0)).await;
    let found = found.map_err(|error| Status::unavailable(error.to_string()))?;
    let Some(entry) = found.entry else {
        return Ok(());
    };
    if left(&entry, ttl, Timestamp::now()).is_some() {
        return Ok(());
    }
    let options = DeleteOptions {
        // Not if it happened again meanwhile.
        resource_version: Some(entry.revision.to_string()),
        ..DeleteOptions::default()
    };
    let scope = Scope::all(table::EVENTS, user).named(place.namespace, place.name);
    match registry.delete(&scope, &options).await {
        Err(status) if !matches!(status.code, 404 | 409) => Err(status),
        _ => Ok(()),
    }
}

/// The remaining time of an event; `None` if it is over, or if the event has no time.
fn left(entry: &Entry, ttl: Duration, now: Timestamp) -> Option<Duration> {
    let left = ttl.checked_sub(age(written(entry)?, now))?;
    (!left.is_zero()).then_some(left)
}

fn age(written: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(written).try_into().unwrap_or_default()
}

/// When an event was last written, by the server's clock: the time of its newest field manager, or its
/// creation time. `None` if it has neither.
fn written(entry: &Entry) -> Option<Timestamp> {
    let event: Event = serde_json::from_slice(&entry.value).ok()?;
    let managed = event
        .metadata
        .managed_fields
        .into_iter()
        .filter_map(|m| m.time);
    managed
        .chain(event.metadata.creation_timestamp)
        .map(|time| time.0)
        .max()
}

/// The fields of an event from which its time is read.
#[derive(Deserialize)]
struct Event {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    creation_timestamp: Option<Time>,
    #[serde(default)]
    managed_fields: Vec<Managed>,
}

#[derive(Deserialize)]
struct Managed {
    #[serde(default)]
    time: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(metadata: &str) -> Arc<Entry> {
        let json = format!(r#"{{"kind":"Event","apiVersion":"v1","metadata":{metadata}}}"#);
        Entry::new("/registry/events/default/e", json.into_bytes().into(), 1)
    }

    #[test]
    fn an_event_is_as_old_as_its_last_write() {
        let made = r#"{"creationTimestamp":"2024-01-01T00:00:00Z"}"#;
        let again = r#"{"creationTimestamp":"2024-01-01T00:00:00Z","managedFields":[
            {"manager":"a","time":"2024-01-01T00:30:00Z"},{"manager":"b"}]}"#;
        let text = |metadata| written(&entry(metadata)).map(|at| at.to_string());
        assert_eq!(text(made).unwrap(), "2024-01-01T00:00:00Z");
        assert_eq!(text(again).unwrap(), "2024-01-01T00:30:00Z");
        assert_eq!(text("{}"), None);
    }

    #[test]
    fn an_event_from_the_future_is_new() {
        let now = Timestamp::now();
        assert_eq!(age(now + Duration::from_secs(5), now), Duration::ZERO);
        assert_eq!(
            age(now - Duration::from_secs(5), now),
            Duration::from_secs(5)
        );
    }
}
