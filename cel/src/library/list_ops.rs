//! The lists extension of `cel-go`, version 3.

use crate::compare::{Members, equal, order};
use crate::error::EvalError;
use crate::library::{A, Def, Library, list, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Dyn, Int, String, Uint};
use crate::value::{Evaluated, Key, List, Value};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

pub(super) fn add(lib: &mut Library) {
    lib.member(
        "slice",
        [Def("list_slice", vec![list(A), Int, Int], list(A), slice)],
    );
    lib.member(
        "flatten",
        [
            Def("list_flatten", vec![list(list(A))], list(A), flatten),
            Def("list_flatten_int", vec![list(Dyn), Int], list(Dyn), flatten),
        ],
    );
    lib.member(
        "reverse",
        [Def("list_reverse", vec![list(A)], list(A), reverse)],
    );
    lib.member(
        "distinct",
        [Def("list_distinct", vec![list(A)], list(A), distinct)],
    );
    lib.global(
        "lists.range",
        [Def("lists_range", vec![Int], list(Int), range)],
    );
    let sorts = [
        (Int, "list_int_sort", "list_int_sortByAssociatedKeys"),
        (Uint, "list_uint_sort", "list_uint_sortByAssociatedKeys"),
        (
            Double,
            "list_double_sort",
            "list_double_sortByAssociatedKeys",
        ),
        (Bool, "list_bool_sort", "list_bool_sortByAssociatedKeys"),
        (
            SPAN,
            "list_google.protobuf.Duration_sort",
            "list_google.protobuf.Duration_sortByAssociatedKeys",
        ),
        (
            TIME,
            "list_google.protobuf.Timestamp_sort",
            "list_google.protobuf.Timestamp_sortByAssociatedKeys",
        ),
        (
            String,
            "list_string_sort",
            "list_string_sortByAssociatedKeys",
        ),
        (Bytes, "list_bytes_sort", "list_bytes_sortByAssociatedKeys"),
    ];
    for (of, sort, by_keys) in sorts {
        lib.member(
            "sort",
            [Def(
                sort,
                vec![list(of.clone())],
                list(of.clone()),
                |m, a| match a {
                    [Value::List(values)] => sorted(m, values, values),
                    _ => mismatch(),
                },
            )],
        );
        lib.member(
            "@sortByAssociatedKeys",
            [Def(
                by_keys,
                vec![list(A), list(of)],
                list(A),
                |m, a| match a {
                    [Value::List(values), Value::List(keys)] => sorted(m, values, keys),
                    _ => mismatch(),
                },
            )],
        );
    }
}

fn slice<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values), Value::Int(start), Value::Int(end)] = args else {
        return mismatch();
    };
    let wrong = |why: std::string::String| {
        Err(EvalError::new(format!(
            "cannot slice({start}, {end}), {why}"
        )))
    };
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return wrong("negative indexes not supported".to_owned());
    };
    if from > to {
        return wrong("start index must be less than or equal to end index".to_owned());
    }
    if values.len() < to {
        return wrong(format!("list is length {}", values.len()));
    }
    meter.reserve_list(to - from)?;
    let part = (from..to).filter_map(|index| values.get(index));
    Ok(Value::values(part.collect::<Result<_, _>>()?))
}

fn flatten<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (values, depth) = match args {
        [Value::List(values)] => (values, 1),
        [Value::List(values), Value::Int(depth)] => (values, *depth),
        _ => return mismatch(),
    };
    if depth < 0 {
        return Err(EvalError::new("level must be non-negative"));
    }
    let mut flat = Vec::new();
    flatten_into(meter, values, depth, &mut flat)?;
    Ok(Value::values(flat))
}

/// The nesting of lists is limited by that of the data and the expression.
fn flatten_into<'a>(
    meter: &mut Meter,
    values: &List<'a>,
    depth: i64,
    flat: &mut Vec<Value<'a>>,
) -> Result<(), EvalError> {
    for value in values.iter() {
        meter.reserve_list(1)?;
        match value? {
            Value::List(inner) if depth > 0 => flatten_into(meter, &inner, depth - 1, flat)?,
            other => flat.push(other),
        }
    }
    Ok(())
}

fn reverse<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values)] = args else {
        return mismatch();
    };
    meter.reserve_list(values.len())?;
    let mut reversed = values.to_vec()?;
    reversed.reverse();
    Ok(Value::values(reversed))
}

fn distinct<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values)] = args else {
        return mismatch();
    };
    meter.reserve_list(values.len())?;
    let mut keys = std::collections::BTreeSet::new();
    let mut unique: Vec<Value<'a>> = Vec::new();
    for value in values.iter() {
        let value = value?;
        let new = match Key::of(&value) {
            Some(key) => keys.insert(key),
            None => !has(meter, &unique, &value)?,
        };
        if new {
            unique.push(value);
        }
    }
    Ok(Value::values(unique))
}

fn has<'a>(meter: &mut Meter, values: &[Value<'a>], value: &Value<'a>) -> Result<bool, EvalError> {
    for other in values {
        if equal(other, value, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn range<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::Int(count)] = args else {
        return mismatch();
    };
    meter.reserve_list(usize::try_from(*count).unwrap_or(0))?;
    Ok(Value::values((0..*count).map(Value::Int).collect()))
}

fn sorted<'a>(meter: &mut Meter, values: &List<'a>, keys: &List<'a>) -> Evaluated<'a> {
    if values.len() != keys.len() {
        return Err(EvalError::new(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, \
             but got {} and {} elements respectively",
            values.len(),
            keys.len()
        )));
    }
    meter.reserve_list(values.len() * 2)?;
    let keys = keys.to_vec()?;
    let Some(first) = keys.first() else {
        return Ok(Value::values(Vec::new()));
    };
    if order(first, first).is_err() {
        return Err(EvalError::new("list elements must be comparable"));
    }
    let of = std::mem::discriminant(first);
    if keys.iter().any(|key| std::mem::discriminant(key) != of) {
        return Err(EvalError::new("list elements must have the same type"));
    }
    let steps = keys.len().checked_ilog2().unwrap_or(0) as usize + 1;
    meter.work(keys.len() * steps)?;
    let mut pairs: Vec<_> = keys.into_iter().zip(values.to_vec()?).collect();
    // any total order is valid for NaN
    pairs.sort_by(|(a, _), (b, _)| match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        _ => order(a, b).unwrap_or(std::cmp::Ordering::Equal),
    });
    Ok(Value::values(
        pairs.into_iter().map(|(_, value)| value).collect(),
    ))
}

/// Whether all elements of one list are in the other.
pub(super) fn all_in<'a>(
    meter: &mut Meter,
    part: &List<'a>,
    whole: &List<'a>,
) -> Result<bool, EvalError> {
    let there = Members::of(whole, meter)?;
    for value in part.iter() {
        if !there.have(&value?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}
