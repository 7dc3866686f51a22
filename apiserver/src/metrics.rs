//! What the server counts of itself, in Prometheus' text format under upstream's names.

mod text;

use std::collections::HashMap;

use http::StatusCode;
use parking_lot::Mutex;
use portcullis_admission::Chain;
use portcullis_admission::metrics::{BUCKETS, Sample};
use portcullis_api::Verb;

use self::text::Text;
use crate::limits::Limits;
use crate::request::{RequestInfo, ResourceRequest};
use portcullis_kinds::table;

/// The content type of Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Requests that were answered. What they may be about is bounded: no client makes it grow.
#[derive(Debug, Default)]
pub struct Requests(Mutex<HashMap<Request, u64>>);

/// The labels of upstream's `apiserver_request_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Request {
    resource: (&'static str, &'static str, &'static str),
    subresource: &'static str,
    scope: &'static str,
    verb: &'static str,
    dry_run: bool,
    code: u16,
}

impl Requests {
    /// Counts a request.
    pub fn note(&self, info: &RequestInfo, dry_run: bool, code: StatusCode) {
        let request = Request::of(info, dry_run, code);
        *self.0.lock().entry(request).or_default() += 1;
    }
}

impl Request {
    fn of(info: &RequestInfo, dry_run: bool, code: StatusCode) -> Self {
        let mut request = Self {
            resource: ("", "", ""),
            subresource: "",
            scope: "",
            verb: "OTHER",
            dry_run,
            code: code.as_u16(),
        };
        match info {
            RequestInfo::Path { verb, .. } => request.verb = method(verb),
            RequestInfo::Resource(info) => request.describe(info),
        }
        request
    }

    /// What is not served is counted without its name.
    fn describe(&mut self, info: &ResourceRequest) {
        self.verb = info.verb.map_or("OTHER", verb);
        self.scope = match (info.name.as_str(), info.namespace.as_str()) {
            ("", "") => "cluster",
            ("", _) => "namespace",
            _ => "resource",
        };
        if let Some(resource) = table::find(&info.api_version(), &info.resource) {
            self.resource = (resource.group, resource.version, resource.plural);
            let subresource = resource.subresource(&info.subresource);
            self.subresource = subresource.map_or("", |subresource| subresource.name);
        }
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

/// Everything, as a scraper reads it.
pub fn render(requests: &Requests, limits: &Limits, admission: &Chain) -> String {
    let mut text = Text::default();
    write_requests(&mut text, requests);
    text.family(
        "apiserver_current_inflight_requests",
        "gauge",
        "Requests that are being carried out, watches aside.",
    );
    for (kind, count) in limits.in_flight() {
        text.sample("", &[("request_kind", kind)], count);
    }
    let samples = admission.metrics();
    write_admission(
        &mut text,
        "apiserver_admission_controller_admission_duration_seconds",
        "How long admission plugins took, by name, operation, phase and whether they refused.",
        samples.iter().filter(|sample| sample.plugin.is_some()),
    );
    write_admission(
        &mut text,
        "apiserver_admission_step_admission_duration_seconds",
        "How long the halves of admission took, by operation and whether they refused.",
        samples.iter().filter(|sample| sample.plugin.is_none()),
    );
    write_process(&mut text);
    text.finish()
}

fn write_requests(text: &mut Text, requests: &Requests) {
    text.family(
        "apiserver_request_total",
        "counter",
        "Requests that were answered, by verb, resource, scope and code.",
    );
    let mut counts: Vec<_> = requests
        .0
        .lock()
        .iter()
        .map(|(r, n)| (r.clone(), *n))
        .collect();
    counts.sort_unstable();
    for (request, count) in counts {
        let (group, version, resource) = request.resource;
        let labels = [
            ("code", request.code.to_string()),
            ("component", "apiserver".to_owned()),
            (
                "dry_run",
                if request.dry_run { "All" } else { "" }.to_owned(),
            ),
            ("group", group.to_owned()),
            ("resource", resource.to_owned()),
            ("scope", request.scope.to_owned()),
            ("subresource", request.subresource.to_owned()),
            ("verb", request.verb.to_owned()),
            ("version", version.to_owned()),
        ];
        let labels: Vec<_> = labels.iter().map(|(k, v)| (*k, v.as_str())).collect();
        text.sample("", &labels, count);
    }
}

fn write_admission<'s>(
    text: &mut Text,
    name: &'static str,
    help: &str,
    samples: impl Iterator<Item = &'s Sample>,
) {
    text.family(name, "histogram", help);
    for sample in samples {
        let operation = sample.operation.to_string();
        let rejected = sample.rejected.to_string();
        let mut labels: Vec<(&str, &str)> =
            sample.plugin.map(|p| ("name", p)).into_iter().collect();
        labels.extend([
            ("operation", operation.as_str()),
            ("rejected", &rejected),
            ("type", sample.phase.as_str()),
        ]);
        let durations = &sample.durations;
        let finite = BUCKETS.iter().map(f64::to_string).zip(durations.not_longer);
        for (bound, count) in finite.chain([("+Inf".to_owned(), durations.count)]) {
            let mut labels = labels.clone();
            labels.push(("le", &bound));
            text.sample("_bucket", &labels, count);
        }
        text.sample("_sum", &labels, durations.total.as_secs_f64());
        text.sample("_count", &labels, durations.count);
    }
}

/// What Linux says of the process; nothing where there is no `/proc`.
fn write_process(text: &mut Text) {
    const PAGE: u64 = 4096;
    let Ok(pages) = std::fs::read_to_string("/proc/self/statm") else {
        return;
    };
    let resident = pages
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok());
    if let Some(resident) = resident {
        text.family(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory size in bytes.",
        );
        text.sample("", &[], resident * PAGE);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::Query;

    #[test]
    fn requests_are_counted_by_what_they_are_about() {
        let requests = Requests::default();
        let note = |method: Method, path: &str, code| {
            let info = RequestInfo::parse(&method, path, &Query::default());
            requests.note(&info, false, code);
        };
        for _ in 0..2 {
            note(
                Method::POST,
                "/api/v1/namespaces/default/pods",
                StatusCode::CREATED,
            );
        }
        note(
            Method::PUT,
            "/api/v1/namespaces/a/pods/b/status",
            StatusCode::CONFLICT,
        );
        note(
            Method::GET,
            "/apis/made.up/v1/odd\"names",
            StatusCode::NOT_FOUND,
        );
        note(Method::GET, "/healthz", StatusCode::OK);
        let limits = Limits::new(&crate::config::RequestLimits {
            max_requests_inflight: 4,
            max_mutating_requests_inflight: 2,
            request_timeout: std::time::Duration::ZERO,
        });
        let text = render(&requests, &limits, &Chain::default());
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
