//! Quantities such as `500m`.

use std::cmp::Ordering;

use portcullis_api::quantity::Quantity;

use crate::error::EvalError;
use crate::library::{Def, Library, mismatch};
use crate::types::Type::{self, Bool, Double, Int, String};
use crate::value::opaque::Opaque;
use crate::value::{Evaluated, Value};

const QUANTITY: Type = Type::Opaque("kubernetes.Quantity");

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "quantity",
        [Def("string_to_quantity", vec![String], QUANTITY, |_, a| {
            let text = a
                .first()
                .and_then(Value::as_str)
                .ok_or_else(EvalError::no_such_overload)?;
            let parsed = Quantity::parse(text).map_err(|e| EvalError::new(e.to_string()))?;
            Ok(Value::opaque(Opaque::Quantity(parsed)))
        })],
    );
    lib.global(
        "isQuantity",
        [Def("is_quantity_string", vec![String], Bool, |_, a| {
            let text = a
                .first()
                .and_then(Value::as_str)
                .ok_or_else(EvalError::no_such_overload)?;
            Ok(Value::Bool(Quantity::parse(text).is_ok()))
        })],
    );
    let two = || vec![QUANTITY, QUANTITY];
    lib.member(
        "isGreaterThan",
        [Def("quantity_is_greater_than", two(), Bool, |_, a| {
            Ok(Value::Bool(compare(a)?.is_gt()))
        })],
    );
    lib.member(
        "isLessThan",
        [Def("quantity_is_less_than", two(), Bool, |_, a| {
            Ok(Value::Bool(compare(a)?.is_lt()))
        })],
    );
    lib.member(
        "compareTo",
        [Def("quantity_compare_to", two(), Int, |_, a| {
            Ok(Value::Int(compare(a)? as i64))
        })],
    );
    add_numbers(lib);
}

/// Conversions to numbers, and arithmetic.
fn add_numbers(lib: &mut Library) {
    lib.member(
        "asApproximateFloat",
        [Def("quantity_get_float", vec![QUANTITY], Double, |_, a| {
            Ok(Value::Double(one(a)?.nanos() as f64 / 1e9))
        })],
    );
    lib.member(
        "asInteger",
        [Def("quantity_get_int", vec![QUANTITY], Int, |_, a| {
            let whole =
                whole(one(a)?).ok_or_else(|| EvalError::new("cannot convert value to integer"))?;
            Ok(Value::Int(whole))
        })],
    );
    lib.member(
        "isInteger",
        [Def("quantity_is_integer", vec![QUANTITY], Bool, |_, a| {
            Ok(Value::Bool(whole(one(a)?).is_some()))
        })],
    );
    // upstream documents a member function, but also has a global one
    lib.global("sign", [Def("quantity_sign", vec![QUANTITY], Int, sign)]);
    lib.member(
        "add",
        [
            Def(
                "quantity_add",
                vec![QUANTITY, QUANTITY],
                QUANTITY,
                |_, a| combine(a, |x, y| x + y),
            ),
            Def("quantity_add_int", vec![QUANTITY, Int], QUANTITY, |_, a| {
                combine(a, |x, y| x + y)
            }),
        ],
    );
    lib.member(
        "sub",
        [
            Def(
                "quantity_sub",
                vec![QUANTITY, QUANTITY],
                QUANTITY,
                |_, a| combine(a, |x, y| x - y),
            ),
            Def("quantity_sub_int", vec![QUANTITY, Int], QUANTITY, |_, a| {
                combine(a, |x, y| x - y)
            }),
        ],
    );
}

fn sign<'a>(_: &mut crate::meter::Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(one(args)?.cmp(&Quantity::ZERO) as i64))
}

fn quantity(value: &Value<'_>) -> Result<Quantity, EvalError> {
    match value {
        Value::Opaque(opaque) => match &**opaque {
            Opaque::Quantity(quantity) => Ok(*quantity),
            _ => Err(EvalError::no_such_overload()),
        },
        Value::Int(units) => Ok(Quantity::from_units(*units)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn one(args: &[Value<'_>]) -> Result<Quantity, EvalError> {
    args.first()
        .map_or_else(|| Err(EvalError::no_such_overload()), quantity)
}

fn compare(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    match args {
        [a, b] => Ok(quantity(a)?.cmp(&quantity(b)?)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn whole(quantity: Quantity) -> Option<i64> {
    let nanos = quantity.nanos();
    let units = i64::try_from(nanos / 1_000_000_000).ok()?;
    // the maximum represents all larger amounts
    (nanos % 1_000_000_000 == 0 && units < i64::MAX).then_some(units)
}

fn combine<'a>(args: &[Value<'a>], with: fn(Quantity, Quantity) -> Quantity) -> Evaluated<'a> {
    match args {
        [a, b] => Ok(Value::opaque(Opaque::Quantity(with(
            quantity(a)?,
            quantity(b)?,
        )))),
        _ => mismatch(),
    }
}
