//! `/livez`, `/readyz` and `/healthz`, and single checks such as `/readyz/etcd`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use portcullis_api::field_error::go_quote;

use crate::access::Authorized;
use crate::health::{Check, Health};
use crate::request::{Query, RequestInfo};
use crate::response::{self, Response};

/// GET of an endpoint or a check. `?verbose` lists the checks, `?exclude=check` leaves one out.
pub async fn get(State(health): State<Arc<Health>>, authorized: Authorized) -> Response {
    match authorized.info() {
        RequestInfo::Path { path, .. } => serve(&health, path, authorized.query()).await,
        RequestInfo::Resource(_) => not_found(),
    }
}

async fn serve(health: &Health, path: &str, query: &Query) -> Response {
    let mut segments = path.split('/').filter(|s| !s.is_empty());
    let endpoint = segments.next().unwrap_or_default();
    let only = segments.next();
    let checks = health.checks(endpoint == "readyz");
    let checks: Vec<_> = checks
        .filter(|check| only.is_none_or(|name| name == check.name()))
        .collect();
    if only.is_some() && checks.is_empty() {
        return not_found();
    }
    // A single check has no options.
    let none = Query::default();
    let options = if only.is_none() { query } else { &none };
    let (report, failed) = report(&checks, options.all("exclude").collect()).await;
    if failed {
        let body = format!("{report}{endpoint} check failed\n");
        return response::text(StatusCode::INTERNAL_SERVER_ERROR, body);
    }
    if options.all("verbose").next().is_some() {
        response::text(StatusCode::OK, format!("{report}{endpoint} check passed\n"))
    } else {
        response::text(StatusCode::OK, "ok")
    }
}

fn not_found() -> Response {
    response::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

async fn report(checks: &[&Check], mut excluded: BTreeSet<&str>) -> (String, bool) {
    let mut report = String::new();
    let mut failed = false;
    for check in checks {
        let line = if excluded.remove(check.name()) {
            format!("[+]{} excluded: ok", check.name())
        } else if check.passes().await {
            format!("[+]{} ok", check.name())
        } else {
            failed = true;
            format!("[-]{} failed: reason withheld", check.name())
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
    use futures_util::future::ready;
    use http_body_util::BodyExt;

    use super::*;
    use crate::health::Probe;

    async fn get(health: &Health, path: &str, query: &str) -> (u16, String) {
        let response = serve(health, path, &Query::new(query)).await;
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
    async fn a_full_disk_does_not_fail_liveness() {
        let health = Health::new(passing(), failing());
        for (path, code) in [("/livez", 200), ("/healthz", 200), ("/readyz", 500)] {
            assert_eq!(get(&health, path, "").await.0, code, "{path}");
        }
        assert_eq!(get(&health, "/readyz/storage-writable", "").await.0, 500);
    }

    #[tokio::test]
    async fn a_failing_store_fails_every_endpoint_unless_excluded() {
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
