//! Zero values that Go omits, and those it writes for absent fields.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use crate::facts;

/// Values of a document by their place in memory, which is theirs as long as the document is borrowed.
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

/// Whether a value may be a zero that some type does not write.
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

/// Whether a list or a map is null or empty.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(v) => v.is_empty(),
        Value::Object(v) => v.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Lists and maps that upstream tells from none until they are stored: its validation compares them by
/// `reflect.DeepEqual`, and its defaults ask for nil.
const KEPT: [(&str, &str); 5] = [
    ("ConfigMap", "binaryData"),
    ("ConfigMap", "data"),
    ("HPAScalingRules", "policies"),
    ("Secret", "data"),
    ("StorageClass", "parameters"),
];

/// Whether a zero in a field is not dropped.
pub(super) fn is_kept(owner: &str, field: &str) -> bool {
    KEPT.contains(&(owner, field)) || facts::pointers_to_anything(owner).contains(&field)
}

/// What Go writes of the fields that it always writes, by its text; null, which says nothing, is not
/// among them.
static ALWAYS: LazyLock<HashMap<&'static str, Value>> = LazyLock::new(|| {
    let zeros = facts::zeros().filter(|text| *text != "null");
    let parsed = zeros.filter_map(|text| Some((text, serde_json::from_str(text).ok()?)));
    parsed.collect()
});

/// The value of such a text.
pub(super) fn written(text: &str) -> Option<&'static Value> {
    ALWAYS.get(text)
}
