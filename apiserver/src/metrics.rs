//! What the server counts of itself, under upstream's names, for Prometheus: docs/metrics.md.
//!
//! All of it is the server's own: several in one process do not meet here.

mod configuration;
mod labels;
mod process;
mod requests;
mod store;
mod watches;

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use portcullis_admission::Chain;
use portcullis_registry::catalogues::CurrentCatalogue;
use prometheus::core::Collector;
use prometheus::{IntCounter, IntGaugeVec, Opts, Registry, TextEncoder};

use self::labels::Labels;
use self::process::Process;
use self::requests::Requests;
use crate::audit::metrics::AuditMetrics;
use crate::limits::Limits;
use crate::request::RequestInfo;

pub use self::configuration::ConfigMetrics;
pub use self::requests::LongRunning;
pub use self::store::{Objects, StoreMetrics, Timed};
pub use self::watches::{EventMetrics, WatchMetrics};

/// The content type of Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const VALID: &str = "these names are valid, and each is there once";

/// All metrics. What requests may be about is bounded: no client makes them grow.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    watches: WatchMetrics,
    in_flight: IntGaugeVec,
    handshake_errors: IntCounter,
    process: Process,
    catalogues: Arc<CurrentCatalogue>,
    store: Option<(StoreMetrics, Objects)>,
    controllers: Option<Arc<portcullis_registry::Registry>>,
}

/// A request that is answered.
pub struct Answered<'r> {
    /// What it is about.
    pub info: &'r RequestInfo,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// How it is answered.
    pub code: StatusCode,
    /// When it began.
    pub begun: Instant,
    /// The size of the response in bytes, if that is known.
    pub size: Option<u64>,
}

