//! Concatenation of lists and maps, and additions to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compare::{Members, by_keys, keys_of};
use crate::decl::ListType;
use crate::error::EvalError;
use crate::library::mismatch;
use crate::meter::Meter;
use crate::value::{Entries, Evaluated, Key, List, Map, Value};

/// Concatenates lists; those with a list type of set or map are merged.
pub(super) fn add_lists<'a>(meter: &mut Meter, a: &List<'a>, b: &List<'a>) -> Evaluated<'a> {
    meter.reserve_list(a.len() + b.len())?;
    let mut values = a.to_vec()?;
    let list_type = a.list_type();
    match list_type {
        Some(ListType::Set) => {
            let there = Members::of(a, meter)?;
            for value in b.iter() {
                let value = value?;
                if !there.have(&value, meter)? {
                    values.push(value);
                }
            }
        }
        Some(ListType::Map(names)) => merge(meter, &mut values, b, names)?,
        Some(ListType::Atomic) | None => values.extend(b.to_vec()?),
    }
    Ok(match list_type {
        Some(ListType::Atomic) | None => Value::values(values),
        Some(list_type) => Value::List(List::Typed(Arc::new(values), list_type)),
    })
}

/// Replaces the elements whose keys are in `b`, and appends the others of `b`.
fn merge<'a>(
    meter: &mut Meter,
    values: &mut Vec<Value<'a>>,
    b: &List<'a>,
    names: &[String],
) -> Result<(), EvalError> {
    let mut new = by_keys(b, names, meter)?;
    for value in values.iter_mut() {
        if let Some(replacement) = new.remove(&keys_of(value, names)?) {
            *value = replacement;
        }
    }
    for value in b.iter() {
        let value = value?;
        if new.contains_key(&keys_of(&value, names)?) {
            values.push(value);
        }
    }
    Ok(())
}

/// `cel.@mapInsert`.
pub(super) fn insert<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args.split_first() {
        Some((map, rest)) => insert_into(meter, map.clone(), rest),
        None => mismatch(),
    }
}

/// Adds an entry, or the entries of another map; in place if the map is not shared.
pub(crate) fn insert_into<'a>(
    meter: &mut Meter,
    map: Value<'a>,
    rest: &[Value<'a>],
) -> Evaluated<'a> {
    let Value::Map(map) = map else {
        return mismatch();
    };
    let mut values = match map {
        Map::Values(values) => values,
        Map::Json(..) => Arc::new(Entries {
            object: None,
            entries: entries(&map)?,
        }),
    };
    if Arc::strong_count(&values) > 1 {
        meter.reserve_list(values.entries.len().saturating_mul(2))?;
    }
    let new = match rest {
        [Value::Map(more)] => entries(more)?,
        [key, value] => {
            let key = Key::of(key).ok_or_else(EvalError::no_such_overload)?;
            BTreeMap::from([(key, value.clone())])
        }
        _ => return mismatch(),
    };
    meter.reserve_list(new.len().saturating_mul(2))?;
    let into = &mut Arc::make_mut(&mut values).entries;
    for (key, value) in new {
        let text = key.to_value();
        if into.insert(key, value).is_some() {
            return Err(EvalError::new(format!(
                "insert failed: key {text} already exists"
            )));
        }
    }
    Ok(Value::Map(Map::Values(values)))
}

/// Adds an element; in place if the list is not shared.
pub(crate) fn append<'a>(meter: &mut Meter, list: Value<'a>, element: Value<'a>) -> Evaluated<'a> {
    let Value::List(List::Values(mut values)) = list else {
        return mismatch();
    };
    if Arc::strong_count(&values) > 1 {
        meter.reserve_list(values.len())?;
    }
    meter.reserve_list(1)?;
    Arc::make_mut(&mut values).push(element);
    Ok(Value::List(List::Values(values)))
}

fn entries<'a>(map: &Map<'a>) -> Result<BTreeMap<Key<'a>, Value<'a>>, EvalError> {
    map.iter().map(|(key, value)| Ok((key, value?))).collect()
}
