//! Operators, `size()`, and tests of strings.

use crate::compare::equal;
use crate::error::EvalError;
use crate::library::building::{add_lists, insert};
use crate::library::{A, B, Def, Library, list, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Int, String, Uint};
use crate::value::{Duration, Evaluated, Text, Timestamp, Value};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

pub(super) fn add(lib: &mut Library) {
    arithmetic(lib);
    let map = || Type::map(A, B);
    lib.global(
        "_?_:_",
        [Def("conditional", vec![Bool, A, A], A, unreached)],
    );
    lib.global(
        "_&&_",
        [Def("logical_and", vec![Bool, Bool], Bool, unreached)],
    );
    lib.global(
        "_||_",
        [Def("logical_or", vec![Bool, Bool], Bool, unreached)],
    );
    lib.global(
        "@not_strictly_false",
        [Def("not_strictly_false", vec![Bool], Bool, unreached)],
    );
    lib.global("!_", [Def("logical_not", vec![Bool], Bool, not)]);
    lib.global(
        "_==_",
        [Def("equals", vec![A, A], Bool, |m, a| {
            Ok(Value::Bool(equal(&a[0], &a[1], m)?))
        })],
    );
    lib.global(
        "_!=_",
        [Def("not_equals", vec![A, A], Bool, |m, a| {
            Ok(Value::Bool(!equal(&a[0], &a[1], m)?))
        })],
    );
    lib.global(
        "_[_]",
        [
            Def("index_list", vec![list(A), Int], A, unreached),
            Def("index_map", vec![map(), A], B, unreached),
        ],
    );
    lib.global(
        "@in",
        [
            Def("in_list", vec![A, list(A)], Bool, contained),
            Def("in_map", vec![A, map()], Bool, contained),
        ],
    );
    lib.global(
        "size",
        [
            // of a dynamic value the most usual is tried first
            Def("size_string", vec![String], Int, size),
            Def("size_list", vec![list(A)], Int, size),
            Def("size_map", vec![map()], Int, size),
            Def("size_bytes", vec![Bytes], Int, size),
        ],
    );
    lib.member(
        "size",
        [
            Def("string_size", vec![String], Int, size),
            Def("list_size", vec![list(A)], Int, size),
            Def("map_size", vec![map()], Int, size),
            Def("bytes_size", vec![Bytes], Int, size),
        ],
    );
}

fn arithmetic(lib: &mut Library) {
    lib.global(
        "_+_",
        [
            Def("add_bytes", vec![Bytes, Bytes], Bytes, add_values),
            Def("add_double", vec![Double, Double], Double, add_values),
            Def("add_duration_duration", vec![SPAN, SPAN], SPAN, add_values),
            Def("add_duration_timestamp", vec![SPAN, TIME], TIME, add_values),
            Def("add_timestamp_duration", vec![TIME, SPAN], TIME, add_values),
            Def("add_int64", vec![Int, Int], Int, add_values),
            Def("add_list", vec![list(A), list(A)], list(A), add_values),
            Def("add_string", vec![String, String], String, add_values),
            Def("add_uint64", vec![Uint, Uint], Uint, add_values),
        ],
    );
    lib.global(
        "_-_",
        [
            Def("subtract_double", vec![Double, Double], Double, subtract),
            Def(
                "subtract_duration_duration",
                vec![SPAN, SPAN],
                SPAN,
                subtract,
            ),
            Def("subtract_int64", vec![Int, Int], Int, subtract),
            Def(
                "subtract_timestamp_duration",
                vec![TIME, SPAN],
                TIME,
                subtract,
            ),
            Def(
                "subtract_timestamp_timestamp",
                vec![TIME, TIME],
                SPAN,
                subtract,
            ),
            Def("subtract_uint64", vec![Uint, Uint], Uint, subtract),
        ],
    );
    lib.global(
        "_*_",
        [
            Def("multiply_double", vec![Double, Double], Double, multiply),
            Def("multiply_int64", vec![Int, Int], Int, multiply),
            Def("multiply_uint64", vec![Uint, Uint], Uint, multiply),
        ],
    );
    lib.global(
        "_/_",
        [
            Def("divide_double", vec![Double, Double], Double, divide),
            Def("divide_int64", vec![Int, Int], Int, divide),
            Def("divide_uint64", vec![Uint, Uint], Uint, divide),
        ],
    );
    lib.global(
        "_%_",
        [
            Def("modulo_int64", vec![Int, Int], Int, modulo),
            Def("modulo_uint64", vec![Uint, Uint], Uint, modulo),
        ],
    );
    lib.global(
        "-_",
        [
            Def("negate_double", vec![Double], Double, negate),
            Def("negate_int64", vec![Int], Int, negate),
        ],
    );
}

