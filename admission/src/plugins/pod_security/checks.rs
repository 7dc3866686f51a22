//! The checks, and helpers that format their messages.

pub(super) mod baseline;
pub(super) mod context;
pub(super) mod restricted;

use std::collections::BTreeSet;

use super::violation::Violation;

/// Distinct values that a check found, sorted.
type Values = BTreeSet<String>;

/// `"a", "b"`, without escaping.
fn quoted<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let items = items
        .into_iter()
        .map(|item| format!("\"{}\"", item.as_ref()));
    items.collect::<Vec<_>>().join(", ")
}

const fn plural<'t>(one: &'t str, several: &'t str, count: usize) -> &'t str {
    if count == 1 { one } else { several }
}

/// `containers "a", "b"`
fn containers(names: &[&str]) -> String {
    let noun = plural("container", "containers", names.len());
    format!("{noun} {}", quoted(names))
}

/// `pod and container "a"`: which of them set a forbidden value; `None` if none did.
fn setters(pod: bool, names: &[&str]) -> Option<String> {
    let pod = pod.then(|| "pod".to_owned());
    let named = (!names.is_empty()).then(|| containers(names));
    let all: Vec<_> = pod.into_iter().chain(named).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

const fn violation(reason: &'static str, detail: String) -> Violation {
    Violation { reason, detail }
}
