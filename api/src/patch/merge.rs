//! RFC 7386: objects are merged, null deletes, everything else replaces.

use serde_json::{Map, Value};

pub(super) fn merge(original: &Value, patch: &Map<String, Value>) -> Value {
    let mut merged = match original {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    merge_into(&mut merged, patch);
    Value::Object(merged)
}

fn merge_into(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(change) => {
                let value = target.entry(key.as_str()).or_insert(Value::Null);
                if !value.is_object() {
                    *value = Value::Object(Map::new());
                }
                if let Value::Object(fields) = value {
                    merge_into(fields, change);
                }
            }
            other => {
                target.insert(key.to_owned(), other.clone());
            }
        }
    }
}
