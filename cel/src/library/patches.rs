//! Functions that only the expressions of patches have.

use crate::error::EvalError;
use crate::library::{Def, Library};
use crate::meter::Meter;
use crate::types::Type;
use crate::value::{Evaluated, Value};

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "jsonpatch.escapeKey",
        [Def(
            "string_jsonpatch_escapeKey_string",
            vec![Type::String],
            Type::String,
            escape_key,
        )],
    );
}

/// A key as a step of a JSON pointer.
fn escape_key<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let Some(key) = args.first().and_then(Value::as_str) else {
        return Err(EvalError::no_such_overload());
    };
    meter.reserve(key.len().saturating_mul(2))?;
    Ok(Value::text(key.replace('~', "~0").replace('/', "~1")))
}
