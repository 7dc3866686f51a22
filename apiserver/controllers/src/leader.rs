//! Of several servers on one etcd one runs the controllers: the holder of a lease
//! (upstream: `k8s.io/client-go/tools/leaderelection`).
//!
//! Clocks are not compared: a lease has expired when it has not changed for its duration, by the clock of the
//! server that watches it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use portcullis_api::backoff::jittered;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_storage::{ReadAt, Revision};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bootstrap;
use crate::edit::edit_any;
use crate::run::Controllers;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "portcullis-controllers";

/// The duration of the lease.
const LEASE: Duration = Duration::from_secs(10);
/// How long its holder continues without renewing it: much less, so that it has stopped before another server
/// starts.
const RENEW: Duration = Duration::from_secs(6);
/// How often it is renewed, or tried, at most; with jitter, so that servers do not try together.
const RETRY: Duration = Duration::from_secs(2);

/// A server that may run the controllers.
pub struct Candidate {
    registry: Arc<Registry>,
    user: UserInfo,
    identity: String,
    /// When the lease of the holder was last seen to change, and its revision then.
    seen: Option<(Revision, Instant)>,
}

impl Candidate {
    /// A candidate with a unique name.
    pub fn new(registry: Arc<Registry>, identity: String) -> Self {
        Self {
            registry,
            user: bootstrap::system(),
            identity,
            seen: None,
        }
    }

    /// Runs the controllers whenever it is elected, until `stop`; then releases the lease.
    pub async fn run(mut self, controllers: Controllers, stop: CancellationToken) {
        while stop.run_until_cancelled(self.elected()).await.is_some() {
            tracing::info!(identity = self.identity, "runs the controllers");
            let mut running = JoinSet::new();
            for controller in controllers.begin() {
                running.spawn(controller);
            }
            let lost = stop.run_until_cancelled(self.deposed()).await.is_some();
            running.shutdown().await;
            if lost {
                tracing::warn!(
                    identity = self.identity,
                    "another server may run the controllers"
                );
            } else if let Err(status) = self.release().await {
                tracing::warn!(
                    error = status.message,
                    "the lease of the controllers was not released, and will expire"
                );
            }
        }
    }

    /// Waits until this server holds the lease.
    async fn elected(&mut self) {
        loop {
            match self.acquire().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(status) => tracing::debug!(error = status.message, "not elected"),
            }
            tokio::time::sleep(jittered(RETRY)).await;
        }
    }

    /// Renews the lease, and waits until this server can no longer be sure to hold it.
    async fn deposed(&mut self) {
        let mut renewed = Instant::now();
        loop {
            let next = Instant::now() + jittered(RETRY);
            let begun = Instant::now();
            match tokio::time::timeout_at(renewed + RENEW, self.acquire()).await {
                Ok(Ok(true)) => renewed = begun,
                Ok(Ok(false)) => return,
                Ok(Err(status)) => tracing::debug!(error = status.message, "lease not renewed"),
                Err(_) => return,
            }
            if tokio::time::timeout_at(renewed + RENEW, tokio::time::sleep_until(next))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// Takes or renews the lease; `false` if another server holds it.
    async fn acquire(&mut self) -> Result<bool, Status> {
        let scope = self.scope();
        let found = match self.registry.get(&scope, ReadAt::Latest).await {
            Ok(entry) => entry,
            Err(status) if status.code == 404 => {
                let lease = self.lease(0);
                return self
                    .registry
                    .create(&scope, Box::new(lease))
                    .await
                    .map(|_| true);
            }
            Err(status) => return Err(status),
        };
        let object = codec::object(table::LEASES, &found)?;
        let spec = object
            .as_kind::<Lease>()
            .and_then(|lease| lease.spec.clone())
            .unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let now = Instant::now();
        let since = match self.seen {
            Some((revision, since)) if revision == found.revision => since,
            _ => {
                self.seen = Some((found.revision, now));
                now
            }
        };
        let mine = holder == self.identity;
        if !mine && !holder.is_empty() && now < since + period(&spec) {
            return Ok(false);
        }
        let changes = spec
            .lease_transitions
            .unwrap_or_default()
            .saturating_add(i32::from(!mine));
        let mut next = self.lease(changes);
        if mine && let Some(next) = next.spec.as_mut() {
            next.acquire_time = spec.acquire_time;
        }
        self.write(found.revision, &next.spec.unwrap_or_default())
            .await?;
        Ok(true)
    }

    /// Releases the lease, so that the next server need not wait.
    async fn release(&self) -> Result<(), Status> {
        let found = self.registry.get(&self.scope(), ReadAt::Latest).await?;
        let object = codec::object(table::LEASES, &found)?;
        let Some(mut spec) = object
            .as_kind::<Lease>()
            .and_then(|lease| lease.spec.clone())
        else {
            return Ok(());
        };
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        self.write(found.revision, &spec).await
    }

    /// Writes the lease, unless it has changed since.
    async fn write(&self, expected: Revision, spec: &LeaseSpec) -> Result<(), Status> {
        let change = |object: &mut dyn Object| {
            object.metadata_mut().resource_version = Some(expected.to_string());
            if let Some(lease) = object.as_kind_mut::<Lease>() {
                lease.spec = Some(spec.clone());
            }
            Ok(())
        };
        edit_any(&self.registry, &self.scope(), change)
            .await
            .map(drop)
    }

    fn lease(&self, transitions: i32) -> Lease {
        let now = MicroTime(Timestamp::now());
        let metadata = ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        };
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        Lease {
            metadata,
            spec: Some(spec),
        }
    }

    fn scope(&self) -> Scope<'_> {
        Scope::all(table::LEASES, &self.user).named(NAMESPACE, NAME)
    }
}

/// The duration of a lease.
fn period(spec: &LeaseSpec) -> Duration {
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