impl Metrics {
    /// Metrics of a server with this admission chain and these kinds.
    pub fn new(admission: &Chain, catalogues: Arc<CurrentCatalogue>, audit: &AuditMetrics) -> Self {
        let in_flight = Opts::new(
            "apiserver_current_inflight_requests",
            "Requests that are being carried out, watches aside.",
        );
        let handshake_errors = IntCounter::new(
            "apiserver_tls_handshake_errors_total",
            "Connections that ended in their TLS handshake.",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: Requests::new(),
            watches: WatchMetrics::new(),
            in_flight: IntGaugeVec::new(in_flight, &["request_kind"]).expect(VALID),
            handshake_errors: handshake_errors.expect(VALID),
            process: Process::new(),
            catalogues,
            store: None,
            controllers: None,
        };
        let own: [Box<dyn Collector>; 2] = [
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.handshake_errors.clone()),
        ];
        metrics.register(own);
        metrics.register(metrics.requests.collectors());
        metrics.register(metrics.watches.collectors());
        metrics.register(metrics.process.collectors());
        metrics.register(admission.collectors());
        metrics.register(audit.collectors());
        metrics
    }

    /// The same, with what others count, each under a name of its own.
    #[must_use]
    pub fn with(self, collectors: impl IntoIterator<Item = Box<dyn Collector>>) -> Self {
        self.register(collectors);
        self
    }

    /// The same, with those of a store.
    #[must_use]
    pub fn of_store(self, store: StoreMetrics, objects: Objects) -> Self {
        self.register(store.collectors());
        Self {
            store: Some((store, objects)),
            ..self
        }
    }

    /// The same, with those of the controllers that work through a registry.
    #[must_use]
    pub fn of_controllers(self, registry: Arc<portcullis_registry::Registry>) -> Self {
        self.register(registry.work_queues().collectors());
        Self {
            controllers: Some(registry),
            ..self
        }
    }

    /// The same, telling which program this is, such as `v1.24.17+portcullis.0.1.0` on `linux/amd64`.
    #[must_use]
    pub fn of_build(self, version: &str, platform: &str) -> Self {
        const LABELS: [&str; 9] = [
            "major",
            "minor",
            "git_version",
            "git_commit",
            "git_tree_state",
            "build_date",
            "go_version",
            "compiler",
            "platform",
        ];
        let mut numbers = version.trim_start_matches('v').split('.');
        let mut number = || numbers.next().unwrap_or_default();
        let build = Opts::new("kubernetes_build_info", "The program that runs; always 1.");
        let build = IntGaugeVec::new(build, &LABELS).expect(VALID);
        let (major, minor) = (number(), number());
        let values = [major, minor, version, "", "", "", "", "rustc", platform];
        build.with_label_values(&values).set(1);
        let build: Box<dyn Collector> = Box::new(build);
        self.register([build]);
        self
    }

    fn register(&self, collectors: impl IntoIterator<Item = Box<dyn Collector>>) {
        for collector in collectors {
            self.registry.register(collector).expect(VALID);
        }
    }

    /// What watches count.
    pub const fn watches(&self) -> &WatchMetrics {
        &self.watches
    }

    /// What connections count that end in their handshake.
    pub const fn handshake_errors(&self) -> &IntCounter {
        &self.handshake_errors
    }

    fn labels(&self, request: &Answered<'_>) -> Labels {
        Labels::of(request.info, request.dry_run, &self.catalogues.current())
    }

    /// Counts a request.
    pub fn answered(&self, request: &Answered<'_>) {
        let series = self.requests.series(self.labels(request));
        series.answered(request.code, request.begun, request.size);
    }

    /// Counts a request that is answered for as long as its client likes, until what this returns is dropped.
    pub fn long_running(&self, request: &Answered<'_>) -> LongRunning {
        let series = self.requests.series(self.labels(request));
        series.begin(request.code, request.begun)
    }

    /// Counts a request that was rejected or ended to keep capacity for others.
    pub fn terminated(&self, request: &Answered<'_>) {
        self.requests.terminated(self.labels(request), request.code);
    }

    /// All metrics, in the text format.
    ///
    /// # Errors
    /// What the encoder objects to.
    pub async fn render(&self, limits: &Limits) -> prometheus::Result<String> {
        for (kind, count) in limits.in_flight() {
            let gauge = self.in_flight.with_label_values(&[kind]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.process.read();
        if let Some(registry) = &self.controllers {
            registry.work_queues().observe();
        }
        if let Some((store, objects)) = &self.store {
            store.count(&self.catalogues.current(), objects).await;
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::Query;

    #[tokio::test]
    async fn requests_are_counted_by_what_they_are_about() {
        let metrics = Metrics::new(&Chain::default(), Arc::default(), &AuditMetrics::new());
        let answered = |method: Method, path: &str, code| {
            let info = RequestInfo::parse(&method, path, &Query::default());
            metrics.answered(&Answered {
                info: &info,
                dry_run: false,
                code,
                begun: Instant::now(),
                size: Some(1234),
            });
        };
        for _ in 0..2 {
            answered(
                Method::POST,
                "/api/v1/namespaces/default/pods",
                StatusCode::CREATED,
            );
        }
        answered(
            Method::PUT,
            "/api/v1/namespaces/a/pods/b/status",
            StatusCode::CONFLICT,
        );
        answered(
            Method::GET,
            "/apis/made.up/v1/odd\"names",
            StatusCode::NOT_FOUND,
        );
        answered(Method::GET, "/healthz", StatusCode::OK);
        let limits = Limits::new(&crate::config::RequestLimits {
            max_requests_inflight: 4,
            max_mutating_requests_inflight: 2,
            request_timeout: std::time::Duration::ZERO,
        });
        let text = metrics.render(&limits).await.unwrap();
        for line in [
            r#"apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"} 2"#,
            r#"apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="status",verb="PUT",version="v1"} 1"#,
            r#"apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="",scope="cluster",subresource="",verb="LIST",version=""} 1"#,
            r#"apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""} 1"#,
            "# TYPE apiserver_request_total counter",
            r#"apiserver_request_duration_seconds_count{component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"} 2"#,
            r#"apiserver_response_sizes_sum{component="apiserver",group="",resource="",scope="",subresource="",verb="GET",version=""} 1234"#,
            "apiserver_tls_handshake_errors_total 0",
            r#"apiserver_current_inflight_requests{request_kind="mutating"} 0"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
        }
    }
}
