//! A range of numbers, each of which is given out once by all servers that share the store.
//!
//! Upstream: `pkg/registry/core/service/allocator/storage/storage.go`. The set of taken numbers is one
//! object, changed by compare-and-swap.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use portcullis_storage::{Entry, Error, ReadAt, Revision, Storage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::bitmap::Bitmap;
use crate::errors::ATTEMPTS_MAX;

/// A range in the store.
pub(crate) struct Pool {
    storage: Arc<dyn Storage>,
    key: String,
    /// The range as text, such as `10.0.0.0/24`.
    spec: String,
    /// How many numbers there are.
    size: usize,
    /// Held while this server changes the set, so that it does not compete with itself.
    changing: Mutex<()>,
}

/// Why the set was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// The stored set is that of another range.
    #[error("the provided network does not match the current range")]
    OtherRange,
    /// The stored value is not a set.
    #[error("{0}: not a RangeAllocation in JSON")]
    Unreadable(String),
    /// Other servers changed the set first in every attempt.
    #[error("the range was changed concurrently every time")]
    Crowded,
    /// An error of the store.
    #[error("{0}")]
    Storage(#[from] Error),
}

/// The stored form, `core/v1.RangeAllocation`, which is in no API group's documents.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RangeAllocation {
    kind: String,
    api_version: String,
    metadata: Value,
    range: String,
    data: String,
}

/// The set at the time of reading.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) taken: Bitmap,
    /// Empty before the first write.
    pub(crate) range: String,
    /// Zero before the first write.
    revision: Revision,
}

impl Pool {
    pub(crate) fn new(storage: Arc<dyn Storage>, key: String, spec: String, size: usize) -> Self {
        Self {
            storage,
            key,
            spec,
            size,
            changing: Mutex::default(),
        }
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn spec(&self) -> &str {
        &self.spec
    }

    /// Changes the set; `change` may be called more than once.
    pub(crate) async fn change<T: Send, E: From<PoolError> + Send>(
        &self,
        change: impl Fn(&mut Bitmap) -> Result<T, E> + Send + Sync,
    ) -> Result<T, E> {
        let _changing = self.changing.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let mut snapshot = self.read().await?;
            if !snapshot.range.is_empty() && snapshot.range != self.spec {
                return Err(PoolError::OtherRange.into());
            }
            let before = snapshot.taken.clone();
            let result = change(&mut snapshot.taken)?;
            if snapshot.taken == before || self.write(&snapshot).await? {
                return Ok(result);
            }
        }
        Err(PoolError::Crowded.into())
    }

    /// Reads the current set.
    pub(crate) async fn read(&self) -> Result<Snapshot, PoolError> {
        let found = self.storage.get(&self.key, ReadAt::Latest).await?;
        found
            .entry
            .map_or_else(|| Ok(Snapshot::default()), |entry| self.parse(&entry))
    }

    fn parse(&self, entry: &Entry) -> Result<Snapshot, PoolError> {
        let unreadable = || PoolError::Unreadable(self.key.clone());
        let stored: RangeAllocation =
            serde_json::from_slice(&entry.value).map_err(|_| unreadable())?;
        let data = STANDARD.decode(&stored.data).map_err(|_| unreadable())?;
        Ok(Snapshot {
            taken: Bitmap::from_stored(&data),
            range: stored.range,
            revision: entry.revision,
        })
    }

    /// Writes the set, of this range, unless it has been changed since it was read.
    pub(crate) async fn write(&self, snapshot: &Snapshot) -> Result<bool, PoolError> {
        let stored = RangeAllocation {
            kind: "RangeAllocation".into(),
            api_version: "v1".into(),
            metadata: json!({"creationTimestamp": null}),
            range: self.spec.clone(),
            data: STANDARD.encode(snapshot.taken.to_stored()),
        };
        let bytes = serde_json::to_vec(&stored).map(Bytes::from);
        let bytes = bytes.map_err(|_| PoolError::Unreadable(self.key.clone()))?;
        let written = match snapshot.revision {
            0 => self.storage.create(&self.key, bytes).await,
            revision => {
                self.storage
                    .compare_and_swap(&self.key, revision, bytes)
                    .await
            }
        };
        match written {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
