//! Strategic merge: a merge patch that knows the types it merges.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`, with the corrections of later
//! versions (directives never end up in an object).

use serde_json::{Map, Value};

use super::{PatchError, list, text};
use crate::facts::{self, Field, Patch as Strategy, Shape};

pub(super) const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";

type Fields = Map<String, Value>;

/// Merges `patch` into a copy of `original`, an object of the Go type `root`.
///
/// # Errors
/// [`PatchError::BadRequest`] for a malformed directive, a list element without its merge key or a
/// list of mixed types (some of which upstream answers with a plain 500);
/// [`PatchError::Unprocessable`] for lists of lists.
pub fn strategic_merge(original: &Value, patch: &Fields, root: &str) -> Result<Value, PatchError> {
    let mut merged = match original {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    merge_object(&mut merged, patch, Schema::of(root))?;
    Ok(Value::Object(merged))
}

/// What is known of the object that is being merged.
#[derive(Clone, Copy)]
pub(super) enum Schema {
    /// It is a struct with these facts.
    Struct(&'static [Field]),
    /// It is a map, each value a struct of this type.
    MapOf(&'static str),
}

impl Schema {
    fn of(type_name: &str) -> Self {
        Self::Struct(facts::fields(type_name))
    }

    /// The facts of a field, and of the objects in it.
    fn enter(self, key: &str) -> (Self, Strategy, &'static str) {
        match self {
            Self::MapOf(child) => (Self::of(child), Strategy::Unmarked, ""),
            Self::Struct(fields) => match fields.iter().find(|f| f.name == key) {
                None => (Self::Struct(&[]), Strategy::Unmarked, ""),
                Some(field) => {
                    let child = match field.shape {
                        Shape::Map => Self::MapOf(field.child),
                        Shape::Object | Shape::List => Self::of(field.child),
                    };
                    (child, field.patch, field.merge_key)
                }
            },
        }
    }
}

/// Merges a patch into an object in place. On an error the object is half merged, so callers hold
/// a copy.
pub(super) fn merge_object(
    target: &mut Fields,
    patch: &Fields,
    schema: Schema,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return obey(directive, target, patch);
    }
    retain_keys(target, patch)?;
    let ordered = merge_ordered_lists(target, patch, schema)?;
    for (key, change) in patch {
        if key == RETAIN_KEYS || key.starts_with(ELEMENT_ORDER) || ordered.contains(&key.as_str()) {
            continue;
        }
        if key.starts_with(DELETE_FROM_LIST) {
            delete_from_list(target, key, change)?;
        } else {
            merge_field(target, key, change, schema)?;
        }
    }
    Ok(())
}

/// `$patch` of a whole object.
fn obey(directive: &Value, target: &mut Fields, patch: &Fields) -> Result<(), PatchError> {
    match directive.as_str() {
        Some("replace") => {
            *target = patch.clone();
            target.remove(DIRECTIVE);
            target.values_mut().for_each(clean);
            Ok(())
        }
        Some("delete") => {
            target.clear();
            Ok(())
        }
        _ => Err(unknown_directive(directive, patch)),
    }
}

/// `$retainKeys`: what the patch does not list is dropped from a union.
fn retain_keys(target: &mut Fields, patch: &Fields) -> Result<(), PatchError> {
    let Some(retained) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let malformed = || bad("invalid patch format of retainKeys");
    let retained = retained.as_array().ok_or_else(malformed)?;
    let is_retained = |key: &str| retained.iter().any(|r| r.as_str() == Some(key));
    let stray = patch.iter().any(|(key, change)| {
        let is_directive = key == RETAIN_KEYS
            || key.starts_with(ELEMENT_ORDER)
            || key.starts_with(DELETE_FROM_LIST);
        !change.is_null() && !is_directive && !is_retained(key)
    });
    if stray {
        return Err(malformed());
    }
    target.retain(|key, _| is_retained(key));
    Ok(())
}

/// Merges the lists whose order the patch sets with `$setElementOrder`, and says which those are.
fn merge_ordered_lists<'p>(
    target: &mut Fields,
    patch: &'p Fields,
    schema: Schema,
) -> Result<Vec<&'p str>, PatchError> {
    let mut ordered = Vec::new();
    for (directive, order) in patch.iter().filter(|(k, _)| k.starts_with(ELEMENT_ORDER)) {
        let key = list_of(directive, ELEMENT_ORDER)
            .ok_or_else(|| bad("invalid patch format of setElementOrder list"))?;
        let order = as_list(order)?;
        let (elements, strategy, merge_key) = schema.enter(key);
        let change = patch.get(key).map(as_list).transpose()?;
        let current = match target.get(key) {
            None | Some(Value::Null) => None,
            Some(list) => Some(as_list(list)?),
        };
        list::check_order(change.map_or(&[], |c| c), order, merge_key)?;
        let merged = match (current, change) {
            (None, None) => continue,
            (Some(current), None) => current.to_vec(),
            (None, Some(change)) => cleaned(change),
            (Some(current), Some(change)) if strategy.merges() => {
                list::merge(current.to_vec(), change, elements, merge_key)?
            }
            (Some(_), Some(change)) => cleaned(change),
        };
        let arranged = list::arrange(merged, order, current.unwrap_or(&[]), merge_key)?;
        target.insert(key.to_owned(), Value::Array(arranged));
        ordered.push(key);
    }
    Ok(ordered)
}

