//! Why a namespace remains, with upstream's texts
//! (`pkg/controller/namespace/deletion/status_condition_utils.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::NamespaceCondition;
use portcullis_api::Status;
use portcullis_storage::Entry;

use portcullis_kinds::resource::Resource;
use portcullis_registry::head::HeadMeta;

/// The remaining objects of a kind in a namespace.
pub(super) struct Remaining {
    /// `pods.`, `deployments.apps`
    kind: String,
    count: usize,
    /// How many of them have each finalizer.
    finalizers: BTreeMap<String, usize>,
}

impl Remaining {
    /// These objects, if there are any.
    pub(super) fn of(kind: &Resource, entries: &[Arc<Entry>]) -> Option<Self> {
        let mut finalizers = BTreeMap::new();
        for entry in entries {
            let held = HeadMeta::read(entry).map(|head| head.finalizers);
            for finalizer in held.unwrap_or_default() {
                *finalizers.entry(finalizer).or_default() += 1;
            }
        }
        (!entries.is_empty()).then(|| Self {
            kind: format!("{}.{}", kind.plural, kind.group),
            count: entries.len(),
            finalizers,
        })
    }
}

/// The result of emptying a namespace.
#[derive(Default)]
pub(super) struct Emptied {
    /// The kinds with remaining objects.
    pub(super) remaining: Vec<Remaining>,
    /// The errors of kinds.
    pub(super) failures: Vec<Status>,
}

impl Emptied {
    /// Whether nothing is left.
    pub(super) fn is_all(&self) -> bool {
        self.remaining.is_empty() && self.failures.is_empty()
    }

    /// All errors as one (Go: `utilerrors.NewAggregate`).
    fn failure(&self) -> Option<(&'static str, String)> {
        let mut messages: Vec<_> = self.failures.iter().map(|s| s.message.as_str()).collect();
        let mut seen = BTreeSet::new();
        messages.retain(|message| seen.insert(*message));
        let all = match messages.as_slice() {
            [] => return None,
            [only] => (*only).to_owned(),
            several => format!("[{}]", several.join(", ")),
        };
        let why = format!(
            "Failed to delete all resource types, {} remaining: {all}",
            self.failures.len()
        );
        Some(("ContentDeletionFailed", why))
    }
}

/// Updates a namespace's conditions by the result of emptying it.
pub(super) fn update(known: &mut Vec<NamespaceCondition>, emptied: &Emptied) {
    let remaining = &emptied.remaining;
    let failure = emptied.failure();
    let mut kinds: Vec<_> = remaining.iter().map(instances).collect();
    kinds.sort();
    let content = (!kinds.is_empty()).then(|| {
        let why = format!("Some resources are remaining: {}", kinds.join(", "));
        ("SomeResourcesRemain", why)
    });
    for (kind, found, otherwise) in [
        ("NamespaceDeletionDiscoveryFailure", None, DISCOVERED),
        ("NamespaceDeletionGroupVersionParsingFailure", None, PARSED),
        ("NamespaceDeletionContentFailure", failure, DELETED),
        ("NamespaceContentRemaining", content, REMOVED),
        ("NamespaceFinalizersRemaining", held(remaining), FINISHED),
    ] {
        set(known, condition(kind, found, otherwise));
    }
}

const DISCOVERED: [&str; 2] = [
    "ResourcesDiscovered",
    "All resources successfully discovered",
];
const PARSED: [&str; 2] = [
    "ParsedGroupVersions",
    "All legacy kube types successfully parsed",
];
const DELETED: [&str; 2] = [
    "ContentDeleted",
    "All content successfully deleted, may be waiting on finalization",
];
const REMOVED: [&str; 2] = ["ContentRemoved", "All content successfully removed"];
const FINISHED: [&str; 2] = [
    "ContentHasNoFinalizers",
    "All content-preserving finalizers finished",
];

fn instances(remaining: &Remaining) -> String {
    format!(
        "{} has {} resource instances",
        remaining.kind, remaining.count
    )
}

