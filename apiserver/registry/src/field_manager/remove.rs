//! Values without some of their fields.
//!
//! Upstream: `structured-merge-diff/typed/remove.go`, `fieldpath/set.go`.

use serde_json::Value;

use super::element::Element;
use super::field_set::{FieldSet, Node};
use super::field_type::FieldType;

/// A value without some fields; null if nothing remains.
pub(super) fn without(value: &Value, gone: &FieldSet, field_type: FieldType<'_>) -> Value {
    match value {
        Value::Object(fields) if !field_type.is_atomic() => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let node = gone.get(&Element::Field(name.into()));
                Some((name.clone(), kept(value, node, field_type.field(name))?))
            });
            let kept: serde_json::Map<_, _> = kept.collect();
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        Value::Array(items) => {
            let elements = field_type.elements(items).unwrap_or_default();
            let kept: Vec<_> = (elements.iter().zip(items))
                .filter_map(|(at, item)| kept(item, gone.get(at), field_type.item()))
                .collect();
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        // removing a field of an atomic value removes all of it
        Value::Object(_) => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn kept(value: &Value, gone: Option<&Node>, field_type: FieldType<'_>) -> Option<Value> {
    match gone {
        Some(node) if node.member => None,
        Some(node) if !node.below.is_empty() => Some(without(value, &node.below, field_type)),
        Some(_) | None => Some(value.clone()),
    }
}

/// The same set with every struct that contains a member: the owner of a field of a struct keeps the struct.
pub(super) fn with_structs(set: &FieldSet, field_type: FieldType<'_>) -> FieldSet {
    let mut all = FieldSet::default();
    for (element, node) in set.iter() {
        let named = matches!(element, Element::Field(name) if field_type.removes_empty(name));
        let node = Node {
            member: node.member || (named && !node.below.is_empty()),
            below: with_structs(&node.below, field_type.below(element)),
        };
        all.put(element.clone(), node);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field_manager::field_set::testing::{json, set};

    #[test]
    fn fields_and_items_are_removed() {
        let value = json!({"spec": {"priority": 1, "containers": [{"name": "a", "image": "i"}, {"name": "b"}]}});
        let gone = set(&json!({"f:spec": {"f:priority": {},
            "f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}, "k:{\"name\":\"b\"}": {}}}}));
        let rest = without(&value, &gone, FieldType::of_kind("Pod"));
        assert_eq!(rest, json!({"spec": {"containers": [{"name": "a"}]}}));
    }

    #[test]
    fn an_emptied_value_is_null() {
        let value = json!({"data": {"a": "b"}, "metadata": {"finalizers": ["x"]}});
        let gone =
            set(&json!({"f:data": {"f:a": {}}, "f:metadata": {"f:finalizers": {"v:\"x\"": {}}}}));
        let rest = without(&value, &gone, FieldType::of_kind("ConfigMap"));
        assert_eq!(
            rest,
            json!({"data": null, "metadata": {"finalizers": null}})
        );
    }

    #[test]
    fn structs_are_owned_with_their_fields_and_maps_are_not() {
        let label = set(&json!({"f:metadata": {"f:labels": {"f:a": {}}}}));
        let all = json(&with_structs(&label, FieldType::of_kind("Pod")));
        assert_eq!(
            all,
            json!({"f:metadata": {".": {}, "f:labels": {".": {}, "f:a": {}}}})
        );
    }
}
