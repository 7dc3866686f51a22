//! Conversions, named after their types, and `type()` and `dyn()`.

use std::sync::Arc;

use crate::error::EvalError;
use crate::library::{A, Def, Library, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Dyn, Int, String, Uint};
use crate::value::opaque::Opaque;
use crate::value::{Duration, Evaluated, Text, Timestamp, Value, text_of};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "type",
        [Def(
            "type",
            vec![A],
            Type::Type(Some(Arc::new(A))),
            |_, args| match args {
                [value] => Ok(Value::Type(Arc::new(value.type_of()))),
                _ => mismatch(),
            },
        )],
    );
    lib.global(
        "dyn",
        [Def("to_dyn", vec![A], Dyn, |_, args| {
            args.first()
                .cloned()
                .ok_or_else(EvalError::no_such_overload)
        })],
    );
    lib.global(
        "bool",
        [
            Def("bool_to_bool", vec![Bool], Bool, to_bool),
            Def("string_to_bool", vec![String], Bool, to_bool),
        ],
    );
    lib.global(
        "bytes",
        [
            Def("bytes_to_bytes", vec![Bytes], Bytes, to_bytes),
            Def("string_to_bytes", vec![String], Bytes, to_bytes),
        ],
    );
    lib.global(
        "double",
        [
            Def("double_to_double", vec![Double], Double, to_double),
            Def("int64_to_double", vec![Int], Double, to_double),
            Def("string_to_double", vec![String], Double, to_double),
            Def("uint64_to_double", vec![Uint], Double, to_double),
        ],
    );
    lib.global(
        "duration",
        [
            Def("duration_to_duration", vec![SPAN], SPAN, to_duration),
            Def("string_to_duration", vec![String], SPAN, to_duration),
        ],
    );
    add_wide(lib);
}

/// Conversions that accept many types.
fn add_wide(lib: &mut Library) {
    lib.global(
        "int",
        [
            Def("int64_to_int64", vec![Int], Int, to_int),
            Def("double_to_int64", vec![Double], Int, to_int),
            Def("duration_to_int64", vec![SPAN], Int, to_int),
            Def("string_to_int64", vec![String], Int, to_int),
            Def("timestamp_to_int64", vec![TIME], Int, to_int),
            Def("uint64_to_int64", vec![Uint], Int, to_int),
        ],
    );
    lib.global(
        "string",
        [
            Def("string_to_string", vec![String], String, to_string),
            Def("bool_to_string", vec![Bool], String, to_string),
            Def("bytes_to_string", vec![Bytes], String, to_string),
            Def("double_to_string", vec![Double], String, to_string),
            Def("duration_to_string", vec![SPAN], String, to_string),
            Def("int64_to_string", vec![Int], String, to_string),
            Def("timestamp_to_string", vec![TIME], String, to_string),
            Def("uint64_to_string", vec![Uint], String, to_string),
        ],
    );
    lib.global(
        "timestamp",
        [
            Def("timestamp_to_timestamp", vec![TIME], TIME, to_timestamp),
            Def("int64_to_timestamp", vec![Int], TIME, to_timestamp),
            Def("string_to_timestamp", vec![String], TIME, to_timestamp),
        ],
    );
    lib.global(
        "uint",
        [
            Def("uint64_to_uint64", vec![Uint], Uint, to_uint),
            Def("double_to_uint64", vec![Double], Uint, to_uint),
            Def("int64_to_uint64", vec![Int], Uint, to_uint),
            Def("string_to_uint64", vec![String], Uint, to_uint),
        ],
    );
}

/// Whether a function is folded for constants.
pub(crate) fn is_conversion(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "type",
        "dyn",
        "bool",
        "bytes",
        "double",
        "duration",
        "int",
        "string",
        "timestamp",
        "uint",
    ];
    NAMES.contains(&name)
}

/// The only argument.
fn one<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Value<'a>, EvalError> {
    match args {
        [value] => Ok(value),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_bool<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match one(args)? {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            other => {
                let message = format!("strconv.ParseBool: parsing {other:?}: invalid syntax");
                Err(EvalError::new(message))
            }
        },
        _ => mismatch(),
    }
}