/// `$deleteFromPrimitiveList/key`
fn delete_from_list(
    target: &mut Fields,
    directive: &str,
    unwanted: &Value,
) -> Result<(), PatchError> {
    let malformed = || bad("invalid patch format of primitive list");
    let key = list_of(directive, DELETE_FROM_LIST).ok_or_else(malformed)?;
    if unwanted.is_null() {
        target.remove(key);
        return Ok(());
    }
    let unwanted = unwanted.as_array().ok_or_else(malformed)?;
    if let Some(Value::Array(current)) = target.get_mut(key) {
        list::check_elements(current, unwanted)?;
        list::delete(current, unwanted);
    }
    Ok(())
}

fn merge_field(
    target: &mut Fields,
    key: &str,
    change: &Value,
    schema: Schema,
) -> Result<(), PatchError> {
    match (target.get_mut(key), change) {
        (_, Value::Null) => {
            target.remove(key);
        }
        (Some(Value::Object(current)), Value::Object(change)) => {
            let (child, strategy, _) = schema.enter(key);
            if strategy == Strategy::Replace {
                change.clone_into(current);
                current.values_mut().for_each(clean);
            } else {
                merge_object(current, change, child)?;
            }
        }
        (Some(Value::Array(current)), Value::Array(change)) => {
            let (elements, strategy, merge_key) = schema.enter(key);
            *current = if strategy.merges() {
                list::merge(std::mem::take(current), change, elements, merge_key)?
            } else {
                cleaned(change)
            };
        }
        _ if has_directive(change) => {
            target.remove(key);
        }
        _ => {
            let mut change = change.clone();
            clean(&mut change);
            target.insert(key.to_owned(), change);
        }
    }
    Ok(())
}

/// Makes a value of a patch one of an object: without nulls, and without what only directs.
fn clean(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let directs = key == RETAIN_KEYS
                    || key.starts_with(ELEMENT_ORDER)
                    || key.starts_with(DELETE_FROM_LIST);
                !directs && !value.is_null() && !has_directive(value)
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

/// Elements of a patch's list as an object may have them.
pub(super) fn cleaned(items: &[Value]) -> Vec<Value> {
    let mut list = Value::Array(items.to_vec());
    clean(&mut list);
    match list {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn has_directive(value: &Value) -> bool {
    value.get(DIRECTIVE).is_some()
}

/// The field that `$directive/field` is about.
fn list_of<'k>(directive: &'k str, prefix: &str) -> Option<&'k str> {
    directive.strip_prefix(prefix)?.strip_prefix('/')
}

fn as_list(value: &Value) -> Result<&[Value], PatchError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| {
        bad(format!(
            "expected a []interface {{}}, but received a {}",
            text::go_type(value)
        ))
    })
}

pub(super) fn unknown_directive(directive: &Value, patch: &Fields) -> PatchError {
    bad(format!(
        "unknown patch type: {} in map: {}",
        text::go_value(directive),
        text::go_value(&Value::Object(patch.clone()))
    ))
}

pub(super) fn bad(why: impl Into<String>) -> PatchError {
    PatchError::BadRequest(why.into())
}
