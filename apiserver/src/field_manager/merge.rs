//! What an object becomes when a configuration is applied to it.
//!
//! Upstream: `structured-merge-diff/typed/merge.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::element::Element;
use super::schema::Schema;

/// A value with a configuration laid over it.
pub(super) fn merge(live: &Value, config: &Value, schema: Schema) -> Value {
    match (live, config) {
        (Value::Object(live), Value::Object(config)) if !schema.is_atomic() => {
            Value::Object(fields(live, config, schema))
        }
        (Value::Array(live), Value::Array(config)) if !(live.is_empty() && config.is_empty()) => {
            items(live, config, schema).unwrap_or_else(|| Value::Array(config.clone()))
        }
        // null empties scalars and what is atomic, and says nothing of what lies further down
        (Value::Object(fields), Value::Null) if !schema.is_atomic() && !fields.is_empty() => {
            live.clone()
        }
        (Value::Array(items), Value::Null) if schema.is_associative() && !items.is_empty() => {
            live.clone()
        }
        _ => config.clone(),
    }
}

fn fields(
    live: &Map<String, Value>,
    config: &Map<String, Value>,
    schema: Schema,
) -> Map<String, Value> {
    let mut merged = live.clone();
    for (name, value) in config {
        match merged.get_mut(name) {
            Some(slot) => *slot = merge(slot, value, schema.field(name)),
            None => {
                merged.insert(name.clone(), value.clone());
            }
        }
    }
    merged
}

/// Merges lists item by item: the items that both have stand in the configuration's order, those
/// of the object alone where they stood between them. `None` if the list is owned as one.
fn items(live: &[Value], config: &[Value], schema: Schema) -> Option<Value> {
    let (live_at, config_at) = (schema.elements(live)?, schema.elements(config)?);
    let mut by_element: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in live_at.iter().zip(live) {
        // with two of a kind there is none to merge with
        by_element
            .entry(element)
            .and_modify(|found| *found = None)
            .or_insert(Some(item));
    }
    let wanted: BTreeSet<&Element> = config_at.iter().collect();
    let mut shared = config_at
        .iter()
        .filter(|e| by_element.contains_key(e))
        .peekable();
    let mut done: BTreeSet<&Element> = BTreeSet::new();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let mut lives = live_at.iter().zip(live).peekable();
    let mut configs = config_at.iter().zip(config).peekable();
    loop {
        match lives.peek().copied() {
            Some((at, item)) if !wanted.contains(at) => {
                merged.push(item.clone());
                lives.next();
                continue;
            }
            // it goes where the configuration has it
            Some((at, _)) if configs.peek().is_some_and(|(c, _)| *c != at) => {
                let out_of_turn = shared.peek().is_some_and(|next| *next != at);
                if out_of_turn || done.contains(at) {
                    lives.next();
                }
                if out_of_turn {
                    continue;
                }
            }
            Some(_) => {
                lives.next();
            }
            None => {}
        }
        let Some((at, item)) = configs.next() else {
            if lives.peek().is_none() {
                break;
            }
            continue;
        };
        if shared.peek() == Some(&at) {
            shared.next();
        }
        done.insert(at);
        merged.push(match by_element.get(at).copied().flatten() {
            Some(live) => merge(live, item, schema.item()),
            None => item.clone(),
        });
    }
    Some(Value::Array(merged))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(names: &str) -> Value {
        let items = names.chars().map(|c| json!({"name": c.to_string()}));
        json!({"spec": {"containers": items.collect::<Vec<_>>()}})
    }

    fn order(live: &str, config: &str) -> String {
        let merged = merge(&named(live), &named(config), Schema::of_kind("Pod"));
        let items = merged["spec"]["containers"].as_array().unwrap().clone();
        items.iter().map(|i| i["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn shared_items_stand_as_applied_and_others_where_they_stood() {
        for (live, config, merged) in [
            ("", "ab", "ab"),
            ("ab", "", "ab"),
            ("ab", "ba", "ba"),
            ("abc", "b", "abc"),
            ("abc", "ca", "bca"),
            ("ab", "bc", "abc"),
            ("b", "abc", "abc"),
            ("axb", "ba", "xba"),
            ("ab", "xyb", "axyb"),
        ] {
            assert_eq!(order(live, config), merged, "{live} {config}");
        }
    }

    #[test]
    fn sets_are_united_and_atomic_values_replaced() {
        let live =
            json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"nodeSelector": {"a": "b"}}});
        let config =
            json!({"metadata": {"finalizers": ["c", "b"]}, "spec": {"nodeSelector": {"c": "d"}}});
        let merged = merge(&live, &config, Schema::of_kind("Pod"));
        assert_eq!(
            merged,
            json!({"metadata": {"finalizers": ["a", "c", "b"]}, "spec": {"nodeSelector": {"c": "d"}}})
        );
    }

    #[test]
    fn a_null_empties_a_scalar_and_leaves_a_map() {
        let live = json!({"data": {"a": "b"}, "immutable": true});
        let config = json!({"data": null, "immutable": null});
        let merged = merge(&live, &config, Schema::of_kind("ConfigMap"));
        assert_eq!(merged, json!({"data": {"a": "b"}, "immutable": null}));
    }
}
