//! Strategic merge: a merge patch that uses type metadata.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`, with the corrections of later
//! versions (directives never end up in an object).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::PatchError;
use super::directive::{
    DELETE_FROM_LIST, DIRECTIVE, ELEMENT_ORDER, RETAIN_KEYS, as_list, bad, clean, cleaned,
    has_directive, list_of, unknown_directive,
};
use super::list;
use crate::type_metadata::{self, Field, Patch as Strategy, Shape};

type Fields = Map<String, Value>;

/// Merges `patch` into a copy of `original`, an object of the Go type `root`.
///
/// # Errors
/// [`PatchError::BadRequest`] for a malformed directive, a list element without its merge key or a
/// list of mixed types (for some of which upstream responds with a plain 500);
/// [`PatchError::Unprocessable`] for lists of lists.
pub fn strategic_merge(original: &Value, patch: &Fields, root: &str) -> Result<Value, PatchError> {
    let mut merged = match original {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    merge_object(&mut merged, patch, ObjectMetadata::of(root))?;
    Ok(Value::Object(merged))
}

/// The type of the object that is being merged.
#[derive(Clone, Copy)]
enum ObjectMetadata {
    /// It is a struct with this metadata.
    Struct(&'static [Field]),
    /// It is a map whose values are structs of this type.
    MapOf(&'static str),
}

impl ObjectMetadata {
    fn of(type_name: &str) -> Self {
        Self::Struct(type_metadata::fields(type_name))
    }

    /// The types of the objects in a field, and the field's patch strategy and merge key.
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

/// Merges a patch into an object in place. After an error the object is partially merged, so
/// callers pass a copy.
fn merge_object(
    target: &mut Fields,
    patch: &Fields,
    metadata: ObjectMetadata,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return apply_directive(directive, target, patch);
    }
    retain_keys(target, patch)?;
    let ordered = merge_ordered_lists(target, patch, metadata)?;
    for (key, change) in patch {
        if key == RETAIN_KEYS || key.starts_with(ELEMENT_ORDER) || ordered.contains(&key.as_str()) {
            continue;
        }
        if key.starts_with(DELETE_FROM_LIST) {
            delete_from_list(target, key, change)?;
        } else {
            merge_field(target, key, change, metadata)?;
        }
    }
    Ok(())
}

/// `$patch` of a whole object.
fn apply_directive(
    directive: &Value,
    target: &mut Fields,
    patch: &Fields,
) -> Result<(), PatchError> {
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

/// `$retainKeys`: removes the members of a union that the patch does not list.
fn retain_keys(target: &mut Fields, patch: &Fields) -> Result<(), PatchError> {
    let Some(retained) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let malformed = || bad("invalid patch format of retainKeys");
    let retained = retained.as_array().ok_or_else(malformed)?;
    let is_retained = |key: &str| retained.iter().any(|r| r.as_str() == Some(key));
    let has_unlisted = patch.iter().any(|(key, change)| {
        let is_directive = key == RETAIN_KEYS
            || key.starts_with(ELEMENT_ORDER)
            || key.starts_with(DELETE_FROM_LIST);
        !change.is_null() && !is_directive && !is_retained(key)
    });
    if has_unlisted {
        return Err(malformed());
    }
    target.retain(|key, _| is_retained(key));
    Ok(())
}

/// Merges the lists whose order the patch sets by `$setElementOrder`, and returns their names.
fn merge_ordered_lists<'p>(
    target: &mut Fields,
    patch: &'p Fields,
    metadata: ObjectMetadata,
) -> Result<Vec<&'p str>, PatchError> {
    let mut ordered = Vec::new();
    for (directive, order) in patch.iter().filter(|(k, _)| k.starts_with(ELEMENT_ORDER)) {
        let key = list_of(directive, ELEMENT_ORDER)
            .ok_or_else(|| bad("invalid patch format of setElementOrder list"))?;
        let order = as_list(order)?;
        let (elements, strategy, merge_key) = metadata.enter(key);
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
                merge_lists(current.to_vec(), change, elements, merge_key)?
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
    deleted: &Value,
) -> Result<(), PatchError> {
    let malformed = || bad("invalid patch format of primitive list");
    let key = list_of(directive, DELETE_FROM_LIST).ok_or_else(malformed)?;
    if deleted.is_null() {
        target.remove(key);
        return Ok(());
    }
    let deleted = deleted.as_array().ok_or_else(malformed)?;
    if let Some(Value::Array(current)) = target.get_mut(key) {
        list::check_elements(current, deleted)?;
        list::delete(current, deleted);
    }
    Ok(())
}

fn merge_field(
    target: &mut Fields,
    key: &str,
    change: &Value,
    metadata: ObjectMetadata,
) -> Result<(), PatchError> {
    match (target.get_mut(key), change) {
        (_, Value::Null) => {
            target.remove(key);
        }
        (Some(Value::Object(current)), Value::Object(change)) => {
            let (child, strategy, _) = metadata.enter(key);
            if strategy == Strategy::Replace {
                change.clone_into(current);
                current.values_mut().for_each(clean);
            } else {
                merge_object(current, change, child)?;
            }
        }
        (Some(Value::Array(current)), Value::Array(change)) => {
            let (elements, strategy, merge_key) = metadata.enter(key);
            *current = if strategy.merges() {
                merge_lists(std::mem::take(current), change, elements, merge_key)?
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

/// Merges the elements of a patch into the current ones.
fn merge_lists(
    mut current: Vec<Value>,
    patch: &[Value],
    elements: ObjectMetadata,
    merge_key: &str,
) -> Result<Vec<Value>, PatchError> {
    let Some(example) = list::check_elements(&current, patch)? else {
        return Ok(current);
    };
    if !example.is_object() {
        let before = current.clone();
        current.extend(patch.iter().cloned());
        let mut seen = HashSet::new();
        let unique: Vec<_> = current
            .iter()
            .filter(|v| seen.insert(*v))
            .cloned()
            .collect();
        return list::arrange(unique, patch, &before, "");
    }
    if merge_key.is_empty() {
        return Err(bad("cannot merge lists without merge key for struct"));
    }
    let Some(changes) = apply_directives(&mut current, patch, merge_key)? else {
        // `$patch: replace`: the other elements of the patch become the list
        return Ok(cleaned(patch));
    };
    let before = current.clone();
    merge_elements(&mut current, &changes, elements, merge_key)?;
    let changes: Vec<Value> = changes.into_iter().cloned().collect();
    list::arrange(current, &changes, &before, merge_key)
}

/// Applies the `$patch` elements. Returns the elements to merge, or `None` if the list is replaced.
fn apply_directives<'p>(
    current: &mut Vec<Value>,
    patch: &'p [Value],
    merge_key: &str,
) -> Result<Option<Vec<&'p Value>>, PatchError> {
    let mut changes = Vec::new();
    let mut deleted = HashSet::new();
    let mut replace = false;
    for element in patch {
        let Some(directive) = element.get(DIRECTIVE) else {
            changes.push(element);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                deleted.insert(list::key_of(element, merge_key)?);
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(bad("merging lists cannot yet be specified in the patch"));
            }
            _ => {
                let fields = element.as_object().cloned().unwrap_or_default();
                return Err(unknown_directive(directive, &fields));
            }
        }
    }
    if !deleted.is_empty() {
        current.retain(|c| !c.get(merge_key).is_some_and(|k| deleted.contains(k)));
    }
    Ok((!replace).then_some(changes))
}

fn merge_elements(
    current: &mut Vec<Value>,
    changes: &[&Value],
    elements: ObjectMetadata,
    merge_key: &str,
) -> Result<(), PatchError> {
    let mut indices = HashMap::with_capacity(current.len());
    for (at, element) in current.iter().enumerate() {
        if let Some(key) = element.get(merge_key) {
            indices.entry(key.clone()).or_insert(at);
        }
    }
    for change in changes {
        let key = list::key_of(change, merge_key)?;
        let same = indices.get(key).and_then(|at| current.get_mut(*at));
        if let (Some(Value::Object(fields)), Value::Object(change)) = (same, change) {
            merge_object(fields, change, elements)?;
        } else {
            indices.insert(key.clone(), current.len());
            current.extend(cleaned(std::slice::from_ref(change)));
        }
    }
    Ok(())
}
