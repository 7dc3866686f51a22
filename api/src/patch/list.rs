//! The order of lists in a strategic merge: the one that the patch asks for and, where it does not, the
//! one the server had.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::PatchError;
use super::directive::{DIRECTIVE, bad};
use crate::go_text;

/// Drops scalars.
pub(super) fn delete(current: &mut Vec<Value>, unwanted: &[Value]) {
    let unwanted: HashSet<_> = unwanted.iter().collect();
    current.retain(|c| !unwanted.contains(c));
}

/// Whether all elements are of one type, and no lists; the first of them.
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

/// Whether the elements of a patch stand in the order it sets itself.
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

/// Orders a merged list: what `order` names in that order, the rest as the server had it, and the
/// two interleaved by where the server had them.
pub(super) fn arrange(
    merged: Vec<Value>,
    order: &[Value],
    server: &[Value],
    merge_key: &str,
) -> Result<Vec<Value>, PatchError> {
    let order = positions(order, merge_key)?;
    let server = positions(server, merge_key)?;
    let mut named = Vec::new();
    let mut rest = Vec::new();
    for element in merged {
        let key = key_of(&element, merge_key)?;
        let at = server.get(key).copied();
        match order.get(key) {
            Some(place) => named.push((*place, at, element)),
            None => rest.push((at.unwrap_or(usize::MAX), at, element)),
        }
    }
    named.sort_by_key(|(place, _, _)| *place);
    rest.sort_by_key(|(place, _, _)| *place);

    let mut arranged = Vec::with_capacity(named.len() + rest.len());
    let mut named = named.into_iter().peekable();
    for (_, at, element) in rest {
        // Something named stays behind only if the server had both, and the other first.
        while named
            .peek()
            .is_some_and(|(_, theirs, _)| !matches!((at, theirs), (Some(a), Some(t)) if a < *t))
        {
            arranged.extend(named.next().map(|(_, _, e)| e));
        }
        arranged.push(element);
    }
    arranged.extend(named.map(|(_, _, e)| e));
    Ok(arranged)
}

/// Where each key stands first.
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

/// What an element is told apart by: its merge key's value or, without one, itself.
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
