//! Zero values that Go omits, and those that it writes for unset fields.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::source::{Shape, Source};
use crate::type_metadata;

/// Values of a document by their addresses, which are stable while the document is borrowed.
#[derive(Debug, Default)]
pub(super) struct Dropped(HashSet<usize>);

impl Dropped {
    pub(super) fn add(&mut self, value: Source<'_>) {
        self.0.insert(value.address());
    }

    pub(super) fn contains(&self, value: Source<'_>) -> bool {
        !self.0.is_empty() && self.0.contains(&value.address())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a value is the zero value of some type.
pub(super) fn is_zero(value: Source<'_>) -> bool {
    match value.shape() {
        Shape::Null | Shape::Text(_) => false,
        Shape::Bool(v) => !v,
        Shape::Number(n) => n.as_f64() == Some(0.0),
        Shape::String(v) => v.is_empty(),
        Shape::Array(v) => v.is_empty(),
        Shape::Object(v) => v.is_empty(),
    }
}

/// Whether a list or map is null or empty.
pub(super) fn is_empty(value: Source<'_>) -> bool {
    match value.shape() {
        Shape::Null => true,
        Shape::Array(v) => v.is_empty(),
        Shape::Object(v) => v.is_empty(),
        Shape::Bool(_) | Shape::Number(_) | Shape::String(_) | Shape::Text(_) => false,
    }
}

/// Lists and maps where upstream distinguishes empty from unset until they are stored, as validation
/// compares them by `reflect.DeepEqual` and defaulting checks for nil.
const KEPT: [(&str, &str); 6] = [
    ("ConfigMap", "binaryData"),
    ("ConfigMap", "data"),
    ("ControllerRevision", "data"),
    ("HPAScalingRules", "policies"),
    ("Secret", "data"),
    ("StorageClass", "parameters"),
];

/// Whether a zero value of a field is kept.
pub(super) fn is_kept(owner: &str, field: &str) -> bool {
    KEPT.contains(&(owner, field)) || type_metadata::empty_is_set(owner).contains(&field)
}

/// The parsed values of what Go writes for unset fields, by text, except null.
static ALWAYS: LazyLock<HashMap<&'static str, Value>> = LazyLock::new(|| {
    let zeros = type_metadata::zeros().filter(|text| *text != "null");
    let parsed = zeros.filter_map(|text| Some((text, serde_json::from_str(text).ok()?)));
    parsed.collect()
});

/// The parsed value of what Go writes for an unset field; `None` if that is null.
pub(super) fn written(text: &str) -> Option<Source<'static>> {
    ALWAYS.get(text).map(Source::Value)
}
