//! Objects that move from client-side apply to server-side apply.
//!
//! Only `kubectl` under its own name is supported, as upstream (`lastAppliedManager`,
//! `lastAppliedUpdater`).

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::update::Writer;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The longest total of annotations, in bytes.
const ANNOTATIONS_MAX: usize = 256 * 1024;

/// The fields of an object that still have the values that kubectl last applied itself: kubectl may change
/// those without a conflict. `None` if it never did.
pub(super) fn unchanged(writer: Writer<'_>, live: &Value) -> Option<FieldSet> {
    if !is_kubectl(writer) {
        return None;
    }
    let applied = annotations(live)?.get(ANNOTATION)?.as_str()?;
    let applied: Value = serde_json::from_str(applied).ok()?;
    if applied.get("apiVersion")?.as_str()? != writer.api_version() {
        return None;
    }
    let tracked = writer.tracked();
    let mut fields = tracked.fields(&applied);
    let found = tracked.compare(&applied, live);
    fields.subtract(&found.modified);
    fields.subtract(&found.added);
    fields.subtract(&found.removed);
    Some(fields)
}

/// Keeps the annotation up to date, so that users can go back to client-side apply.
pub(super) fn refresh(writer: Writer<'_>, object: &mut Value, config: &Value) {
    let is_kept = |text: &Value| text.as_str().is_some_and(|t| !t.is_empty());
    if !is_kubectl(writer)
        || !annotations(object)
            .and_then(|a| a.get(ANNOTATION))
            .is_some_and(is_kept)
    {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = annotations_mut(&mut config) {
        annotations.remove(ANNOTATION);
    }
    let Some(annotations) = annotations_mut(object) else {
        return;
    };
    annotations.remove(ANNOTATION);
    let text = format!("{config}\n");
    let others: usize = annotations
        .iter()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    if others + ANNOTATION.len() + text.len() <= ANNOTATIONS_MAX {
        annotations.insert(ANNOTATION.to_owned(), text.into());
    }
}

fn is_kubectl(writer: Writer<'_>) -> bool {
    writer.manager() == "kubectl"
}

fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.get("annotations")?.as_object()
}

fn annotations_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}
