//! Functions named like types, `type()` and `dyn()`.

use std::sync::Arc;

use crate::error::EvalError;
use crate::library::{A, Form, Library, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Dyn, Int, String, Uint};
use crate::value::opaque::Opaque;
use crate::value::{Duration, Evaluated, Text, Timestamp, Value, text_of};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "type",
        [Form(
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
        [Form("to_dyn", vec![A], Dyn, |_, args| {
            args.first()
                .cloned()
                .ok_or_else(EvalError::no_such_overload)
        })],
    );
    lib.global(
        "bool",
        [
            Form("bool_to_bool", vec![Bool], Bool, to_bool),
            Form("string_to_bool", vec![String], Bool, to_bool),
        ],
    );
    lib.global(
        "bytes",
        [
            Form("bytes_to_bytes", vec![Bytes], Bytes, to_bytes),
            Form("string_to_bytes", vec![String], Bytes, to_bytes),
        ],
    );
    lib.global(
        "double",
        [
            Form("double_to_double", vec![Double], Double, to_double),
            Form("int64_to_double", vec![Int], Double, to_double),
            Form("string_to_double", vec![String], Double, to_double),
            Form("uint64_to_double", vec![Uint], Double, to_double),
        ],
    );
    lib.global(
        "duration",
        [
            Form("duration_to_duration", vec![SPAN], SPAN, to_duration),
            Form("string_to_duration", vec![String], SPAN, to_duration),
        ],
    );
    add_wide(lib);
}

/// Those that take many types.
fn add_wide(lib: &mut Library) {
    lib.global(
        "int",
        [
            Form("int64_to_int64", vec![Int], Int, to_int),
            Form("double_to_int64", vec![Double], Int, to_int),
            Form("duration_to_int64", vec![SPAN], Int, to_int),
            Form("string_to_int64", vec![String], Int, to_int),
            Form("timestamp_to_int64", vec![TIME], Int, to_int),
            Form("uint64_to_int64", vec![Uint], Int, to_int),
        ],
    );
    lib.global(
        "string",
        [
            Form("string_to_string", vec![String], String, to_string),
            Form("bool_to_string", vec![Bool], String, to_string),
            Form("bytes_to_string", vec![Bytes], String, to_string),
            Form("double_to_string", vec![Double], String, to_string),
            Form("duration_to_string", vec![SPAN], String, to_string),
            Form("int64_to_string", vec![Int], String, to_string),
            Form("timestamp_to_string", vec![TIME], String, to_string),
            Form("uint64_to_string", vec![Uint], String, to_string),
        ],
    );
    lib.global(
        "timestamp",
        [
            Form("timestamp_to_timestamp", vec![TIME], TIME, to_timestamp),
            Form("int64_to_timestamp", vec![Int], TIME, to_timestamp),
            Form("string_to_timestamp", vec![String], TIME, to_timestamp),
        ],
    );
    lib.global(
        "uint",
        [
            Form("uint64_to_uint64", vec![Uint], Uint, to_uint),
            Form("double_to_uint64", vec![Double], Uint, to_uint),
            Form("int64_to_uint64", vec![Int], Uint, to_uint),
            Form("string_to_uint64", vec![String], Uint, to_uint),
        ],
    );
}

/// The functions whose value for a constant is found when the expression is compiled.
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

/// The one argument.
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

fn unreadable(function: &str, text: &str, why: &str) -> EvalError {
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
                .map_err(|_| unreadable("ParseFloat", text, "invalid syntax"))?
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

/// Whole numbers are read as Go reads them: a sign may stand before them.
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
        unreadable(function, text, why)
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

/// `string()` of whatever has a text.
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
