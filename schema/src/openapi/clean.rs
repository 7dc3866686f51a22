//! Normalizes the JSON of a schema to what Go writes.

use serde_json::{Map, Value, json};

pub(super) const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Visits the child schemas of one, without branches.
pub(super) fn each_child(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Value::Object(schema) = schema else {
        return;
    };
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(&mut *visit);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(child @ Value::Object(_)) = schema.get_mut(name) {
            visit(child);
        }
    }
}

/// Removes what Go omits: empty strings, empty lists, `false`.
pub(super) fn clean(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        fields.retain(|name, value| match name.as_str() {
            // arbitrary values, which are kept
            "default" | "example" => !value.is_null(),
            "additionalProperties" => true,
            _ => !is_empty(value),
        });
        for name in JUNCTORS {
            if let Some(Value::Array(branches)) = fields.get_mut(name) {
                branches.iter_mut().for_each(clean);
            }
        }
        if let Some(not) = fields.get_mut("not") {
            clean(not);
        }
    }
    each_child(schema, &mut clean);
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(v) => !v,
        Value::String(v) => v.is_empty(),
        Value::Array(v) => v.is_empty(),
        // `not: {}` has a meaning, `properties: {}` does not
        Value::Object(_) | Value::Number(_) => false,
    }
}

/// Adds the equivalent types to `x-kubernetes-int-or-string`.
pub(super) fn unfold(schema: &mut Value) {
    let types = json!([{"type": "integer"}, {"type": "string"}]);
    if let Value::Object(fields) = schema
        && fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
    {
        spell_out(fields, types);
    }
    each_child(schema, &mut unfold);
}

fn spell_out(fields: &mut Map<String, Value>, types: Value) {
    let first = fields.get("allOf").and_then(|all| all.get(0)?.get("anyOf"));
    if fields.get("anyOf") == Some(&types) || first == Some(&types) {
        return;
    }
    if !fields.contains_key("anyOf") {
        fields.insert("anyOf".to_owned(), types);
        return;
    }
    let all = fields
        .entry("allOf")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.insert(0, json!({"anyOf": types}));
    }
}
