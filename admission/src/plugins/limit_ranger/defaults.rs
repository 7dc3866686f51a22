//! Sets default requests and limits of containers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LimitRangeItem, Pod};

use crate::amounts::Resources;

/// The annotation that lists what was set.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Sets missing requests and limits, and annotates the pod with their names.
pub(super) fn set_defaults(pod: &mut Pod, items: &[LimitRangeItem]) {
    let of_containers = || items.iter().filter(|item| item.type_ == "Container");
    let requests = all(of_containers().map(|item| item.default_request.as_ref()));
    let limits = all(of_containers().map(|item| item.default.as_ref()));
    let Some(spec) = &mut pod.spec else { return };
    let mut notes = Vec::new();
    for container in &mut spec.containers {
        set_container_defaults(container, "container", &requests, &limits, &mut notes);
    }
    for container in spec.init_containers.iter_mut().flatten() {
        set_container_defaults(container, "init container", &requests, &limits, &mut notes);
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(ANNOTATION.to_owned(), note);
    }
}

/// Later items override earlier ones.
fn all<'r>(defaults: impl Iterator<Item = Option<&'r Resources>>) -> Resources {
    let entries = defaults.flatten().flatten();
    entries
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect()
}

fn set_container_defaults(
    container: &mut Container,
    kind: &str,
    requests: &Resources,
    limits: &Resources,
    notes: &mut Vec<String>,
) {
    if requests.is_empty() && limits.is_empty() {
        return;
    }
    let resources = container.resources.get_or_insert_default();
    for (what, own, defaults) in [
        ("request", &mut resources.requests, requests),
        ("limit", &mut resources.limits, limits),
    ] {
        let set = set_missing(own, defaults);
        if !set.is_empty() {
            let names = set.join(", ");
            notes.push(format!("{names} {what} for {kind} {}", container.name));
        }
    }
}

/// Returns the names of the resources that were missing, sorted.
fn set_missing(own: &mut Option<Resources>, defaults: &Resources) -> Vec<String> {
    let known = own.as_ref().unwrap_or(&BTreeMap::new()).clone();
    let missing = defaults
        .iter()
        .filter(|(name, _)| !known.contains_key(*name));
    let mut set = Vec::new();
    for (name, amount) in missing {
        own.get_or_insert_default()
            .insert(name.clone(), amount.clone());
        set.push(name.clone());
    }
    set
}
