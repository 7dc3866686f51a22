//! Merges a configuration into an object.
//!
//! Upstream: `structured-merge-diff/typed/merge.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::element::Element;
use super::field_set::FieldSet;
use super::field_type::FieldType;

/// A value with a configuration merged into it; `others` own some of it as well.
pub(super) fn merge(
    live: &Value,
    config: &Value,
    field_type: FieldType<'_>,
    others: &FieldSet,
) -> Value {
    match (live, config) {
        (Value::Object(live), Value::Object(config)) if !field_type.is_atomic() => {
            Value::Object(fields(live, config, field_type, others))
        }
        (Value::Array(live), Value::Array(config)) if !(live.is_empty() && config.is_empty()) => {
            items(live, config, field_type, others).unwrap_or_else(|| Value::Array(config.clone()))
        }
        // null empties scalars and atomic values, and has no effect on values below
        (Value::Object(fields), Value::Null) if !field_type.is_atomic() && !fields.is_empty() => {
            live.clone()
        }
        (Value::Array(items), Value::Null) if field_type.is_associative() && !items.is_empty() => {
            live.clone()
        }
        _ => config.clone(),
    }
}

fn fields(
    live: &Map<String, Value>,
    config: &Map<String, Value>,
    field_type: FieldType<'_>,
    others: &FieldSet,
) -> Map<String, Value> {
    let mut merged = live.clone();
    for (name, value) in config {
        match merged.get_mut(name) {
            Some(slot) => {
                let others = others.below(&Element::Field(name.into()));
                *slot = merge(slot, value, field_type.field(name), others);
            }
            None => {
                merged.insert(name.clone(), value.clone());
            }
        }
    }
    merged
}

/// Merges lists item by item. `None` if the list is atomic.
///
/// Upstream kept the object's order up to 1.21, so that no manager could change it, and since then takes the
/// configuration's, so that managers who disagree change it back and forth. Here a manager can change the
/// order if no other manager lists any of the items.
fn items(
    live: &[Value],
    config: &[Value],
    field_type: FieldType<'_>,
    others: &FieldSet,
) -> Option<Value> {
    let (live_at, config_at) = (field_type.elements(live)?, field_type.elements(config)?);
    let mut by_element: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in live_at.iter().zip(live) {
        // with duplicate items there is no single one to merge with
        by_element
            .entry(element)
            .and_modify(|found| *found = None)
            .or_insert(Some(item));
    }
    let merged = |at: &Element, item: &Value| match by_element.get(at).copied().flatten() {
        Some(live) => merge(live, item, field_type.item(), others.below(at)),
        None => item.clone(),
    };
    let is_shared = |at: &&Element| others.get(at).is_some_and(|node| node.member);
    let mut shared = config_at.iter().filter(is_shared);
    let order = if shared.any(|at| by_element.contains_key(at)) {
        live_first
    } else {
        config_first
    };
    let order = order(&live_at, &config_at);
    let items = order.into_iter().map(|place| match place {
        Place::Live(at) => live[at].clone(),
        Place::Config(at) => merged(&config_at[at], &config[at]),
    });
    Some(Value::Array(items.collect()))
}

/// The source of an item of a merged list.
#[derive(Clone, Copy)]
enum Place {
    /// Only the object has it.
    Live(usize),
    /// The configuration has it.
    Config(usize),
}

/// The object's items in their order, and then the configuration's new ones.
fn live_first(live: &[Element], config: &[Element]) -> Vec<Place> {
    let mut left: BTreeMap<&Element, usize> = config.iter().zip(0..).collect();
    let in_config: BTreeSet<&Element> = config.iter().collect();
    let mut order = Vec::with_capacity(live.len().max(config.len()));
    for (place, at) in live.iter().enumerate() {
        if !in_config.contains(at) {
            order.push(Place::Live(place));
        } else if let Some(place) = left.remove(at) {
            // of duplicate items the configuration's replaces the first
            order.push(Place::Config(place));
        }
    }
    let mut new: Vec<_> = left.into_values().collect();
    new.sort_unstable();
    order.extend(new.into_iter().map(Place::Config));
    order
}

/// The shared items in the configuration's order, and the object's other items at their positions between
/// them.
fn config_first(live: &[Element], config: &[Element]) -> Vec<Place> {
    let wanted: BTreeSet<&Element> = config.iter().collect();
    let known: BTreeSet<&Element> = live.iter().collect();
    let mut shared = config.iter().filter(|at| known.contains(at)).peekable();
    let mut done = BTreeSet::new();
    let mut order = Vec::with_capacity(live.len().max(config.len()));
    let mut lives = live.iter().enumerate().peekable();
    let mut configs = config.iter().enumerate().peekable();
    loop {
        match lives.peek().copied() {
            Some((place, at)) if !wanted.contains(at) => {
                order.push(Place::Live(place));
                lives.next();
                continue;
            }
            Some((_, at)) if configs.peek().is_some_and(|(_, c)| *c != at) => {
                // it is put where the configuration has it
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
        if let Some((place, at)) = configs.next() {
            shared.next_if(|next| *next == at);
            done.insert(at);
            order.push(Place::Config(place));
        } else if lives.peek().is_none() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field_manager::field_set::testing::set;

    fn named(names: &str) -> Value {
        let items = names.chars().map(|c| json!({"name": c.to_string()}));
        json!({"spec": {"containers": items.collect::<Vec<_>>()}})
    }

    fn order(live: &str, config: &str, others: &str) -> String {
        let items: Map<_, _> = (others.chars())
            .map(|c| {
                (
                    format!("k:{{\"name\":\"{c}\"}}"),
                    json!({".": {}, "f:name": {}}),
                )
            })
            .collect();
        let others = set(&json!({"f:spec": {"f:containers": items}}));
        let merged = merge(
            &named(live),
            &named(config),
            FieldType::of_kind("Pod"),
            &others,
        );
        let items = merged["spec"]["containers"].as_array().unwrap().clone();
        items.iter().map(|i| i["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn shared_items_have_the_applied_order_and_others_keep_their_position() {
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
            assert_eq!(order(live, config, ""), merged, "{live} {config}");
        }
    }

    #[test]
    fn items_that_others_list_are_not_reordered() {
        assert_eq!(order("ab", "ba", "a"), "ab");
        assert_eq!(order("abc", "dca", "c"), "abcd");
        assert_eq!(order("ab", "ba", "x"), "ba");
    }

    #[test]
    fn sets_are_united_and_atomic_values_replaced() {
        let live =
            json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"nodeSelector": {"a": "b"}}});
        let config =
            json!({"metadata": {"finalizers": ["c", "b"]}, "spec": {"nodeSelector": {"c": "d"}}});
        let merged = merge(
            &live,
            &config,
            FieldType::of_kind("Pod"),
            &FieldSet::default(),
        );
        assert_eq!(
            merged,
            json!({"metadata": {"finalizers": ["a", "c", "b"]}, "spec": {"nodeSelector": {"c": "d"}}})
        );
    }

    #[test]
    fn a_null_empties_a_scalar_and_leaves_a_map() {
        let live = json!({"data": {"a": "b"}, "immutable": true});
        let config = json!({"data": null, "immutable": null});
        let merged = merge(
            &live,
            &config,
            FieldType::of_kind("ConfigMap"),
            &FieldSet::default(),
        );
        assert_eq!(merged, json!({"data": {"a": "b"}, "immutable": null}));
    }
}
