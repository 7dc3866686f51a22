//! Configurations that cannot be applied.

use std::collections::BTreeSet;

use serde_json::Value;

use super::field_type::FieldType;

/// The errors in the lists of a configuration: items that cannot be distinguished.
pub(super) fn list_errors(value: &Value, field_type: FieldType<'_>) -> Vec<String> {
    let mut errors = Vec::new();
    visit(value, field_type, "", &mut errors);
    errors
}

fn visit(value: &Value, field_type: FieldType<'_>, path: &str, errors: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !field_type.is_atomic() => {
            for (name, value) in fields {
                visit(
                    value,
                    field_type.field(name),
                    &format!("{path}.{name}"),
                    errors,
                );
            }
        }
        Value::Array(items) if field_type.is_associative() => {
            let mut seen = BTreeSet::new();
            for (at, item) in items.iter().enumerate() {
                let Some(element) = field_type.element(item) else {
                    errors.push(unkeyed(field_type, at, path));
                    continue;
                };
                if seen.contains(&element) {
                    errors.push(format!("{path}: duplicate entries for key {element}"));
                } else {
                    visit(item, field_type.item(), &format!("{path}{element}"), errors);
                }
                seen.insert(element);
            }
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => {}
    }
}

fn unkeyed(field_type: FieldType<'_>, at: usize, path: &str) -> String {
    let why = if field_type.keys().is_empty() {
        "associative list without keys has an element that's no scalar".to_owned()
    } else {
        format!(
            "associative list with keys has an element that omits all key fields {:?}",
            field_type.keys()
        )
    };
    format!("{path}: element {at}: {why}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_must_have_keys_of_their_own() {
        let value = json!({"spec": {"containers": [{"name": "a"}, {"name": "a"}, {"image": "x"}]}});
        assert_eq!(
            list_errors(&value, FieldType::of_kind("Pod")),
            [
                r#".spec.containers: duplicate entries for key [name="a"]"#,
                r#".spec.containers: element 2: associative list with keys has an element that omits all key fields ["name"]"#,
            ]
        );
    }
}
