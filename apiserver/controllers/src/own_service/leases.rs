//! The running servers: each has a lease in the store and renews it.
//!
//! Upstream: `pkg/controlplane/reconcilers/lease.go`, with the same keys and values; there they expire in
//! etcd. Here both stores behave alike: a lease that has not been written for a while, by the clock of the
//! server that looks, is removed, so that no two clocks are compared. The port beside the address is this
//! server's addition, which upstream does not read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use k8s_openapi::api::core::v1::Endpoints;
use parking_lot::Mutex;
use portcullis_storage::{Entry, Error, ListRequest, ReadAt, Revision, Storage};
use serde_json::{Value, json};

use super::PORT_NAME;

/// How long a lease lasts without being renewed (upstream: `DefaultEndpointReconcilerTTL`).
pub(super) const LIFE: Duration = Duration::from_secs(15);
/// How many times a lease is written after conflicts.
const ATTEMPTS_MAX: usize = 10;

/// The leases of all servers.
pub(super) struct Leases {
    storage: Arc<dyn Storage>,
    prefix: String,
    own: SocketAddr,
    /// Whether there can be no other server.
    alone: bool,
    /// Since when each lease is unchanged.
    seen: Mutex<BTreeMap<Arc<str>, (Revision, Instant)>>,
}

impl Leases {
    /// The leases below `root`; that of `own` is this server's.
    pub(super) fn new(storage: &Arc<dyn Storage>, root: &str, own: SocketAddr) -> Self {
        Self {
            storage: storage.clone(),
            prefix: format!("{root}masterleases/"),
            own,
            // no other process writes to such a store
            alone: storage.known_revision().is_some(),
            seen: Mutex::default(),
        }
    }

    fn key(&self) -> String {
        format!("{}{}", self.prefix, self.own)
    }

    /// Renews this server's lease.
    pub(super) async fn renew(&self) -> Result<(), Error> {
        let key = self.key();
        let mut written = Ok(());
        for _ in 0..ATTEMPTS_MAX {
            let found = self.storage.get(&key, ReadAt::Latest).await?.entry;
            let value = lease(self.own, found.as_deref());
            written = match found {
                None => self.storage.create(&key, value).await,
                Some(entry) => {
                    let revision = entry.revision;
                    self.storage.compare_and_swap(&key, revision, value).await
                }
            }
            .map(drop);
            match written {
                Err(Error::Conflict { .. } | Error::AlreadyExists { .. }) => {}
                settled => return settled,
            }
        }
        written
    }

    /// Removes this server's lease.
    pub(super) async fn give_up(&self) -> Result<(), Error> {
        match self.storage.get(&self.key(), ReadAt::Latest).await?.entry {
            Some(entry) => self.remove(&entry).await,
            None => Ok(()),
        }
    }

    /// The servers whose leases are valid at `now`; expired ones are removed.
    pub(super) async fn holders(&self, now: Instant) -> Result<BTreeSet<SocketAddr>, Error> {
        let page = self.storage.list(&self.prefix, &ListRequest::all()).await?;
        let expired = self.look_at(&page.entries, now);
        let mut holders = BTreeSet::new();
        for entry in &page.entries {
            if expired.contains(&entry.key) {
                self.remove(entry).await?;
            } else {
                holders.extend(holder(entry, self.own.port()));
            }
        }
        Ok(holders)
    }

    /// Notes which leases have changed, and returns the expired ones.
    fn look_at(&self, entries: &[Arc<Entry>], now: Instant) -> BTreeSet<Arc<str>> {
        let mut seen = self.seen.lock();
        let own = self.key();
        let mut expired = BTreeSet::new();
        let mut still = BTreeMap::new();
        for entry in entries {
            let (revision, since) = match seen.get(&entry.key) {
                Some(known) if known.0 == entry.revision => *known,
                _ => (entry.revision, now),
            };
            let old = self.alone || now.saturating_duration_since(since) >= LIFE;
            if old && *entry.key != *own {
                expired.insert(entry.key.clone());
            }
            still.insert(entry.key.clone(), (revision, since));
        }
        *seen = still;
        expired
    }

