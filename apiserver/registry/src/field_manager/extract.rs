//! The fields that are set in an object.
//!
//! Upstream: `structured-merge-diff/typed/tofieldset.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::element::Element;
use super::field_set::{FieldSet, Node};
use super::field_type::FieldType;

/// The fields set in a value, and whether the value is a leaf itself.
pub(super) fn fields_of(value: &Value, field_type: FieldType<'_>) -> Node {
    match value {
        Value::Object(fields) if !field_type.is_atomic() => {
            let below = of_fields(fields.iter(), field_type);
            Node {
                member: false,
                below,
            }
        }
        Value::Array(items) => match field_type.elements(items) {
            Some(elements) => Node {
                member: false,
                below: of_items(&elements, items, field_type),
            },
            None => Node::LEAF,
        },
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Node::LEAF
        }
    }
}

/// The fields set in some fields of an object.
pub(super) fn of_fields<'v>(
    fields: impl Iterator<Item = (&'v String, &'v Value)>,
    field_type: FieldType<'_>,
) -> FieldSet {
    let mut set = FieldSet::default();
    for (name, value) in fields {
        let below = field_type.field(name);
        let mut node = fields_of(value, below);
        // An empty struct has a meaning, as in `emptyDir: {}`; an empty map usually has none.
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        node.member |= if is_empty {
            below.keeps_empty()
        } else {
            !field_type.declares(name)
        };
        set.put(Element::Field(name.into()), node);
    }
    set
}

fn of_items(elements: &[Element], items: &[Value], field_type: FieldType<'_>) -> FieldSet {
    let mut places: BTreeMap<&Element, Vec<&Value>> = BTreeMap::new();
    for (element, item) in elements.iter().zip(items) {
        places.entry(element).or_default().push(item);
    }
    let mut set = FieldSet::default();
    for (element, items) in places {
        let mut node = match items.as_slice() {
            [item] => fields_of(item, field_type.item()),
            // duplicate items are owned as one
            _ => Node::LEAF,
        };
        node.member = true;
        set.put(element.clone(), node);
    }
    set
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field_manager::field_set::testing::json;

    #[test]
    fn structs_are_split_up_and_atomic_values_are_not() {
        let value = json!({"spec": {
            "nodeSelector": {"a": "b"}, "automountServiceAccountToken": false,
            "containers": [{"name": "m", "image": "i", "ports": [{"containerPort": 80}], "command": ["x"], "resources": {"limits": {"cpu": "1"}}}],
            "volumes": [{"name": "v", "emptyDir": {}}], "imagePullSecrets": [{"name": "s"}]}});
        let fields = json(&fields_of(&value, FieldType::of_kind("Pod")).below);
        assert_eq!(
            fields,
            json!({"f:spec": {
                "f:nodeSelector": {}, "f:automountServiceAccountToken": {},
                "f:containers": {"k:{\"name\":\"m\"}": {".": {}, "f:name": {}, "f:image": {}, "f:command": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                    "f:resources": {"f:limits": {"f:cpu": {}}}}},
                "f:volumes": {"k:{\"name\":\"v\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}},
                "f:imagePullSecrets": {"k:{\"name\":\"s\"}": {}}}})
        );
    }

    #[test]
    fn nulls_are_fields_and_empty_maps_and_lists_are_not() {
        let value =
            json!({"data": {}, "metadata": {"labels": {}, "finalizers": []}, "immutable": null});
        let fields = json(&fields_of(&value, FieldType::of_kind("ConfigMap")).below);
        assert_eq!(fields, json!({"f:immutable": {}}));
    }
}
