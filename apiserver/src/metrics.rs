//! What the server counts of itself, under upstream's names, for Prometheus.

use std::sync::Arc;

use http::StatusCode;
use portcullis_admission::Chain;
use portcullis_api::Verb;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_registry::catalogues::Catalogues;
use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::audit::metrics::AuditMetrics;
use crate::limits::Limits;
use crate::request::{RequestInfo, ResourceRequest};

/// The content type of Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The labels of upstream's `apiserver_request_total`.
const REQUEST_LABELS: [&str; 9] = [
    "code",
    "component",
    "dry_run",
    "group",
    "resource",
    "scope",
    "subresource",
    "verb",
    "version",
];
/// How large the pages are in which Linux counts memory.
const PAGE: i64 = 4096;

/// All metrics. What requests may be about is bounded: no client makes them grow.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    in_flight: IntGaugeVec,
    resident: IntGauge,
    catalogues: Arc<Catalogues>,
}

/// A request by the labels that upstream counts it under.
#[derive(Debug, Default)]
struct Labels {
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    subresource: &'static str,
    scope: &'static str,
    verb: &'static str,
}

impl Metrics {
    /// Metrics of a server with this admission chain and these kinds.
    pub fn new(admission: &Chain, catalogues: Arc<Catalogues>, audit: &AuditMetrics) -> Self {
        const VALID: &str = "these names are valid, and each is there once";
        let requests = Opts::new(
            "apiserver_request_total",
            "Requests that were answered, by verb, resource, scope and code.",
        );
        let in_flight = Opts::new(
            "apiserver_current_inflight_requests",
            "Requests that are being carried out, watches aside.",
        );
        let resident = Opts::new(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &REQUEST_LABELS).expect(VALID),
            in_flight: IntGaugeVec::new(in_flight, &["request_kind"]).expect(VALID),
            resident: IntGauge::with_opts(resident).expect(VALID),
            catalogues,
        };
        let own: [Box<dyn Collector>; 3] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.resident.clone()),
        ];
        for collector in own
            .into_iter()
            .chain(admission.collectors())
            .chain(audit.collectors())
        {
            metrics.registry.register(collector).expect(VALID);
        }
        metrics
    }

    /// The same, with what others count, each under a name of its own.
    #[must_use]
    pub fn with(self, collectors: impl IntoIterator<Item = Box<dyn Collector>>) -> Self {
        for collector in collectors {
            let registered = self.registry.register(collector);
            registered.expect("each name is there once");
        }
        self
    }

    /// Counts a request.
    pub fn answered(&self, info: &RequestInfo, dry_run: bool, code: StatusCode) {
        let labels = Labels::of(info, &self.catalogues.current());
        let counter = self.requests.with_label_values(&[
            code.as_str(),
            "apiserver",
            if dry_run { "All" } else { "" },
            labels.group,
            labels.resource,
            labels.scope,
            labels.subresource,
            labels.verb,
            labels.version,
        ]);
        counter.inc();
    }

    /// All metrics, as a scraper reads them.
    ///
    /// # Errors
    /// What the encoder objects to.
    pub fn render(&self, limits: &Limits) -> prometheus::Result<String> {
        for (kind, count) in limits.in_flight() {
            let gauge = self.in_flight.with_label_values(&[kind]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        if let Some(pages) = resident_pages() {
            self.resident.set(pages.saturating_mul(PAGE));
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl Labels {
    fn of(info: &RequestInfo, catalogue: &Catalogue) -> Self {
        match info {
            RequestInfo::Path { verb, .. } => Self {
                verb: method(verb),
                ..Self::default()
            },
            RequestInfo::Resource(info) => Self::of_resource(info, catalogue),
        }
    }

    /// What is not served is counted without its name.
    fn of_resource(info: &ResourceRequest, catalogue: &Catalogue) -> Self {
        let mut labels = Self {
            verb: info.verb.map_or("OTHER", verb),
            scope: match (info.name.as_str(), info.namespace.as_str()) {
                ("", "") => "cluster",
                ("", _) => "namespace",
                _ => "resource",
            },
            ..Self::default()
        };
        if let Some(resource) = catalogue.find(&info.api_version(), &info.resource) {
            labels.group = resource.group;
            labels.version = resource.version;
            labels.resource = resource.plural;
            let subresource = resource.subresource(&info.subresource);
            labels.subresource = subresource.map_or("", |subresource| subresource.name);
        }
        labels
    }
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::List => "LIST",
        Verb::Watch => "WATCH",
        Verb::Create => "POST",
        Verb::Update => "PUT",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::DeleteCollection => "DELETECOLLECTION",
    }
}

fn method(method: &str) -> &'static str {
    match method {
        "get" => "GET",
        "head" => "HEAD",
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "options" => "OPTIONS",
        _ => "OTHER",
    }
}

/// How many pages of the process are in memory; `None` where there is no `/proc`.
fn resident_pages() -> Option<i64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::Query;

    #[test]
    fn requests_are_counted_by_what_they_are_about() {
        let metrics = Metrics::new(&Chain::default(), Arc::default(), &AuditMetrics::new());
        let answered = |method: Method, path: &str, code| {
            let info = RequestInfo::parse(&method, path, &Query::default());
            metrics.answered(&info, false, code);
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
        let text = metrics.render(&limits).unwrap();
        for line in [
            r#"apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="POST",version="v1"} 2"#,
            r#"apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="status",verb="PUT",version="v1"} 1"#,
            r#"apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="",scope="cluster",subresource="",verb="LIST",version=""} 1"#,
            r#"apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""} 1"#,
            "# TYPE apiserver_request_total counter",
            r#"apiserver_current_inflight_requests{request_kind="mutating"} 0"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
        }
    }
}