    /// Removes a lease, unless it was renewed meanwhile.
    async fn remove(&self, entry: &Entry) -> Result<(), Error> {
        match self.storage.delete(&entry.key, entry.revision).await {
            Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A lease that differs from the previous one: an unchanged value is not written.
fn lease(own: SocketAddr, before: Option<&Entry>) -> Bytes {
    let before = before.and_then(|entry| serde_json::from_slice::<Value>(&entry.value).ok());
    let generation = before
        .as_ref()
        .and_then(|lease| lease.pointer("/metadata/generation"))
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let lease = json!({
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"generation": generation.saturating_add(1)},
        "subsets": [{
            "addresses": [{"ip": own.ip()}],
            "ports": [{"name": PORT_NAME, "port": own.port(), "protocol": "TCP"}],
        }],
    });
    Bytes::from(lease.to_string())
}

/// The server of a lease. kube-apiserver's leases name no port: its servers have the same one.
fn holder(entry: &Entry, port: u16) -> Option<SocketAddr> {
    let lease: Endpoints = serde_json::from_slice(&entry.value).ok()?;
    let subset = lease.subsets?.into_iter().next()?;
    let ip: IpAddr = subset.addresses?.first()?.ip.parse().ok()?;
    let named = subset.ports.and_then(|ports| ports.first().map(|p| p.port));
    let port = named.map_or(Some(port), |port| u16::try_from(port).ok())?;
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use portcullis_storage::embedded::EmbeddedStorage;

    use super::*;
    use crate::testing::Contested;

    fn store(dir: &tempfile::TempDir) -> Arc<dyn Storage> {
        Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap())
    }

    fn shared(storage: &Arc<dyn Storage>, own: &str) -> Leases {
        Leases {
            alone: false,
            ..Leases::new(storage, "/registry/", own.parse().unwrap())
        }
    }

    async fn holders(leases: &Leases, now: Instant) -> Vec<String> {
        let holders = leases.holders(now).await.unwrap();
        holders.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_lease_that_is_not_renewed_expires() {
        let dir = tempfile::tempdir().unwrap();
        let storage = store(&dir);
        let (here, there) = (
            shared(&storage, "192.0.2.1:6443"),
            shared(&storage, "192.0.2.2:7443"),
        );
        here.renew().await.unwrap();
        there.renew().await.unwrap();
        let (start, both) = (Instant::now(), ["192.0.2.1:6443", "192.0.2.2:7443"]);
        assert_eq!(holders(&here, start).await, both);
        there.renew().await.unwrap();
        assert_eq!(holders(&here, start + LIFE).await, both, "it was renewed");
        assert_eq!(holders(&here, start + 2 * LIFE).await, both[..1]);
        // an expired server comes back with its next renewal
        there.renew().await.unwrap();
        assert_eq!(holders(&here, start + 2 * LIFE).await, both);
        there.give_up().await.unwrap();
        assert_eq!(holders(&here, start + 2 * LIFE).await, both[..1]);
        assert_eq!(
            holders(&there, start + 9 * LIFE).await,
            both[..1],
            "seen first now"
        );
    }

    #[tokio::test]
    async fn leases_of_earlier_runs_are_removed_in_an_embedded_store() {
        let dir = tempfile::tempdir().unwrap();
        let storage = store(&dir);
        shared(&storage, "192.0.2.9:6443").renew().await.unwrap();
        let leases = Leases::new(&storage, "/registry/", "192.0.2.1:6443".parse().unwrap());
        leases.renew().await.unwrap();
        assert_eq!(holders(&leases, Instant::now()).await, ["192.0.2.1:6443"]);
    }

    #[tokio::test]
    async fn a_renewal_that_always_comes_too_late_ends() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Contested::open(dir.path()));
        let storage: Arc<dyn Storage> = store.clone();
        let leases = shared(&storage, "192.0.2.1:6443");
        leases.renew().await.unwrap();
        store.contest();
        let failed = leases.renew().await.unwrap_err();
        assert!(matches!(failed, Error::Conflict { .. }), "{failed}");
        assert_eq!(store.take_lost(), ATTEMPTS_MAX);
    }

    #[tokio::test]
    async fn leases_of_kube_apiserver_count() {
        let dir = tempfile::tempdir().unwrap();
        let storage = store(&dir);
        let lease = json!({
            "kind": "Endpoints", "apiVersion": "v1",
            "metadata": {"creationTimestamp": null, "generation": 7},
            "subsets": [{"addresses": [{"ip": "192.0.2.5"}]}],
        });
        let key = "/registry/masterleases/192.0.2.5";
        let value = Bytes::from(lease.to_string());
        storage.create(key, value).await.unwrap();
        let leases = shared(&storage, "192.0.2.1:6443");
        assert_eq!(holders(&leases, Instant::now()).await, ["192.0.2.5:6443"]);
    }
}
