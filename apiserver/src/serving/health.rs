//! `/livez`, `/readyz` and `/healthz`: whether the server lives, and whether it can serve.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/healthz`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, ready};
use http::StatusCode;
use portcullis_api::field_error::go_quote;

use crate::response::{self, Response};

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

struct Check {
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

    /// Probes; why a check fails is for the log, as answers can be read by everybody, and probes come
    /// too often to log more than what changes.
    async fn passes(&self) -> bool {
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

    /// How the store is.
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

    /// Answers `/readyz`, `/readyz/{check}` and the like; `?verbose` lists the checks,
    /// `?exclude=check` leaves one out.
    pub async fn serve(&self, path: &str, query: &str) -> Response {
        let mut segments = path.split('/').filter(|s| !s.is_empty());
        let endpoint = segments.next().unwrap_or_default();
        let only = segments.next();
        let checks: Vec<_> = self
            .checks
            .iter()
            .filter(|c| {
                (endpoint == "readyz" || !c.ready_only) && only.is_none_or(|name| name == c.name)
            })
            .collect();
        if only.is_some() && checks.is_empty() {
            return response::text(StatusCode::NOT_FOUND, "404 page not found\n");
        }
        // a single check has no options
        let query = if only.is_none() { query } else { "" };
        let options: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let excluded = options.iter().filter(|(name, _)| name == "exclude");
        let excluded = excluded.map(|(_, check)| check.as_ref()).collect();
        let verbose = options.iter().any(|(name, _)| name == "verbose");
        let (report, failed) = report(&checks, excluded).await;
        if failed {
            let body = format!("{report}{endpoint} check failed\n");
            return response::text(StatusCode::INTERNAL_SERVER_ERROR, body);
        }
        match verbose {
            true => response::text(StatusCode::OK, format!("{report}{endpoint} check passed\n")),
            false => response::text(StatusCode::OK, "ok"),
        }
    }
}

async fn report(checks: &[&Check], mut excluded: BTreeSet<&str>) -> (String, bool) {
    let mut report = String::new();
    let mut failed = false;
    for check in checks {
        let line = if excluded.remove(check.name) {
            format!("[+]{} excluded: ok", check.name)
        } else if check.passes().await {
            format!("[+]{} ok", check.name)
        } else {
            failed = true;
            format!("[-]{} failed: reason withheld", check.name)
        };
        let _ = writeln!(report, "{line}");
    }
    if !excluded.is_empty() {
        let names: Vec<_> = excluded.iter().map(|name| go_quote(name)).collect();
        let why = "some health checks cannot be excluded: no matches for";
        let _ = writeln!(report, "warn: {why} {}", names.join(","));
    }
    (report, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn get(health: &Health, path: &str, query: &str) -> (u16, String) {
        let response = health.serve(path, query).await;
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    fn passing() -> Probe {
        Box::new(|| Box::pin(ready(Ok(()))))
    }

    fn failing() -> Probe {
        Box::new(|| Box::pin(ready(Err("secret detail".into()))))
    }

    #[tokio::test]
    async fn a_full_disk_is_no_reason_to_restart() {
        let health = Health::new(passing(), failing());
        for (path, code) in [("/livez", 200), ("/healthz", 200), ("/readyz", 500)] {
            assert_eq!(get(&health, path, "").await.0, code, "{path}");
        }
        assert_eq!(get(&health, "/readyz/storage-writable", "").await.0, 500);
    }

    #[tokio::test]
    async fn a_broken_store_is_told_by_every_endpoint_unless_it_is_excluded() {
        let health = Health::new(failing(), passing());
        for path in ["/livez", "/healthz", "/readyz", "/livez/etcd"] {
            assert_eq!(get(&health, path, "").await.0, 500, "{path}");
        }
        let excluded = get(&health, "/livez", "exclude=etcd&verbose").await;
        let report = "[+]ping ok\n[+]etcd excluded: ok\nlivez check passed\n";
        assert_eq!(excluded, (200, report.into()));
        let (code, body) = get(&health, "/livez", "exclude=b&exclude=a,c").await;
        assert_eq!(code, 500);
        let warning = "warn: some health checks cannot be excluded: no matches for \"a,c\",\"b\"\n";
        assert!(body.contains(warning), "{body}");
        let (code, body) = get(&health, "/readyz", "").await;
        assert_eq!(code, 500);
        assert_eq!(
            body,
            "[+]ping ok\n[-]etcd failed: reason withheld\n[+]storage-writable ok\n[+]shutdown ok\nreadyz check failed\n"
        );
        assert_eq!(get(&health, "/readyz/ping", "").await.0, 200);
        assert_eq!(get(&health, "/readyz/nope", "").await.0, 404);
    }

    #[tokio::test]
    async fn a_stopping_server_is_not_ready() {
        let health = Health::new(passing(), passing());
        assert_eq!(
            get(&health, "/readyz", "verbose").await.1.lines().count(),
            5
        );
        health.stop();
        assert_eq!(get(&health, "/readyz", "").await.0, 500);
        assert_eq!(get(&health, "/livez", "").await.0, 200);
    }
}
