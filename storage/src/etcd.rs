//! A real etcd, version 3.4 or newer, by itself or as a cluster, shared with other API servers.
//!
//! Keys and values lie in it as they are given. Every write is one transaction that compares the
//! key's modification revision; every read is linearizable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use etcd_client::GetOptions;
use portcullis_api::Backoff;
use tokio::time::Instant;

use crate::{Entry, Error, Found, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch};

mod error;
mod pool;
mod read;
mod txn;
mod watch;

use error::Failure;
use pool::Pool;

/// How often an etcd that is not there yet is tried: after so long at first, and at most.
const START_BACK_OFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// How often that is said.
const REMINDER: Duration = Duration::from_secs(5);

/// How to reach etcd.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// Addresses such as `https://10.0.0.1:2379`; one that fails is left for the next.
    pub endpoints: Vec<String>,
    /// What to show and whom to trust; needed for `https`, and not allowed for `http`.
    pub tls: Option<EtcdTls>,
    /// How long one call may take.
    pub timeout: Duration,
    /// After how long without a word a watch asks its member whether it is still there. A member that
    /// does not answer in the same time again is left for another one.
    pub silence: Duration,
    /// How long an etcd that is not there yet is waited for at the start.
    pub start: Duration,
}

/// Certificates for etcd, in PEM.
#[derive(Clone, Default)]
pub struct EtcdTls {
    /// The authorities that may vouch for etcd.
    pub ca: Option<Vec<u8>>,
    /// This client's certificate and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

impl EtcdOptions {
    /// Plain connections, three seconds for a call, one of silence, and no waiting at the start.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            tls: None,
            timeout: Duration::from_secs(3),
            silence: Duration::from_secs(1),
            start: Duration::ZERO,
        }
    }
}

/// A store in etcd. Connections come back by themselves when etcd does.
pub struct EtcdStorage {
    pool: Arc<Pool>,
}

impl EtcdStorage {
    /// Connects, and makes sure that a member answers; waits for one as long as the options say.
    ///
    /// # Errors
    /// [`Error::Unavailable`], naming the endpoints.
    pub async fn connect(options: &EtcdOptions) -> Result<Self> {
        let named = |error: &dyn std::fmt::Display| {
            Error::Unavailable(format!("etcd at {}: {error}", options.endpoints.join(", ")))
        };
        let pool = Pool::connect(options)
            .await
            .map_err(|error| named(&error))?;
        let storage = Self {
            pool: Arc::new(pool),
        };
        match storage.first_answer(options.start).await {
            Ok(()) => Ok(storage),
            Err(Error::Unavailable(reason)) => Err(named(&reason)),
            Err(other) => Err(other),
        }
    }

    /// Waits for a member to answer, and says so every few seconds.
    async fn first_answer(&self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        let mut back_off = START_BACK_OFF;
        let mut said = None::<Instant>;
        loop {
            let Err(failure) = self.ask_revision().await else {
                return Ok(());
            };
            let (passes, waited) = (failure.may_pass(), begun.elapsed());
            let error = failure.into_error(0);
            if !passes || waited >= patience {
                return Err(error);
            }
            if said.is_none_or(|said| said.elapsed() >= REMINDER) {
                said = Some(Instant::now());
                let (seconds, at_most) = (waited.as_secs(), patience.as_secs());
                tracing::warn!(%error, seconds, at_most, "etcd does not answer yet, waiting for it");
            }
            tokio::time::sleep(back_off.pause().min(patience - waited)).await;
        }
    }

    async fn ask_revision(&self) -> Result<Revision, Failure> {
        // Any linearizable read will do, and none is cheaper than counting a key nobody has.
        let options = GetOptions::new().with_count_only();
        let read = self.pool.read(|mut kv| {
            let options = options.clone();
            async move { kv.get("\0", Some(options)).await }
        });
        Ok(read::header_revision(read.await?.header()))
    }

    /// What a failed read means; asks how far the store is where that belongs to the answer.
    async fn explain(&self, failure: Failure, requested: Revision) -> Error {
        match failure {
            Failure::Future => match self.revision().await {
                Ok(current) => Error::TooNew { requested, current },
                Err(error) => error,
            },
            other => other.into_error(requested),
        }
    }
}

#[async_trait]
impl Storage for EtcdStorage {
    async fn create(&self, key: &str, value: Bytes) -> Result<Arc<Entry>> {
        txn::create(&self.pool, key, value).await
    }

    async fn get(&self, key: &str, at: ReadAt) -> Result<Found> {
        match read::get(&self.pool, key, at).await {
            Ok(found) => read::fresh_enough(at, found.revision).map(|()| found),
            Err(failure) => Err(self.explain(failure, read::asked_for(at)).await),
        }
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        match read::list(&self.pool, prefix, request).await {
            Ok(page) => read::fresh_enough(request.at, page.revision).map(|()| page),
            Err(failure) => Err(self.explain(failure, read::asked_for(request.at)).await),
        }
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Arc<Entry>> {
        txn::compare_and_swap(&self.pool, key, expected, value).await
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Revision> {
        txn::delete(&self.pool, key, expected).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch> {
        watch::follow(self.pool.clone(), prefix, after).await
    }

    async fn revision(&self) -> Result<Revision> {
        let asked = self.ask_revision().await;
        asked.map_err(|failure| failure.into_error(0))
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        let wanted = read::to_wire(revision);
        let call = self
            .pool
            .read(|mut kv| async move { kv.compact(wanted, None).await });
        match call.await {
            Ok(_) | Err(Failure::Compacted) => Ok(()),
            Err(failure) => Err(self.explain(failure, revision).await),
        }
    }
}
