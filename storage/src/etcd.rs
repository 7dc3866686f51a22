//! Storage in etcd 3.4 or newer, a single member or a cluster, which may be shared with other API
//! servers.
//!
//! Keys and values are stored unchanged. Every write is one transaction that compares the key's
//! modification revision; every read is linearizable.

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

/// The pause between attempts to reach etcd at the start: initial and maximum.
const START_BACK_OFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// How often the wait for etcd is logged.
const REMINDER: Duration = Duration::from_secs(5);

/// How to reach etcd.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// URLs such as `https://10.0.0.1:2379`; when one fails, the next is used.
    pub endpoints: Vec<String>,
    /// Certificates; required for `https`, not allowed for `http`.
    pub tls: Option<EtcdTls>,
    /// The timeout of one call.
    pub timeout: Duration,
    /// How long a watch may be idle before it requests progress from its member. If the member does
    /// not respond within the same time again, another one is used.
    pub idle_timeout: Duration,
    /// How long to wait for etcd to become available at the start.
    pub startup_timeout: Duration,
}

/// Certificates for connections to etcd, in PEM.
#[derive(Clone, Default)]
pub struct EtcdTls {
    /// The CAs that etcd's certificate is verified against.
    pub ca: Option<Vec<u8>>,
    /// The client certificate and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

impl EtcdOptions {
    /// Plaintext connections, a call timeout of 3 s, a watch idle timeout of 1 s, and no wait at
    /// the start.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            tls: None,
            timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(1),
            startup_timeout: Duration::ZERO,
        }
    }
}

/// A store in etcd. Lost connections are reestablished.
pub struct EtcdStorage {
    pool: Arc<Pool>,
}

impl EtcdStorage {
    /// Connects, and waits for a member to respond as long as the options allow.
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
        match storage.wait_for_member(options.startup_timeout).await {
            Ok(()) => Ok(storage),
            Err(Error::Unavailable(reason)) => Err(named(&reason)),
            Err(other) => Err(other),
        }
    }

    /// Waits for a member to respond, and logs that every few seconds.
    async fn wait_for_member(&self, timeout: Duration) -> Result<()> {
        let begun = Instant::now();
        let mut back_off = START_BACK_OFF;
        let mut logged = None::<Instant>;
        loop {
            let Err(failure) = self.read_revision().await else {
                return Ok(());
            };
            let (transient, waited) = (failure.is_transient(), begun.elapsed());
            let error = failure.into_error(0);
            if !transient || waited >= timeout {
                return Err(error);
            }
            if logged.is_none_or(|logged| logged.elapsed() >= REMINDER) {
                logged = Some(Instant::now());
                let (seconds, at_most) = (waited.as_secs(), timeout.as_secs());
                tracing::warn!(%error, seconds, at_most, "waiting for etcd to respond");
            }
            tokio::time::sleep(back_off.pause().min(timeout - waited)).await;
        }
    }

    async fn read_revision(&self) -> Result<Revision, Failure> {
        // The cheapest linearizable read: counting an unused key.
        let options = GetOptions::new().with_count_only();
        let read = self.pool.read(|mut kv| {
            let options = options.clone();
            async move { kv.get("\0", Some(options)).await }
        });
        Ok(read::header_revision(read.await?.header()))
    }

    /// Converts the failure of a read; reads the current revision if the error includes it.
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
            Ok(found) => read::check_freshness(at, found.revision).map(|()| found),
            Err(failure) => Err(self.explain(failure, read::requested_revision(at)).await),
        }
    }

    async fn list(&self, prefix: &str, request: &ListRequest) -> Result<Page> {
        match read::list(&self.pool, prefix, request).await {
            Ok(page) => read::check_freshness(request.at, page.revision).map(|()| page),
            Err(failure) => Err(self
                .explain(failure, read::requested_revision(request.at))
                .await),
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
        let read = self.read_revision().await;
        read.map_err(|failure| failure.into_error(0))
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        let target = read::to_wire(revision);
        let call = self
            .pool
            .read(|mut kv| async move { kv.compact(target, None).await });
        match call.await {
            Ok(_) | Err(Failure::Compacted) => Ok(()),
            Err(failure) => Err(self.explain(failure, revision).await),
        }
    }
}
