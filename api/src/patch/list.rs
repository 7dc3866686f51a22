//! The order of lists in a strategic merge: that of the patch and, for elements it does not list,
//! that of the current object.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::PatchError;
use super::directive::{DIRECTIVE, bad};
use crate::go_text;

/// Removes scalars.
pub(super) fn delete(current: &mut Vec<Value>, deleted: &[Value]) {
    let deleted: HashSet<_> = deleted.iter().collect();
    current.retain(|c| !deleted.contains(c));
}

/// Checks that all elements have the same type and are not lists. Returns the first, if any.
pub(super) fn check_elements<'v>(
    current: &'v [Value],
    patch: &'v [Value],
) -> Result<Option<&'v Value>, PatchError> {
    let mut all = current.iter().chain(patch);
    let Some(first) = all.next() else {
        return Ok(None);
    };
    if first.is_array() {
        return Err(PatchError::Unprocessable(
            "lists of lists are not supported".to_owned(),
        ));
    }
    if all.any(|v| go_text::json_kind(v) != go_text::json_kind(first)) {
        let lists = [current, patch].map(|l| go_text::go_value(&Value::Array(l.to_vec())));
        return Err(bad(format!(
            "list element types are not identical: [{}]",
            lists.join(" ")
        )));
    }
    Ok(Some(first))
}

/// Checks that the elements of a patch are in the order that it sets.
pub(super) fn check_order(
    patch: &[Value],
    order: &[Value],
    merge_key: &str,
) -> Result<(), PatchError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut order_left = order.iter();
    for element in patch.iter().filter(|e| e.get(DIRECTIVE).is_none()) {
        let key = key_of(element, merge_key)?;
        loop {
            let Some(next) = order_left.next() else {
                return Err(bad(format!(
                    "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    go_text::go_value(&Value::Array(patch.to_vec())),
                    go_text::go_value(&Value::Array(order.to_vec())),
                )));
            };
            if key_of(next, merge_key)? == key {
                break;
            }
        }
    }
    Ok(())
}

/// Sorts a merged list: the elements in `order` in that order, the others as in `server`, and both
/// interleaved by their positions in `server`.
pub(super) fn arrange(
    merged: Vec<Value>,
    order: &[Value],
    server: &[Value],
    merge_key: &str,
) -> Result<Vec<Value>, PatchError> {
    let order = positions(order, merge_key)?;
    let server = positions(server, merge_key)?;
    let mut ordered = Vec::new();
    let mut rest = Vec::new();
    for element in merged {
        let key = key_of(&element, merge_key)?;
        let at = server.get(key).copied();
        match order.get(key) {
            Some(position) => ordered.push((*position, at, element)),
            None => rest.push((at.unwrap_or(usize::MAX), at, element)),
        }
    }
    ordered.sort_by_key(|(position, _, _)| *position);
    rest.sort_by_key(|(position, _, _)| *position);

    let mut arranged = Vec::with_capacity(ordered.len() + rest.len());
    let mut ordered = ordered.into_iter().peekable();
    for (_, at, element) in rest {
        // an ordered element comes later only if the server had both, and the other one first
        while ordered
            .peek()
            .is_some_and(|(_, theirs, _)| !matches!((at, theirs), (Some(a), Some(t)) if a < *t))
        {
            arranged.extend(ordered.next().map(|(_, _, e)| e));
        }
        arranged.push(element);
    }
    arranged.extend(ordered.map(|(_, _, e)| e));
    Ok(arranged)
}

/// The first position of each key.
fn positions<'v>(
    list: &'v [Value],
    merge_key: &str,
) -> Result<HashMap<&'v Value, usize>, PatchError> {
    let mut positions = HashMap::with_capacity(list.len());
    for (at, element) in list.iter().enumerate() {
        positions.entry(key_of(element, merge_key)?).or_insert(at);
    }
    Ok(positions)
}

/// What identifies an element: the value of its merge key or, without one, the element itself.
pub(super) fn key_of<'v>(element: &'v Value, merge_key: &str) -> Result<&'v Value, PatchError> {
    if merge_key.is_empty() {
        return Ok(element);
    }
    let Value::Object(fields) = element else {
        return Err(bad(format!(
            "expected a map[string]interface {{}}, but received a {}",
            go_text::go_type(element)
        )));
    };
    fields.get(merge_key).ok_or_else(|| {
        bad(format!(
            "map: {} does not contain declared merge key: {merge_key}",
            go_text::go_value(element)
        ))
    })
}
