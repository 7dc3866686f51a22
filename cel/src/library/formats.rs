//! Named formats.

use crate::error::EvalError;
use crate::library::{Def, Library, Run, list, mismatch};
use crate::types::Type::{self, String};
use crate::value::opaque::{FORMATS, Opaque};
use crate::value::{Evaluated, Value};

const FORMAT: Type = Type::Opaque("kubernetes.NamedFormat");

/// Constants such as `format.dns1123Label()`.
const CONSTANTS: [(&str, Run); 13] = [
    ("format.dns1123Label", |_, _| constant(0)),
    ("format.dns1123Subdomain", |_, _| constant(1)),
    ("format.dns1035Label", |_, _| constant(2)),
    ("format.qualifiedName", |_, _| constant(3)),
    ("format.dns1123LabelPrefix", |_, _| constant(4)),
    ("format.dns1123SubdomainPrefix", |_, _| constant(5)),
    ("format.dns1035LabelPrefix", |_, _| constant(6)),
    ("format.labelValue", |_, _| constant(7)),
    ("format.uri", |_, _| constant(8)),
    ("format.uuid", |_, _| constant(9)),
    ("format.byte", |_, _| constant(10)),
    ("format.date", |_, _| constant(11)),
    ("format.datetime", |_, _| constant(12)),
];

pub(super) fn add(lib: &mut Library) {
    for (name, run) in CONSTANTS {
        lib.global(name, [Def(name, Vec::new(), FORMAT, run)]);
    }
    lib.global(
        "format.named",
        [Def(
            "format-named",
            vec![String],
            Type::optional(FORMAT),
            |_, a| {
                let name = a
                    .first()
                    .and_then(Value::as_str)
                    .ok_or_else(EvalError::no_such_overload)?;
                let found = FORMATS.iter().find(|format| format.name == name);
                Ok(found.map_or(Value::Optional(None), |f| {
                    Value::some(Value::opaque(Opaque::Format(f)))
                }))
            },
        )],
    );
    let errors = Type::optional(list(String));
    lib.member(
        "validate",
        [Def(
            "format-validate",
            vec![FORMAT, String],
            errors,
            |m, a| match a {
                [Value::Opaque(opaque), Value::String(text)] => {
                    let Opaque::Format(format) = &**opaque else {
                        return mismatch();
                    };
                    m.reserve(text.as_str().len() * 2)?;
                    let errors = format.validate(text.as_str());
                    if errors.is_empty() {
                        return Ok(Value::Optional(None));
                    }
                    let errors = errors.into_iter().map(Value::text).collect();
                    Ok(Value::some(Value::values(errors)))
                }
                _ => mismatch(),
            },
        )],
    );
}

fn constant<'a>(index: usize) -> Evaluated<'a> {
    Ok(Value::opaque(Opaque::Format(&FORMATS[index])))
}
