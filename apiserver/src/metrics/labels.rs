//! What requests are counted under.
//!
//! Upstream: `CleanScope` and `CanonicalVerb` in `k8s.io/apiserver/pkg/endpoints/metrics/metrics.go`.

use portcullis_api::{Verb, same_name};
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::intern;

use crate::request::{RequestInfo, ResourceRequest};

/// The names of the labels, in the order of [`Labels::values`].
pub(super) const NAMES: [&str; 7] = [
    "verb",
    "group",
    "version",
    "resource",
    "subresource",
    "scope",
    "component",
];

/// A request by the labels that upstream counts it under. What it may be about is bounded: no client makes
/// the metrics grow.
#[derive(Clone, Copy, Debug, Default, Eq, Hash)]
#[allow(
    clippy::derived_hash_with_manual_eq,
    reason = "equal names have equal hashes"
)]
pub(super) struct Labels {
    pub(super) verb: &'static str,
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    subresource: &'static str,
    scope: &'static str,
    pub(super) dry_run: &'static str,
}

impl PartialEq for Labels {
    /// Some labels of every request are empty.
    fn eq(&self, other: &Self) -> bool {
        let both = self.values().into_iter().zip(other.values());
        same_name(self.dry_run, other.dry_run) && both.into_iter().all(|(a, b)| same_name(a, b))
    }
}

impl Labels {
    pub(super) fn of(info: &RequestInfo, dry_run: bool, catalogue: &Catalogue) -> Self {
        let labels = match info {
            RequestInfo::Path { verb, .. } => Self {
                verb: method(verb),
                ..Self::default()
            },
            RequestInfo::Resource(info) => Self::of_resource(info, catalogue),
        };
        let dry_run = if dry_run { "All" } else { "" };
        Self { dry_run, ..labels }
    }

    /// What is not served is counted without its name.
    fn of_resource(info: &ResourceRequest, catalogue: &Catalogue) -> Self {
        let is_one = !info.name.is_empty() || info.verb == Some(Verb::Create);
        let mut labels = Self {
            verb: info.verb.map_or("OTHER", verb),
            scope: match (is_one, info.namespace.as_str()) {
                (true, _) => "resource",
                (false, "") => "cluster",
                (false, _) => "namespace",
            },
            ..Self::default()
        };
        let api_version = info.api_version();
        if let Some(resource) = catalogue.find(&api_version, &info.resource) {
            let (group, version) = match api_version == resource.api_version() {
                true => (resource.group, resource.version),
                // one of the few that are served
                false => match api_version.split_once('/') {
                    Some((group, version)) => (intern::name(group), intern::name(version)),
                    None => ("", intern::name(&api_version)),
                },
            };
            labels.group = group;
            labels.version = version;
            labels.resource = resource.plural;
            let subresource = resource.subresource(&info.subresource);
            labels.subresource = subresource.map_or("", |subresource| subresource.name);
        }
        labels
    }

    /// The values of the labels that all metrics of requests have.
    pub(super) const fn values(&self) -> [&'static str; 7] {
        [
            self.verb,
            self.group,
            self.version,
            self.resource,
            self.subresource,
            self.scope,
            "apiserver",
        ]
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
