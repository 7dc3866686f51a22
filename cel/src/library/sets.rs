//! Set operations on lists.

use crate::compare::Members;
use crate::library::list_ops::all_in;
use crate::library::{A, Def, Library, list, mismatch};
use crate::types::Type::Bool;
use crate::value::Value;

pub(super) fn add(lib: &mut Library) {
    let pair = || vec![list(A), list(A)];
    lib.global(
        "sets.contains",
        [Def(
            "list_sets_contains_list",
            pair(),
            Bool,
            |m, a| match a {
                [Value::List(whole), Value::List(part)] => Ok(Value::Bool(all_in(m, part, whole)?)),
                _ => mismatch(),
            },
        )],
    );
    lib.global(
        "sets.equivalent",
        [Def(
            "list_sets_equivalent_list",
            pair(),
            Bool,
            |m, a| match a {
                [Value::List(a), Value::List(b)] => {
                    Ok(Value::Bool(all_in(m, b, a)? && all_in(m, a, b)?))
                }
                _ => mismatch(),
            },
        )],
    );
    lib.global(
        "sets.intersects",
        [Def(
            "list_sets_intersects_list",
            pair(),
            Bool,
            |m, a| match a {
                [Value::List(a), Value::List(b)] => {
                    let there = Members::of(b, m)?;
                    for value in a.iter() {
                        if there.have(&value?, m)? {
                            return Ok(Value::Bool(true));
                        }
                    }
                    Ok(Value::Bool(false))
                }
                _ => mismatch(),
            },
        )],
    );
}
