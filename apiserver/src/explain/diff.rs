//! The differences between two versions of an object, field by field.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One field that was added, removed or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its path, such as `spec.containers[0].image`.
    pub path: String,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// All differences, in the order of the fields' names.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (a, b) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => objects(path, a, b, found),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                let path = format!("{path}[{index}]");
                compare(&path, a.get(index), b.get(index), found);
            }
        }
        (before, after) => found.push(Difference {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

fn objects(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let new = after.keys().filter(|key| !before.contains_key(*key));
    let mut keys: Vec<_> = before.keys().chain(new).collect();
    keys.sort();
    for key in keys {
        compare(&join(path, key), before.get(key), after.get(key), found);
    }
}

/// Keys with dots, as in annotations, are put in brackets.
fn join(path: &str, key: &str) -> String {
    if key.contains(['.', '/']) {
        format!("{path}[{key}]")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn added_removed_and_changed_fields_are_distinguished() {
        let before = json!({"a": 1, "gone": true, "list": [{"x": 1}], "same": {"deep": []}});
        let after = json!({
            "a": 2,
            "list": [{"x": 1, "y": 2}, {"z": 3}],
            "notes": {"k8s.io/n": "v"},
            "same": {"deep": []},
        });
        let lines: Vec<_> = differences(&before, &after)
            .into_iter()
            .map(|d| (d.path, d.before, d.after))
            .collect();
        assert_eq!(
            lines,
            [
                ("a".to_owned(), Some(json!(1)), Some(json!(2))),
                ("gone".to_owned(), Some(json!(true)), None),
                ("list[0].y".to_owned(), None, Some(json!(2))),
                ("list[1]".to_owned(), None, Some(json!({"z": 3}))),
                ("notes".to_owned(), None, Some(json!({"k8s.io/n": "v"}))),
            ]
        );
        let annotated = |value| json!({"annotations": {"k8s.io/psp": value}});
        let found = differences(&annotated("a"), &annotated("b"));
        assert_eq!(found[0].path, "annotations[k8s.io/psp]");
        assert_eq!(differences(&before, &before), []);
    }
}
