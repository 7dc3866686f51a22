//! Equality and order of values.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::decl::ListType;
use crate::error::EvalError;
use crate::meter::Meter;
use crate::value::{Key, List, Map, Value};

/// Whether two values are equal; the work is counted.
pub(crate) fn equal<'a>(
    a: &Value<'a>,
    b: &Value<'a>,
    meter: &mut Meter,
) -> Result<bool, EvalError> {
    meter.work(1)?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => {
            let (a, b) = (a.as_str(), b.as_str());
            meter.work(a.len().min(b.len()) / 64)?;
            a == b
        }
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a.value_name() == b.value_name(),
        (Value::Opaque(a), Value::Opaque(b)) => a == b,
        (Value::List(a), Value::List(b)) => equal_lists(a, b, meter)?,
        (Value::Map(a), Value::Map(b)) => equal_maps(a, b, meter)?,
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => equal(a, b, meter)?,
            _ => false,
        },
        _ => compare_numbers(a, b) == Some(Ordering::Equal),
    })
}

fn equal_lists<'a>(a: &List<'a>, b: &List<'a>, meter: &mut Meter) -> Result<bool, EvalError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    match a.list_type() {
        Some(ListType::Set) => return equal_sets(a, b, meter),
        Some(ListType::Map(names)) => return equal_by_keys(a, b, names, meter),
        Some(ListType::Atomic) | None => {}
    }
    for (a, b) in a.iter().zip(b.iter()) {
        if !equal(&a?, &b?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_sets<'a>(a: &List<'a>, b: &List<'a>, meter: &mut Meter) -> Result<bool, EvalError> {
    let there = Members::of(b, meter)?;
    for value in a.iter() {
        if !there.have(&value?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_by_keys<'a>(
    a: &List<'a>,
    b: &List<'a>,
    names: &[String],
    meter: &mut Meter,
) -> Result<bool, EvalError> {
    let there = by_keys(b, names, meter)?;
    for value in a.iter() {
        let value = value?;
        match there.get(&keys_of(&value, names)?) {
            Some(other) if equal(&value, other, meter)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The elements of a list by the values of their key fields.
pub(crate) fn by_keys<'a>(
    list: &List<'a>,
    names: &[String],
    meter: &mut Meter,
) -> Result<BTreeMap<Vec<Option<Key<'a>>>, Value<'a>>, EvalError> {
    meter.work(list.len() * (1 + names.len()))?;
    let pair = |value: Result<Value<'a>, EvalError>| {
        let value = value?;
        Ok((keys_of(&value, names)?, value))
    };
    list.iter().map(pair).collect()
}

/// The values of an element's key fields.
pub(crate) fn keys_of<'a>(
    value: &Value<'a>,
    names: &[String],
) -> Result<Vec<Option<Key<'a>>>, EvalError> {
    let Value::Map(map) = value else {
        return Ok(Vec::new());
    };
    let key = |name: &String| match map.declared_key(name) {
        Some(value) => Ok(Key::of(&value?)),
        None => Ok(None),
    };
    names.iter().map(key).collect()
}

/// The elements of a list, for lookups.
pub(crate) struct Members<'a> {
    keys: BTreeSet<Key<'a>>,
    others: Vec<Value<'a>>,
}

impl<'a> Members<'a> {
    pub(crate) fn of(list: &List<'a>, meter: &mut Meter) -> Result<Self, EvalError> {
        meter.work(list.len())?;
        let (mut keys, mut others) = (BTreeSet::new(), Vec::new());
        for value in list.iter() {
            let value = value?;
            match Key::of(&value) {
                Some(key) => {
                    keys.insert(key);
                }
                None => others.push(value),
            }
        }
        Ok(Self { keys, others })
    }

    pub(crate) fn have(&self, value: &Value<'a>, meter: &mut Meter) -> Result<bool, EvalError> {
        meter.work(1)?;
        if let Some(key) = Key::of(value) {
            return Ok(self.keys.contains(&key));
        }
        for other in &self.others {
            if equal(value, other, meter)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn equal_maps<'a>(a: &Map<'a>, b: &Map<'a>, meter: &mut Meter) -> Result<bool, EvalError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    meter.work(a.len())?;
    if a.is_object() || b.is_object() {
        return equal_objects(a, b, meter);
    }
    for (key, value) in a.iter() {
        let Some(other) = b.get(&key.to_value()) else {
            return Ok(false);
        };
        if !equal(&value?, &other?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares objects by the fields that are set, each by its declared type.
fn equal_objects<'a>(a: &Map<'a>, b: &Map<'a>, meter: &mut Meter) -> Result<bool, EvalError> {
    let (first, second) = (a.declared_fields(), b.declared_fields());
    if first.len() != second.len() {
        return Ok(false);
    }
    for ((name, value), (other_name, other)) in first.into_iter().zip(second) {
        if name != other_name || !equal(&value?, &other?, meter)? {
            return Ok(false);
        }
    }
    equal_unknown(a, b, meter)
}

/// Compares the fields that are not declared, which expressions cannot access.
fn equal_unknown(a: &Map<'_>, b: &Map<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    let (Some((a, object)), Some((b, _))) = (a.as_json_object(), b.as_json_object()) else {
        return Ok(true);
    };
    for (name, value) in a {
        if object.declares(name) {
            continue;
        }
        let Some(other) = b.get(name) else {
            return Ok(false);
        };
        if !equal_json(value, other, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_json(a: &Json, b: &Json, meter: &mut Meter) -> Result<bool, EvalError> {
    meter.work(1)?;
    match (a, b) {
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (a, b) in a.iter().zip(b) {
                if !equal_json(a, b, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Object(a), Json::Object(b)) if a.len() == b.len() => {
            for (name, a) in a {
                let Some(b) = b.get(name) else {
                    return Ok(false);
                };
                if !equal_json(a, b, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(a == b),
    }
}

/// The order of two values of the same type, or of two numbers.
pub(crate) fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, EvalError> {
    let ordering = match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.as_str().cmp(b.as_str()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        _ => {
            if is_nan(a) || is_nan(b) {
                return Err(EvalError::new("NaN values cannot be ordered"));
            }
            return compare_numbers(a, b).ok_or_else(EvalError::no_such_overload);
        }
    };
    Ok(ordering)
}

const fn is_nan(value: &Value<'_>) -> bool {
    matches!(value, Value::Double(value) if value.is_nan())
}

/// The order of two numbers of any types; `None` if one is NaN or not a number.
fn compare_numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Uint(a), Value::Uint(b)) => a.cmp(b),
        (Value::Int(a), Value::Uint(b)) => i128::from(*a).cmp(&i128::from(*b)),
        (Value::Uint(a), Value::Int(b)) => i128::from(*a).cmp(&i128::from(*b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b)?,
        (Value::Double(a), Value::Int(b)) => compare_double(*a, i128::from(*b))?,
        (Value::Double(a), Value::Uint(b)) => compare_double(*a, i128::from(*b))?,
        (Value::Int(a), Value::Double(b)) => compare_double(*b, i128::from(*a))?.reverse(),
        (Value::Uint(a), Value::Double(b)) => compare_double(*b, i128::from(*a))?.reverse(),
        _ => return None,
    })
}

/// Compares as doubles, as `cel-go` does, although large integers are not exact then.
fn compare_double(a: f64, b: i128) -> Option<Ordering> {
    a.partial_cmp(&(b as f64))
}

#[cfg(test)]
mod tests;
