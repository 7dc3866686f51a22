use std::collections::BTreeSet;

use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::resource::Resource;

use crate::discovery::{Group, groups, short_names};

/// Names, short names, version, scope, kind, verbs and categories of every stable API of Kubernetes
/// 1.24, and of those kept for chapter 13, as `kubectl api-resources -o wide` prints them.
const UPSTREAM: &str = include_str!("../../../../../testdata/api-resources.tsv");

/// The output of `kubectl api-resources` for the table: each resource in its group's preferred version.
fn api_resources() -> Vec<String> {
    let mut rows = Vec::new();
    for group in groups(Catalogue::default().rows()) {
        let mut seen = BTreeSet::new();
        for version in &group.versions {
            for resource in &version.resources {
                if seen.insert(resource.plural) {
                    rows.push(describe(resource, &group, &group.group_version(version)));
                }
            }
        }
    }
    rows
}

fn describe(resource: &Resource, group: &Group, group_version: &str) -> String {
    let mut verbs: Vec<_> = resource.verbs.iter().map(|v| v.as_str()).collect();
    verbs.sort_unstable();
    [
        resource.plural,
        &short_names(resource, group.name).join(","),
        group_version,
        &resource.namespaced.to_string(),
        resource.kind,
        &verbs.join(","),
        &resource.categories.join(","),
    ]
    .join("\t")
}

#[test]
fn api_resources_are_upstreams() {
    let served = api_resources();
    let served: BTreeSet<_> = served.iter().map(String::as_str).collect();
    assert_eq!(served, UPSTREAM.lines().collect());
}
