//! Optional values.

use crate::error::EvalError;
use crate::library::{A, Def, Library, Run, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Dyn, Int, String};
use crate::value::{Evaluated, Timestamp, Value};

pub(super) fn add(lib: &mut Library) {
    let opt = || Type::optional(A);
    lib.global(
        "optional.of",
        [Def("optional_of", vec![A], opt(), |_, a| match a {
            [value] => Ok(Value::some(value.clone())),
            _ => mismatch(),
        })],
    );
    lib.global(
        "optional.ofNonZeroValue",
        [Def(
            "optional_ofNonZeroValue",
            vec![A],
            opt(),
            |_, a| match a {
                [value] if is_zero(value) => Ok(Value::Optional(None)),
                [value] => Ok(Value::some(value.clone())),
                _ => mismatch(),
            },
        )],
    );
    lib.global(
        "optional.none",
        [Def("optional_none", Vec::new(), opt(), |_, _| {
            Ok(Value::Optional(None))
        })],
    );
    lib.member(
        "value",
        [Def("optional_value", vec![opt()], A, |_, a| match a {
            [Value::Optional(Some(value))] => Ok((**value).clone()),
            [Value::Optional(None)] => Err(EvalError::new("optional.none() dereference")),
            _ => mismatch(),
        })],
    );
    lib.member(
        "hasValue",
        [Def(
            "optional_hasValue",
            vec![opt()],
            Bool,
            |_, a| match a {
                [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
                _ => mismatch(),
            },
        )],
    );
    lib.member(
        "or",
        [Def("optional_or_optional", vec![opt(), opt()], opt(), or)],
    );
    lib.member(
        "orValue",
        [Def("optional_orValue_value", vec![opt(), A], A, or)],
    );
    add_selections(lib);
}

/// Selections, which the evaluator implements itself.
fn add_selections(lib: &mut Library) {
    let opt = || Type::optional(A);
    let map = || Type::map(A, Type::Param(1));
    let list = || Type::list(A);
    let none: Run = |_, _| mismatch();
    lib.global(
        "_?._",
        [Def("select_optional_field", vec![Dyn, String], opt(), none)],
    );
    lib.global(
        "_[?_]",
        [
            Def("list_optindex_optional_int", vec![list(), Int], opt(), none),
            Def(
                "optional_list_optindex_optional_int",
                vec![Type::optional(list()), Int],
                opt(),
                none,
            ),
            Def(
                "map_optindex_optional_value",
                vec![map(), A],
                Type::optional(Type::Param(1)),
                none,
            ),
            Def(
                "optional_map_optindex_optional_value",
                vec![Type::optional(map()), A],
                Type::optional(Type::Param(1)),
                none,
            ),
        ],
    );
    lib.global(
        "_[_]",
        [
            Def(
                "optional_list_index_int",
                vec![Type::optional(list()), Int],
                opt(),
                none,
            ),
            Def(
                "optional_map_index_value",
                vec![Type::optional(map()), A],
                Type::optional(Type::Param(1)),
                none,
            ),
        ],
    );
}

fn or<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::Optional(None), other] => Ok(other.clone()),
        [first @ Value::Optional(Some(_)), Value::Optional(_)] => Ok(first.clone()),
        [Value::Optional(Some(value)), _] => Ok((**value).clone()),
        _ => mismatch(),
    }
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null
        | Value::Bool(false)
        | Value::Int(0)
        | Value::Uint(0)
        | Value::Optional(None) => true,
        Value::Double(value) => *value == 0.0,
        Value::String(text) => text.as_str().is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Duration(duration) => duration.0 == 0,
        Value::Timestamp(time) => *time == Timestamp::ZERO,
        _ => false,
    }
}
