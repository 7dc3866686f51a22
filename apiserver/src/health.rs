//! Whether the server lives, and whether it can serve: the checks behind `/livez` and `/readyz`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/healthz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, ready};

/// Says what is wrong, if something is.
pub type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The check of the store, by upstream's name.
const STORE: &str = "etcd";
/// Whether the store takes writes. Upstream has no such check: it asks etcd, which is not ready itself
/// where its disk is full. Only readiness asks, as a restart makes no room on a disk.
const WRITABLE: &str = "storage-writable";

/// The checks of a server.
pub struct Health {
    checks: Vec<Check>,
    stopping: Arc<AtomicBool>,
}

/// One check.
pub struct Check {
    name: &'static str,
    probe: Probe,
    /// Whether only readiness asks for it.
    ready_only: bool,
    /// Whether it failed the last time.
    failed: AtomicBool,
}

impl Check {
    fn new(name: &'static str, ready_only: bool, probe: Probe) -> Self {
        Self {
            name,
            probe,
            ready_only,
            failed: AtomicBool::new(false),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Probes. Why a check fails is for the log alone, as everybody may read the response; and as
    /// probes come often, only changes are logged as more than debug.
    pub async fn passes(&self) -> bool {
        let outcome = (self.probe)().await;
        let failed_before = self.failed.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if failed_before => {
                tracing::debug!(check = self.name, error, "health check still fails");
            }
            Err(error) => tracing::warn!(check = self.name, error, "health check failed"),
            Ok(()) if failed_before => {
                tracing::info!(check = self.name, "health check passes again");
            }
            Ok(()) => {}
        }
        outcome.is_ok()
    }
}

impl Health {
    /// The checks of a server. `store` says whether its store answers, `writable` whether that takes
    /// writes.
    pub fn new(store: Probe, writable: Probe) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = stopping.clone();
        let shutdown: Probe = Box::new(move || {
            let stopping = flag.load(Ordering::Relaxed);
            Box::pin(ready(if stopping {
                Err("process is shutting down".into())
            } else {
                Ok(())
            }))
        });
        let checks = vec![
            Check::new("ping", false, Box::new(|| Box::pin(ready(Ok(()))))),
            Check::new(STORE, false, store),
            Check::new(WRITABLE, true, writable),
            Check::new("shutdown", true, shutdown),
        ];
        Self { checks, stopping }
    }

    /// Asks the store whether it answers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn store(&self) -> Result<(), String> {
        match self.checks.iter().find(|c| c.name == STORE) {
            Some(check) => (check.probe)().await,
            None => Ok(()),
        }
    }

    /// From now on the server is not ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The checks of an endpoint: all of them for readiness, those that a restart could mend for
    /// liveness.
    pub fn checks(&self, readiness: bool) -> impl Iterator<Item = &Check> {
        let checks = self.checks.iter();
        checks.filter(move |check| readiness || !check.ready_only)
    }
}