/// The functions with which comprehensions over two variables build maps.
pub(super) fn add_two_variables(lib: &mut Library) {
    let map = || Type::map(A, B);
    lib.global(
        "cel.@mapInsert",
        [
            Def("@mapInsert_map_key_value", vec![map(), A, B], map(), insert),
            Def("@mapInsert_map_map", vec![map(), map()], map(), insert),
        ],
    );
}

/// For operators that the evaluator implements itself.
fn unreached<'a>(_: &mut Meter, _: &[Value<'a>]) -> Evaluated<'a> {
    mismatch()
}

fn not<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Bool(value)] => Ok(Value::Bool(!value)),
        _ => mismatch(),
    }
}

fn size<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => {
            meter.work(text.as_str().len() / 32)?;
            Ok(Value::Int(args[0].size() as i64))
        }
        [value @ (Value::Bytes(_) | Value::List(_) | Value::Map(_))] => {
            Ok(Value::Int(value.size() as i64))
        }
        _ => mismatch(),
    }
}

/// Whether a value is an element of a list or a key of a map.
pub(crate) fn contained<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [key, Value::Map(map)] => Ok(Value::Bool(map.get(key).is_some())),
        [value, Value::List(list)] => {
            for element in list.iter() {
                if equal(value, &element?, meter)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => mismatch(),
    }
}

fn overflow(kind: &str) -> EvalError {
    EvalError::new(kind)
}

fn int<'a>(value: Option<i64>) -> Evaluated<'a> {
    value
        .map(Value::Int)
        .ok_or_else(|| overflow("integer overflow"))
}

fn uint<'a>(value: Option<u64>) -> Evaluated<'a> {
    value
        .map(Value::Uint)
        .ok_or_else(|| overflow("unsigned integer overflow"))
}

fn span<'a>(nanos: Option<i128>) -> Evaluated<'a> {
    let duration = nanos.and_then(Duration::from_nanos);
    duration
        .map(Value::Duration)
        .ok_or_else(|| overflow("duration overflow"))
}

fn time<'a>(from: Timestamp, nanos: i128) -> Evaluated<'a> {
    from.plus(nanos)
        .map(Value::Timestamp)
        .ok_or_else(|| overflow("timestamp overflow"))
}

/// `_+_`.
pub(crate) fn add_values<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [a, b] = args else { return mismatch() };
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => {
            meter.reserve(a.as_str().len() + b.as_str().len())?;
            Ok(Value::text(format!("{}{}", a.as_str(), b.as_str())))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.reserve(a.len() + b.len())?;
            Ok(Value::Bytes([&**a, &**b].concat().into()))
        }
        (Value::List(a), Value::List(b)) => add_lists(meter, a, b),
        (Value::Duration(a), Value::Duration(b)) => span(Some(i128::from(a.0) + i128::from(b.0))),
        (Value::Duration(d), Value::Timestamp(t)) | (Value::Timestamp(t), Value::Duration(d)) => {
            time(*t, i128::from(d.0))
        }
        _ => mismatch(),
    }
}

fn subtract<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [a, b] = args else { return mismatch() };
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => span(Some(i128::from(a.0) - i128::from(b.0))),
        (Value::Timestamp(t), Value::Duration(d)) => time(*t, -i128::from(d.0)),
        (Value::Timestamp(a), Value::Timestamp(b)) => span(a.nanos().checked_sub(b.nanos())),
        _ => mismatch(),
    }
}

fn multiply<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Int(a), Value::Int(b)] => int(a.checked_mul(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_mul(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a * b)),
        _ => mismatch(),
    }
}

fn divide<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            Err(EvalError::new("division by zero"))
        }
        [Value::Int(a), Value::Int(b)] => int(a.checked_div(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_div(*b)),
        [Value::Double(a), Value::Double(b)] => Ok(Value::Double(a / b)),
        _ => mismatch(),
    }
}

fn modulo<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            Err(EvalError::new("modulus by zero"))
        }
        [Value::Int(a), Value::Int(b)] => int(a.checked_rem(*b)),
        [Value::Uint(a), Value::Uint(b)] => uint(a.checked_rem(*b)),
        _ => mismatch(),
    }
}

fn negate<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Int(a)] => int(a.checked_neg()),
        [Value::Double(a)] => Ok(Value::Double(-a)),
        _ => mismatch(),
    }
}

/// A part of a string; one of the data is not copied.
pub(crate) fn part<'a>(text: &Text<'a>, range: std::ops::Range<usize>) -> Text<'a> {
    match text {
        Text::Borrowed(text) => Text::Borrowed(text.get(range).unwrap_or_default()),
        Text::Shared(text) => Text::Shared(text.get(range).unwrap_or_default().into()),
    }
}
