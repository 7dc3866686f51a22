//! Lists in a strategic merge: scalars as sets, objects by their merge key, each in the order that
//! the patch asks for and, where it does not, the one the server had.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::PatchError;
use super::strategic::{DIRECTIVE, Schema, bad, cleaned, merge_object, unknown_directive};
use super::text;

/// Merges the elements a patch lists into the current ones.
pub(super) fn merge(
    mut current: Vec<Value>,
    patch: &[Value],
    elements: Schema,
    merge_key: &str,
) -> Result<Vec<Value>, PatchError> {
    let Some(example) = check_elements(&current, patch)? else {
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
        return arrange(unique, patch, &before, "");
    }
    if merge_key.is_empty() {
        return Err(bad("cannot merge lists without merge key for struct"));
    }
    let Some(wanted) = obey_directives(&mut current, patch, merge_key)? else {
        // `$patch: replace`: the other elements of the patch are the list.
        return Ok(cleaned(patch));
    };
    let before = current.clone();
    merge_elements(&mut current, &wanted, elements, merge_key)?;
    let wanted: Vec<Value> = wanted.into_iter().cloned().collect();
    arrange(current, &wanted, &before, merge_key)
}

/// Carries out the `$patch` elements. What remains to be merged, or `None` if the list is replaced.
fn obey_directives<'p>(
    current: &mut Vec<Value>,
    patch: &'p [Value],
    merge_key: &str,
) -> Result<Option<Vec<&'p Value>>, PatchError> {
    let mut wanted = Vec::new();
    let mut unwanted = HashSet::new();
    let mut replace = false;
    for element in patch {
        let Some(directive) = element.get(DIRECTIVE) else {
            wanted.push(element);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                unwanted.insert(key_of(element, merge_key)?);
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
    if !unwanted.is_empty() {
        current.retain(|c| !c.get(merge_key).is_some_and(|k| unwanted.contains(k)));
    }
    Ok((!replace).then_some(wanted))
}

fn merge_elements(
    current: &mut Vec<Value>,
    changes: &[&Value],
    elements: Schema,
    merge_key: &str,
) -> Result<(), PatchError> {
    let mut places = HashMap::with_capacity(current.len());
    for (at, element) in current.iter().enumerate() {
        if let Some(key) = element.get(merge_key) {
            places.entry(key.clone()).or_insert(at);
        }
    }
    for change in changes {
        let key = key_of(change, merge_key)?;
        let same = places.get(key).and_then(|at| current.get_mut(*at));
        if let (Some(Value::Object(fields)), Value::Object(change)) = (same, change) {
            merge_object(fields, change, elements)?;
        } else {
            places.insert(key.clone(), current.len());
            current.extend(cleaned(std::slice::from_ref(change)));
        }
    }
    Ok(())
}

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
    if all.any(|v| text::json_kind(v) != text::json_kind(first)) {
        let lists = [current, patch].map(|l| text::go_value(&Value::Array(l.to_vec())));
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
                    text::go_value(&Value::Array(patch.to_vec())),
                    text::go_value(&Value::Array(order.to_vec())),
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
fn key_of<'v>(element: &'v Value, merge_key: &str) -> Result<&'v Value, PatchError> {
    if merge_key.is_empty() {
        return Ok(element);
    }
    let Value::Object(fields) = element else {
        return Err(bad(format!(
            "expected a map[string]interface {{}}, but received a {}",
            text::go_type(element)
        )));
    };
    fields.get(merge_key).ok_or_else(|| {
        bad(format!(
            "map: {} does not contain declared merge key: {merge_key}",
            text::go_value(element)
        ))
    })
}