fn held(remaining: &[Remaining]) -> Option<(&'static str, String)> {
    let mut by_finalizer = BTreeMap::<&str, usize>::new();
    for (finalizer, count) in remaining.iter().flat_map(|r| &r.finalizers) {
        *by_finalizer.entry(finalizer).or_default() += count;
    }
    let holds = |(finalizer, count)| format!("{finalizer} in {count} resource instances");
    let list: Vec<_> = by_finalizer.into_iter().map(holds).collect();
    (!list.is_empty()).then(|| {
        let list = list.join(", ");
        let why = format!("Some content in the namespace has finalizers remaining: {list}");
        ("SomeFinalizersRemain", why)
    })
}

fn condition(
    kind: &str,
    found: Option<(&str, String)>,
    [reason, message]: [&str; 2],
) -> NamespaceCondition {
    let status = if found.is_some() { "True" } else { "False" };
    let (reason, message) = found.unwrap_or_else(|| (reason, message.to_owned()));
    NamespaceCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(portcullis_kinds::time::now()),
    }
}

/// An unchanged condition keeps its time.
fn set(known: &mut Vec<NamespaceCondition>, condition: NamespaceCondition) {
    let says = |c: &NamespaceCondition| (c.status.clone(), c.reason.clone(), c.message.clone());
    match known.iter_mut().find(|c| c.type_ == condition.type_) {
        Some(before) if says(before) == says(&condition) => {}
        Some(before) => *before = condition,
        None => known.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kinds::table;

    fn entries(names: &[&str]) -> Vec<Arc<Entry>> {
        let entry = |name: &&str| {
            let json = format!(r#"{{"metadata":{{"uid":"{name}","finalizers":["f"]}}}}"#);
            Entry::new(*name, json.into_bytes().into(), 1)
        };
        names.iter().map(entry).collect()
    }

    fn of(remaining: Vec<Remaining>, failures: &[&str]) -> Emptied {
        let failures = failures.iter().map(|why| {
            let mut status = Status::internal("");
            status.message = (*why).to_owned();
            status
        });
        Emptied {
            remaining,
            failures: failures.collect(),
        }
    }

    fn texts(known: &[NamespaceCondition]) -> Vec<String> {
        let text = |c: &NamespaceCondition| {
            format!(
                "{}={} {}",
                c.type_,
                c.status,
                c.message.as_deref().unwrap_or_default()
            )
        };
        known.iter().map(text).collect()
    }

    #[test]
    fn conditions_say_what_remains_and_why() {
        let pods = Remaining::of(table::PODS, &entries(&["a", "b"])).unwrap();
        let maps = Remaining::of(table::CONFIG_MAPS, &entries(&["c"])).unwrap();
        let mut known = Vec::new();
        update(&mut known, &of(vec![pods, maps], &[]));
        let texts = texts(&known);
        assert_eq!(
            texts[3],
            "NamespaceContentRemaining=True Some resources are remaining: \
             configmaps. has 1 resource instances, pods. has 2 resource instances"
        );
        assert_eq!(
            texts[4],
            "NamespaceFinalizersRemaining=True Some content in the namespace has finalizers \
             remaining: f in 3 resource instances"
        );
        assert!(texts[2].starts_with("NamespaceDeletionContentFailure=False"));
    }

    #[test]
    fn an_unchanged_condition_keeps_its_time() {
        let mut known = Vec::new();
        let full = of(Vec::new(), &["the disk is full"]);
        update(&mut known, &full);
        assert!(texts(&known)[2].ends_with("1 remaining: the disk is full"));
        for condition in &mut known {
            condition.last_transition_time = None;
        }
        update(&mut known, &full);
        assert!(known.iter().all(|c| c.last_transition_time.is_none()));
        update(&mut known, &of(Vec::new(), &["one", "two", "one"]));
        assert!(texts(&known)[2].ends_with("3 remaining: [one, two]"));
        update(&mut known, &Emptied::default());
        assert!(known[2].last_transition_time.is_some());
        assert!(Remaining::of(table::PODS, &[]).is_none());
    }
}
