//! Items of lists of type `set` and `map` must be unique
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype`).

use std::collections::HashMap;

use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::{Map, Value};

use crate::arena::{Flags, NodeRef, Schema};
use crate::location::Location;
use crate::value::bad_value;

impl Schema {
    /// Finds duplicates in lists of type `set` and `map`.
    pub fn validate_lists(&self, object: &Value) -> ErrorList {
        let mut errors = Vec::new();
        if object.is_object() {
            node(self.root(), object, &Location::ROOT, &mut errors);
        }
        errors
    }

    /// The same for an update, which may keep duplicates that the old object has.
    pub fn validate_lists_update(&self, new: &Value, old: &Value) -> ErrorList {
        if self.validate_lists(old).is_empty() {
            self.validate_lists(new)
        } else {
            Vec::new()
        }
    }
}

fn node(at: NodeRef<'_>, value: &Value, location: &Location<'_>, errors: &mut ErrorList) {
    if !at.has(Flags::UNIQUE) {
        return;
    }
    match value {
        Value::Array(items) => {
            if at.has(Flags::LIST_SET) {
                set(items, location, errors);
            } else if at.has(Flags::LIST_MAP) {
                map(at, items, location, errors);
            }
            let Some(item) = at.items() else { return };
            for (i, value) in items.iter().enumerate() {
                node(item, value, &location.index(i), errors);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(property) = at.property(name) {
                    node(property, value, &location.field(name), errors);
                } else if let Some(entry) = at.values() {
                    node(entry, value, &location.key(name), errors);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn set(items: &[Value], location: &Location<'_>, errors: &mut ErrorList) {
    for i in repeated(items.iter().map(ToString::to_string)) {
        errors.push(duplicate(location, i, &items[i]));
    }
}

fn map(at: NodeRef<'_>, items: &[Value], location: &Location<'_>, errors: &mut ErrorList) {
    if let Some(i) = items
        .iter()
        .position(|item| !item.is_object() && !item.is_null())
    {
        let path = Path::new(&location.index(i).path(""));
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(&path, bad_value(&items[i]), detail));
        return;
    }
    let names = at.list_keys();
    let keys: Vec<_> = items.iter().map(|item| key(item, &names)).collect();
    for i in repeated(keys.iter().map(ToString::to_string)) {
        errors.push(duplicate(location, i, &keys[i]));
    }
}

fn duplicate(location: &Location<'_>, index: usize, value: &Value) -> FieldError {
    FieldError::duplicate(
        &Path::new(&location.index(index).path("")),
        bad_value(value),
    )
}

/// The fields that identify an item of a list of type `map`.
pub(crate) fn key(item: &Value, names: &[&str]) -> Value {
    let fields = item.as_object();
    let pick = |name: &&str| Some(((*name).to_owned(), fields?.get(*name)?.clone()));
    Value::Object(names.iter().filter_map(pick).collect::<Map<_, _>>())
}

/// The indices of second occurrences; later ones are not reported.
fn repeated(keys: impl Iterator<Item = String>) -> Vec<usize> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut again = Vec::new();
    for (i, key) in keys.enumerate() {
        let seen = times.entry(key).or_default();
        *seen += 1;
        if *seen == 2 {
            again.push(i);
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::schema;

    #[test]
    fn each_duplicate_is_reported_once() {
        let of = schema(json!({"type": "object", "properties": {
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "number"}},
            "in": {"type": "object", "additionalProperties": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
                "items": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
            }},
        }}));
        for (object, errors) in [
            (json!({"set": [1, 1.0, 2]}), vec![]),
            (
                json!({"set": [1, 1, 1]}),
                vec!["set[1]: Duplicate value: 1"],
            ),
            (
                json!({"in": {"k": [{"a": "x", "b": 1}, {"a": "x"}, {"a": "x", "b": 1, "c": 2}]}}),
                vec![r#"in[k][2]: Duplicate value: map[string]interface {}{"a":"x", "b":1}"#],
            ),
            (
                json!({"in": {"k": ["x"]}}),
                vec![
                    r#"in[k][0]: Invalid value: "x": must be an object for an array of list-type map"#,
                ],
            ),
        ] {
            let found = of.validate_lists(&object);
            assert_eq!(
                found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                errors,
                "{object}"
            );
        }
        let bad = json!({"set": [1, 1]});
        assert!(of.validate_lists_update(&bad, &bad).is_empty());
        assert_eq!(of.validate_lists_update(&bad, &json!({})).len(), 1);
    }
}
