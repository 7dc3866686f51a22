//! How pods count against quotas (upstream: `pkg/quota/v1/evaluator/core/pods.go`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use portcullis_api::quantity::Quantity;

use crate::amounts::{Amounts, Usage, add, is_extended, read};

const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const HUGE_PAGES: &str = "hugepages-";
/// Where a quota counts these, every container must specify them; upstream keeps the rule for
/// compatibility.
const MUST_BE_SPECIFIED: [&str; 6] = [
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];

/// Whether a name in a quota is one that pods count under, other than `count/pods`.
pub(super) fn counts(name: &str) -> bool {
    let requested = name.strip_prefix("requests.");
    let limited = name.strip_prefix("limits.");
    let plain = requested.or(limited).unwrap_or(name);
    name == "pods"
        || COMPUTE.contains(&plain)
        || limited.is_none() && plain.starts_with(HUGE_PAGES)
        || requested.is_some_and(is_extended)
}

/// The usage of a pod by the names in quotas, other than `count/pods`. A pod that has ended uses
/// nothing.
pub(super) fn usage(pod: &Pod) -> Amounts {
    if has_ended(pod) {
        return Amounts::new();
    }
    let mut total = Usage::of_pod(pod);
    let overhead = pod.spec.as_ref().and_then(|s| s.overhead.as_ref());
    add(&mut total.requests, read(overhead));
    add(&mut total.limits, read(overhead));
    let mut usage = named(&total);
    usage.insert("pods".to_owned(), Quantity::from_units(1));
    usage
}

/// Whether a pod has terminated, or its deletion is past its grace period (upstream: `QuotaV1Pod`).
fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let meta = &pod.metadata;
    let deleted = meta.deletion_timestamp.as_ref();
    let overdue = deleted.zip(meta.deletion_grace_period_seconds);
    matches!(phase, Some("Failed" | "Succeeded"))
        || overdue.is_some_and(|(deleted, grace)| {
            let end = deleted.0.as_second().saturating_add(grace);
            Timestamp::now().as_second() > end
        })
}

fn named(usage: &Usage) -> Amounts {
    let mut named = Amounts::new();
    for (name, amount) in &usage.requests {
        if COMPUTE.contains(&name.as_str()) || name.starts_with(HUGE_PAGES) {
            named.insert(name.clone(), *amount);
            named.insert(format!("requests.{name}"), *amount);
        } else if is_extended(name) {
            named.insert(format!("requests.{name}"), *amount);
        }
    }
    let limits = usage.limits.iter();
    for (name, amount) in limits.filter(|(name, _)| COMPUTE.contains(&name.as_str())) {
        named.insert(format!("limits.{name}"), *amount);
    }
    named
}

/// An error unless every container specifies the counted resources in [`MUST_BE_SPECIFIED`].
pub(super) fn constraints(pod: &Pod, counted: &[&String]) -> Result<(), String> {
    let required = || {
        counted
            .iter()
            .filter(|name| MUST_BE_SPECIFIED.contains(&name.as_str()))
    };
    let Some(spec) = &pod.spec else { return Ok(()) };
    let init = spec.init_containers.iter().flatten();
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in spec.containers.iter().chain(init) {
        let specified = named(&Usage::of(container.resources.as_ref()));
        for name in required().filter(|name| !specified.contains_key(**name)) {
            missing.entry(name).or_default().insert(&container.name);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let texts = missing.into_iter().map(|(name, containers)| {
        let containers: Vec<_> = containers.into_iter().collect();
        format!("{name} for: {}", containers.join(","))
    });
    let texts: Vec<_> = texts.collect();
    Err(format!("must specify {}", texts.join("; ")))
}
