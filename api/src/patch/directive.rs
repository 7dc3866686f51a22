//! The directives of a strategic merge patch.

use serde_json::{Map, Value};

use super::PatchError;
use crate::go_text;

pub(super) const DIRECTIVE: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
pub(super) const ELEMENT_ORDER: &str = "$setElementOrder";
pub(super) const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";

type Fields = Map<String, Value>;

/// Removes nulls and directives, so that a value of a patch can become part of an object.
pub(super) fn clean(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let is_directive = key == RETAIN_KEYS
                    || key.starts_with(ELEMENT_ORDER)
                    || key.starts_with(DELETE_FROM_LIST);
                !is_directive && !value.is_null() && !has_directive(value)
            });
            fields.values_mut().for_each(clean);
        }
        Value::Array(items) => {
            items.retain(|item| !has_directive(item));
            items.iter_mut().for_each(clean);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The elements of a patch's list without nulls and directives.
pub(super) fn cleaned(items: &[Value]) -> Vec<Value> {
    let mut list = Value::Array(items.to_vec());
    clean(&mut list);
    match list {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

pub(super) fn has_directive(value: &Value) -> bool {
    value.get(DIRECTIVE).is_some()
}

/// The field that `$directive/field` applies to.
pub(super) fn list_of<'k>(directive: &'k str, prefix: &str) -> Option<&'k str> {
    directive.strip_prefix(prefix)?.strip_prefix('/')
}

pub(super) fn as_list(value: &Value) -> Result<&[Value], PatchError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| {
        bad(format!(
            "expected a []interface {{}}, but received a {}",
            go_text::go_type(value)
        ))
    })
}

pub(super) fn unknown_directive(directive: &Value, patch: &Fields) -> PatchError {
    bad(format!(
        "unknown patch type: {} in map: {}",
        go_text::go_value(directive),
        go_text::go_value(&Value::Object(patch.clone()))
    ))
}

pub(super) fn bad(why: impl Into<String>) -> PatchError {
    PatchError::BadRequest(why.into())
}