fn to_bytes<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match one(args)? {
        Value::Bytes(bytes) => Ok(Value::Bytes(Arc::clone(bytes))),
        Value::String(text) => {
            meter.reserve(text.as_str().len())?;
            Ok(Value::Bytes(text.as_str().as_bytes().into()))
        }
        _ => mismatch(),
    }
}

fn parse_error(function: &str, text: &str, why: &str) -> EvalError {
    EvalError::new(format!("strconv.{function}: parsing {text:?}: {why}"))
}

fn to_double<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Double(match one(args)? {
        Value::Double(value) => *value,
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        Value::String(text) => {
            let text = text.as_str();
            text.parse()
                .map_err(|_| parse_error("ParseFloat", text, "invalid syntax"))?
        }
        _ => return mismatch(),
    }))
}

fn to_duration<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match one(args)? {
        Value::Duration(duration) => Ok(Value::Duration(*duration)),
        Value::String(text) => match Duration::parse(text.as_str()) {
            Some(duration) => Ok(Value::Duration(duration)),
            None => Err(EvalError::new(format!(
                "time: invalid duration {:?}",
                text.as_str()
            ))),
        },
        _ => mismatch(),
    }
}

fn to_timestamp<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let time = match one(args)? {
        Value::Timestamp(time) => Some(*time),
        Value::Int(seconds) => Timestamp::new(*seconds, 0),
        Value::String(text) => {
            let text = text.as_str();
            let time = Timestamp::parse(text);
            return time.map(Value::Timestamp).ok_or_else(|| {
                let message = format!(
                    "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
                );
                EvalError::new(message)
            });
        }
        _ => return mismatch(),
    };
    time.map(Value::Timestamp)
        .ok_or_else(|| EvalError::new("timestamp overflow"))
}

/// Parses an integer as Go does, with an optional sign.
fn parse_whole<N: std::str::FromStr<Err = std::num::ParseIntError>>(
    function: &str,
    text: &str,
) -> Result<N, EvalError> {
    text.parse().map_err(|e: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let range = matches!(e.kind(), PosOverflow | NegOverflow);
        let why = if range {
            "value out of range"
        } else {
            "invalid syntax"
        };
        parse_error(function, text, why)
    })
}

fn to_int<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let overflow = || EvalError::new("integer overflow");
    Ok(Value::Int(match one(args)? {
        Value::Int(value) => *value,
        Value::Uint(value) => i64::try_from(*value).map_err(|_| overflow())?,
        Value::Double(value) => {
            if value.is_nan() || *value <= i64::MIN as f64 || *value >= i64::MAX as f64 {
                return Err(overflow());
            }
            *value as i64
        }
        Value::Duration(duration) => duration.0,
        Value::Timestamp(time) => time.seconds,
        Value::String(text) => parse_whole("ParseInt", text.as_str())?,
        _ => return mismatch(),
    }))
}

fn to_uint<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let overflow = || EvalError::new("unsigned integer overflow");
    Ok(Value::Uint(match one(args)? {
        Value::Uint(value) => *value,
        Value::Int(value) => u64::try_from(*value).map_err(|_| overflow())?,
        Value::Double(value) => {
            if value.is_nan() || *value < 0.0 || *value >= u64::MAX as f64 {
                return Err(overflow());
            }
            *value as u64
        }
        Value::String(text) => parse_whole("ParseUint", text.as_str())?,
        _ => return mismatch(),
    }))
}

/// `string()` of any type that has a string form.
pub(super) fn to_string<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let value = one(args)?;
    match value {
        Value::String(text) => Ok(Value::String(Text::clone(text))),
        Value::Bytes(bytes) => {
            meter.reserve(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::text(text)),
                Err(_) => Err(EvalError::new(
                    "invalid UTF-8 in bytes, cannot convert to string",
                )),
            }
        }
        Value::Opaque(opaque) => match &**opaque {
            Opaque::Ip(address) => Ok(Value::text(address.to_string())),
            Opaque::Cidr(cidr) => Ok(Value::text(cidr.to_string())),
            _ => mismatch(),
        },
        other => text_of(other)
            .map(Value::text)
            .ok_or_else(EvalError::no_such_overload),
    }
}
