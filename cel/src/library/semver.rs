//! Semantic versions.

use std::cmp::Ordering;

use crate::error::EvalError;
use crate::library::{Def, Library, Run, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Int, String};
use crate::value::opaque::{Opaque, Semver};
use crate::value::{Evaluated, Value};

const SEMVER: Type = Type::Opaque("kubernetes.Semver");

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "semver",
        [
            Def("string_to_semver", vec![String], SEMVER, convert),
            Def("string_bool_to_semver", vec![String, Bool], SEMVER, convert),
        ],
    );
    lib.global(
        "isSemver",
        [
            Def("is_semver_string", vec![String], Bool, |_, a| {
                Ok(Value::Bool(read(a)?.is_ok()))
            }),
            Def("is_semver_string_bool", vec![String, Bool], Bool, |_, a| {
                Ok(Value::Bool(read(a)?.is_ok()))
            }),
        ],
    );
    let two = || vec![SEMVER, SEMVER];
    lib.member(
        "isGreaterThan",
        [Def("semver_is_greater_than", two(), Bool, |_, a| {
            Ok(Value::Bool(compare(a)?.is_gt()))
        })],
    );
    lib.member(
        "isLessThan",
        [Def("semver_is_less_than", two(), Bool, |_, a| {
            Ok(Value::Bool(compare(a)?.is_lt()))
        })],
    );
    lib.member(
        "compareTo",
        [Def("semver_compare_to", two(), Int, |_, a| {
            Ok(Value::Int(compare(a)? as i64))
        })],
    );
    let parts: [(&'static str, &'static str, Run); 3] = [
        ("major", "semver_major", |_, a| number(a, 0)),
        ("minor", "semver_minor", |_, a| number(a, 1)),
        ("patch", "semver_patch", |_, a| number(a, 2)),
    ];
    for (name, id, run) in parts {
        lib.member(name, [Def(id, vec![SEMVER], Int, run)]);
    }
}

/// Parses a version. The outer error is one of argument types, the inner one is that of an invalid
/// version.
fn read(args: &[Value<'_>]) -> Result<Result<Semver, EvalError>, EvalError> {
    match args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => {
            Ok(Semver::parse(text.as_str()))
        }
        [Value::String(text), Value::Bool(true)] => Ok(Semver::parse_tolerant(text.as_str())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn convert<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    meter.reserve(
        args.first()
            .and_then(Value::as_str)
            .map_or(0, |text| text.len() * 16),
    )?;
    Ok(Value::opaque(Opaque::Semver(read(args)??)))
}

fn semver<'v>(value: &'v Value<'_>) -> Result<&'v Semver, EvalError> {
    match value {
        Value::Opaque(opaque) => match &**opaque {
            Opaque::Semver(semver) => Ok(semver),
            _ => Err(EvalError::no_such_overload()),
        },
        _ => Err(EvalError::no_such_overload()),
    }
}

fn compare(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    match args {
        [a, b] => Ok(semver(a)?.compare(semver(b)?)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn number<'a>(args: &[Value<'a>], index: usize) -> Evaluated<'a> {
    match args {
        [value] => Ok(Value::Int(
            i64::try_from(semver(value)?.numbers()[index]).unwrap_or(i64::MAX),
        )),
        _ => mismatch(),
    }
}
