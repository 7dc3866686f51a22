//! `<`, `<=`, `>` and `>=`.

use std::cmp::Ordering;

use crate::compare::order;
use crate::library::{Def, Library, Run};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
use crate::value::{Evaluated, Value};

/// The ids of an overload for each of [`OPERATORS`].
type Ids = [&'static str; 4];

const OPERATORS: [(&str, Run); 4] = [
    ("_<_", |m, a| compare(m, a, Ordering::is_lt)),
    ("_<=_", |m, a| compare(m, a, Ordering::is_le)),
    ("_>_", |m, a| compare(m, a, Ordering::is_gt)),
    ("_>=_", |m, a| compare(m, a, Ordering::is_ge)),
];

macro_rules! ids {
    ($kind:literal) => {
        [
            concat!("less_", $kind),
            concat!("less_equals_", $kind),
            concat!("greater_", $kind),
            concat!("greater_equals_", $kind),
        ]
    };
}

pub(super) fn add(lib: &mut Library) {
    let kinds: [(Type, Ids); 8] = [
        (Bool, ids!("bool")),
        (Int, ids!("int64")),
        (Uint, ids!("uint64")),
        (Double, ids!("double")),
        (String, ids!("string")),
        (Bytes, ids!("bytes")),
        (Timestamp, ids!("timestamp")),
        (Duration, ids!("duration")),
    ];
    for (of, ids) in kinds {
        add_pair(lib, &of, &of, ids);
    }
}

/// Between numbers of different types.
pub(super) fn add_cross_type(lib: &mut Library) {
    let pairs: [(Type, Type, Ids); 6] = [
        (Int, Double, ids!("int64_double")),
        (Int, Uint, ids!("int64_uint64")),
        (Uint, Double, ids!("uint64_double")),
        (Uint, Int, ids!("uint64_int64")),
        (Double, Int, ids!("double_int64")),
        (Double, Uint, ids!("double_uint64")),
    ];
    for (a, b, ids) in pairs {
        add_pair(lib, &a, &b, ids);
    }
}

fn add_pair(lib: &mut Library, a: &Type, b: &Type, ids: Ids) {
    for ((name, run), id) in OPERATORS.into_iter().zip(ids) {
        lib.global(name, [Def(id, vec![a.clone(), b.clone()], Bool, run)]);
    }
}

fn compare<'a>(meter: &mut Meter, args: &[Value<'a>], is: fn(Ordering) -> bool) -> Evaluated<'a> {
    let [a, b] = args else {
        return super::mismatch();
    };
    if let (Value::String(a), Value::String(b)) = (a, b) {
        meter.work(a.as_str().len().min(b.as_str().len()) / 64)?;
    }
    Ok(Value::Bool(is(order(a, b)?)))
}
