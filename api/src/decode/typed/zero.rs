//! Zero values that Go omits, and those that it writes for unset fields.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use crate::type_metadata;

/// Values of a document by their addresses, which are stable while the document is borrowed.
#[derive(Debug, Default)]
pub(super) struct Dropped(HashSet<usize>);

impl Dropped {
    pub(super) fn add(&mut self, value: &Value) {
        self.0.insert(std::ptr::from_ref(value).addr());
    }

    pub(super) fn contains(&self, value: &Value) -> bool {
        !self.0.is_empty() && self.0.contains(&std::ptr::from_ref(value).addr())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a value is the zero value of some type.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(v) => !v,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(v) => v.is_empty(),
        Value::Array(v) => v.is_empty(),
        Value::Object(v) => v.is_empty(),
    }
}

/// Whether a list or map is null or empty.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(v) => v.is_empty(),
        Value::Object(v) => v.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
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
pub(super) fn written(text: &str) -> Option<&'static Value> {
    ALWAYS.get(text)
}
