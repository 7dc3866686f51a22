//! Merges a part of an object into it, without ownership of fields.
//!
//! Upstream: `ApplyStructuredMergeDiff` in
//! `k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go`.

use portcullis_kinds::resource::Resource;
use serde_json::Value;

use super::field_set::FieldSet;
use super::field_type::FieldType;
use super::merge::merge;
use super::tracked::Tracked;
use super::validate;

/// An object of a version of a resource with a part merged into it.
///
/// # Errors
/// A sentence, if the part would replace an atomic value, or has duplicate items.
pub fn overlay(
    resource: &Resource,
    api_version: &str,
    object: &Value,
    part: &Value,
) -> Result<Value, String> {
    lay(
        object,
        part,
        Tracked::new(resource, api_version, "").field_type,
    )
}

/// As [`overlay`], for an object of a subresource.
///
/// # Errors
/// As [`overlay`].
pub fn overlay_kind(kind: &'static str, object: &Value, part: &Value) -> Result<Value, String> {
    lay(object, part, FieldType::of_kind(kind))
}

fn lay(object: &Value, part: &Value, field_type: FieldType<'_>) -> Result<Value, String> {
    if let Some(error) = validate::list_errors(part, field_type).first() {
        return Err(format!(
            "failed to convert patch object to typed object: {error}"
        ));
    }
    let mut atomic = Vec::new();
    find_atomic(part, field_type, "", &mut atomic);
    if !atomic.is_empty() {
        let atomic = atomic.join(", ");
        return Err(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {atomic}"
        ));
    }
    Ok(merge(object, part, field_type, &FieldSet::default()))
}

/// The paths of atomic values.
fn find_atomic(part: &Value, field_type: FieldType<'_>, path: &str, found: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            if field_type.is_atomic() {
                found.push(path.to_owned());
            }
            for (name, value) in fields {
                find_atomic(
                    value,
                    field_type.field(name),
                    &format!("{path}.{name}"),
                    found,
                );
            }
        }
        Value::Array(items) => {
            if !field_type.is_associative() {
                found.push(path.to_owned());
            }
            for (i, item) in items.iter().enumerate() {
                find_atomic(item, field_type.item(), &format!("{path}[{i}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kinds::table;
    use serde_json::json;

    use super::*;

    fn deployment(part: &Value) -> Result<Value, String> {
        let object = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "one", "image": "x"}]}}}});
        let row = table::find("apps/v1", "deployments").unwrap();
        overlay(row, "apps/v1", &object, part)
    }

    #[test]
    fn parts_are_merged_as_applied_configurations_are() {
        let part = json!({"metadata": {"labels": {"c": "d"}}, "spec": {"replicas": 3,
            "template": {"spec": {"containers": [{"name": "two"}, {"name": "one", "tty": true}]}}}});
        let laid = deployment(&part).unwrap();
        assert_eq!(laid["metadata"]["labels"], json!({"a": "b", "c": "d"}));
        assert_eq!(laid["spec"]["replicas"], 3);
        let containers = laid["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap();
        let one = containers.iter().find(|c| c["name"] == "one").unwrap();
        assert_eq!(*one, json!({"name": "one", "image": "x", "tty": true}));
        assert_eq!(containers.len(), 2);
    }

    #[test]
    fn atomic_values_are_not_replaced() {
        let part = json!({"spec": {"selector": {"matchLabels": {"c": "d"}},
            "template": {"spec": {"containers": [{"name": "one", "args": ["x"]}]}}}});
        assert_eq!(
            deployment(&part).unwrap_err(),
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector, .spec.template.spec.containers[0].args"
        );
    }
}
