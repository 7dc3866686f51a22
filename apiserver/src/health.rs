//! Whether the server is alive, and whether it can serve: the checks behind `/livez` and `/readyz`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/healthz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, ready};

/// Returns an error if the check fails.
pub type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The check of the store, by upstream's name.
const STORE: &str = "etcd";
/// Whether the store accepts writes. Upstream has no such check: etcd itself is not ready while its disk is
/// full. Only readiness includes it, as a restart frees no space on a disk.
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
    /// Whether only readiness includes it.
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

    /// Probes. The reason of a failure is only logged, as every client may read the response; and as probes
    /// are frequent, only changes are logged above debug.
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
    /// The checks of a server. `store` probes whether its store responds, `writable` whether it accepts
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

    /// Probes the store.
    ///
    /// # Errors
    /// Why it does not respond.
    pub async fn store(&self) -> Result<(), String> {
        match self.checks.iter().find(|c| c.name == STORE) {
            Some(check) => (check.probe)().await,
            None => Ok(()),
        }
    }

    /// Makes the server not ready from now on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The checks of an endpoint: all of them for readiness, those that a restart could repair for liveness.
    pub fn checks(&self, readiness: bool) -> impl Iterator<Item = &Check> {
        let checks = self.checks.iter();
        checks.filter(move |check| readiness || !check.ready_only)
    }
}
