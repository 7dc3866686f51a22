//! The list functions of Kubernetes.

use std::cmp::Ordering;

use crate::compare::{equal, order};
use crate::error::EvalError;
use crate::library::standard::add_values;
use crate::library::{A, Def, Library, Run, list, mismatch, positions};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Dyn, Int, String, Uint};
use crate::value::{Duration, Evaluated, Value};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

macro_rules! named {
    ($before:literal, $after:literal) => {
        [
            (Int, concat!($before, "int", $after)),
            (Uint, concat!($before, "uint", $after)),
            (Double, concat!($before, "double", $after)),
            (SPAN, concat!($before, "duration", $after)),
            (Bool, concat!($before, "bool", $after)),
            (TIME, concat!($before, "timestamp", $after)),
            (String, concat!($before, "string", $after)),
            (Bytes, concat!($before, "bytes", $after)),
        ]
    };
}

pub(super) fn add(lib: &mut Library) {
    for (of, id) in named!("list_", "_is_sorted_bool") {
        lib.member("isSorted", [Def(id, vec![list(of)], Bool, is_sorted)]);
    }
    let sums: [(Type, &'static str, Run); 4] = [
        (Int, "list_int_sum_int", |m, a| sum(m, a, Value::Int(0))),
        (Uint, "list_uint_sum_uint", |m, a| sum(m, a, Value::Uint(0))),
        (Double, "list_double_sum_double", |m, a| {
            sum(m, a, Value::Double(0.0))
        }),
        (SPAN, "list_duration_sum_duration", |m, a| {
            sum(m, a, Value::Duration(Duration(0)))
        }),
    ];
    for (of, id, run) in sums {
        lib.member("sum", [Def(id, vec![list(of.clone())], of, run)]);
    }
    for (of, id) in named!("list_", "_max") {
        lib.member(
            "max",
            [Def(id, vec![list(of.clone())], of, |m, a| {
                extreme(m, a, Ordering::Less, "max")
            })],
        );
    }
    for (of, id) in named!("list_", "_min") {
        lib.member(
            "min",
            [Def(id, vec![list(of.clone())], of, |m, a| {
                extreme(m, a, Ordering::Greater, "min")
            })],
        );
    }
    lib.member(
        "indexOf",
        [Def("list_a_index_of_int", vec![list(A), A], Int, index_of)],
    );
    lib.member(
        "lastIndexOf",
        [Def(
            "list_a_last_index_of_int",
            vec![list(A), A],
            Int,
            last_index_of,
        )],
    );
}

/// `includes`, since 1.37.
pub(super) fn add_version_1(lib: &mut Library) {
    lib.member(
        "includes",
        [Def(
            "list_includes_dyn_dyn",
            vec![Dyn, Dyn],
            Bool,
            |m, a| match a {
                [Value::List(values), value] => {
                    for element in values.iter() {
                        if equal(&element?, value, m)? {
                            return Ok(Value::Bool(true));
                        }
                    }
                    Ok(Value::Bool(false))
                }
                [target, value] => Ok(Value::Bool(equal(target, value, m)?)),
                _ => mismatch(),
            },
        )],
    );
}

fn is_sorted<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values)] = args else {
        return mismatch();
    };
    meter.work(values.len())?;
    let mut last: Option<Value<'a>> = None;
    for value in values.iter() {
        let value = value?;
        if let Some(last) = &last
            && order(last, &value)?.is_gt()
        {
            return Ok(Value::Bool(false));
        }
        last = Some(value);
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(meter: &mut Meter, args: &[Value<'a>], zero: Value<'a>) -> Evaluated<'a> {
    let [Value::List(values)] = args else {
        return mismatch();
    };
    meter.work(values.len())?;
    let mut total = None;
    for value in values.iter() {
        total = Some(match total {
            // not the zero, whose type is not known if the list's is not
            None => value?,
            Some(total) => add_values(meter, &[total, value?])?,
        });
    }
    Ok(total.unwrap_or(zero))
}

/// The first element for which no other compares as `worse`.
fn extreme<'a>(
    meter: &mut Meter,
    args: &[Value<'a>],
    worse: Ordering,
    name: &str,
) -> Evaluated<'a> {
    let [Value::List(values)] = args else {
        return mismatch();
    };
    meter.work(values.len())?;
    let mut best: Option<Value<'a>> = None;
    for value in values.iter() {
        let value = value?;
        let better = match &best {
            None => true,
            Some(best) => order(best, &value)? == worse,
        };
        if better {
            best = Some(value);
        }
    }
    best.ok_or_else(|| EvalError::new(format!("{name} called on empty list")))
}

fn index_of<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values), value] = args else {
        return positions::index_of(meter, args);
    };
    for (index, element) in values.iter().enumerate() {
        if equal(&element?, value, meter)? {
            return Ok(Value::Int(index as i64));
        }
    }
    Ok(Value::Int(-1))
}

fn last_index_of<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::List(values), value] = args else {
        return positions::last_index_of(meter, args);
    };
    for index in (0..values.len()).rev() {
        let Some(element) = values.get(index) else {
            continue;
        };
        if equal(&element?, value, meter)? {
            return Ok(Value::Int(index as i64));
        }
    }
    Ok(Value::Int(-1))
}
