//! The strings extension of `cel-go`, version 2. Positions are in characters.

use crate::error::EvalError;
use crate::library::standard::part;
use crate::library::{Def, Library, format_text, list, mismatch, positions, regexes};
use crate::meter::Meter;
use crate::types::Type::{Bool, Dyn, Int, String};
use crate::value::{Evaluated, Text, Value};

pub(super) fn add(lib: &mut Library) {
    lib.member(
        "contains",
        [Def(
            "contains_string",
            vec![String, String],
            Bool,
            |m, a| compare(m, a, |text, part| text.contains(part)),
        )],
    );
    lib.member(
        "startsWith",
        [Def(
            "starts_with_string",
            vec![String, String],
            Bool,
            |m, a| compare(m, a, |text, part| text.starts_with(part)),
        )],
    );
    lib.member(
        "endsWith",
        [Def(
            "ends_with_string",
            vec![String, String],
            Bool,
            |m, a| compare(m, a, |text, part| text.ends_with(part)),
        )],
    );
    lib.global(
        "matches",
        [Def("matches", vec![String, String], Bool, regexes::matches)],
    );
    lib.member(
        "matches",
        [Def(
            "matches_string",
            vec![String, String],
            Bool,
            regexes::matches,
        )],
    );
    add_positions(lib);
}

/// Positions and substrings.
fn add_positions(lib: &mut Library) {
    lib.member(
        "charAt",
        [Def(
            "string_char_at_int",
            vec![String, Int],
            String,
            positions::char_at,
        )],
    );
    lib.member(
        "indexOf",
        [
            Def(
                "string_index_of_string",
                vec![String, String],
                Int,
                positions::index_of,
            ),
            Def(
                "string_index_of_string_int",
                vec![String, String, Int],
                Int,
                positions::index_of,
            ),
        ],
    );
    lib.member(
        "lastIndexOf",
        [
            Def(
                "string_last_index_of_string",
                vec![String, String],
                Int,
                positions::last_index_of,
            ),
            Def(
                "string_last_index_of_string_int",
                vec![String, String, Int],
                Int,
                positions::last_index_of,
            ),
        ],
    );
    add_changes(lib);
}

/// Functions that return changed strings.
fn add_changes(lib: &mut Library) {
    lib.member(
        "lowerAscii",
        [Def("string_lower_ascii", vec![String], String, |m, a| {
            change(m, a, str::to_ascii_lowercase)
        })],
    );
    lib.member(
        "upperAscii",
        [Def("string_upper_ascii", vec![String], String, |m, a| {
            change(m, a, str::to_ascii_uppercase)
        })],
    );
    lib.member(
        "replace",
        [
            Def(
                "string_replace_string_string",
                vec![String, String, String],
                String,
                replace,
            ),
            Def(
                "string_replace_string_string_int",
                vec![String, String, String, Int],
                String,
                replace,
            ),
        ],
    );
    lib.member(
        "split",
        [
            Def(
                "string_split_string",
                vec![String, String],
                list(String),
                split,
            ),
            Def(
                "string_split_string_int",
                vec![String, String, Int],
                list(String),
                split,
            ),
        ],
    );
    lib.member(
        "substring",
        [
            Def(
                "string_substring_int",
                vec![String, Int],
                String,
                positions::substring,
            ),
            Def(
                "string_substring_int_int",
                vec![String, Int, Int],
                String,
                positions::substring,
            ),
        ],
    );
    lib.member("trim", [Def("string_trim", vec![String], String, trim)]);
    lib.member(
        "join",
        [
            Def("list_join", vec![list(String)], String, join),
            Def("list_join_string", vec![list(String), String], String, join),
        ],
    );
}

pub(super) fn add_version_2(lib: &mut Library) {
    lib.member(
        "format",
        [Def(
            "string_format",
            vec![String, list(Dyn)],
            String,
            format_text::format,
        )],
    );
    lib.global(
        "strings.quote",
        [Def("strings_quote", vec![String], String, |m, a| {
            m.reserve(a.first().and_then(Value::as_str).map_or(0, |t| t.len() * 2))?;
            change(m, a, quote)
        })],
    );
}

fn compare<'a>(meter: &mut Meter, args: &[Value<'a>], is: fn(&str, &str) -> bool) -> Evaluated<'a> {
    match args {
        [Value::String(text), Value::String(part)] => {
            meter.work((text.as_str().len() + part.as_str().len()) / 32)?;
            Ok(Value::Bool(is(text.as_str(), part.as_str())))
        }
        _ => mismatch(),
    }
}

fn change<'a>(
    meter: &mut Meter,
    args: &[Value<'a>],
    to: fn(&str) -> std::string::String,
) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => {
            meter.reserve(text.as_str().len())?;
            Ok(Value::text(to(text.as_str())))
        }
        _ => mismatch(),
    }
}

fn replace<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, old, new, times) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, -1),
        [
            Value::String(text),
            Value::String(old),
            Value::String(new),
            Value::Int(times),
        ] => (text, old, new, *times),
        _ => return mismatch(),
    };
    let (text, old, new) = (text.as_str(), old.as_str(), new.as_str());
    meter.work(text.len() / 8)?;
    let times = usize::try_from(times).unwrap_or(usize::MAX);
    let found = text.matches(old).count().min(times);
    meter.reserve(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(Value::text(text.replacen(old, new, found)))
}

fn split<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, separator, most) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator.as_str(), -1),
        [
            Value::String(text),
            Value::String(separator),
            Value::Int(most),
        ] => (text, separator.as_str(), *most),
        _ => return mismatch(),
    };
    let whole = text.as_str();
    meter.work(whole.len() / 8)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Value::values(Vec::new()));
    }
    let mut cuts: Vec<(usize, usize)> = if separator.is_empty() {
        // between all characters, not before the first or after the last
        whole
            .char_indices()
            .skip(1)
            .map(|(at, _)| (at, at))
            .collect()
    } else {
        whole
            .match_indices(separator)
            .map(|(at, found)| (at, at + found.len()))
            .collect()
    };
    cuts.truncate(most - 1);
    meter.reserve_list(cuts.len() + 1)?;
    if let Text::Shared(_) = text {
        meter.reserve(whole.len() + 16 * cuts.len())?;
    }
    if whole.is_empty() && separator.is_empty() {
        return Ok(Value::values(Vec::new()));
    }
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut start = 0;
    for (end, next) in cuts {
        parts.push(Value::String(part(text, start..end)));
        start = next;
    }
    parts.push(Value::String(part(text, start..whole.len())));
    Ok(Value::values(parts))
}

fn trim<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => {
            let whole = text.as_str();
            meter.work(whole.len() / 32)?;
            let start = whole.len() - whole.trim_start().len();
            let length = whole.trim().len();
            Ok(Value::String(part(text, start..start + length)))
        }
        _ => mismatch(),
    }
}

fn join<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (values, separator) = match args {
        [Value::List(values)] => (values, ""),
        [Value::List(values), Value::String(separator)] => (values, separator.as_str()),
        _ => return mismatch(),
    };
    let mut joined = std::string::String::new();
    for (index, value) in values.iter().enumerate() {
        let value = value?;
        let Some(text) = value.as_str() else {
            return Err(EvalError::new(format!("join: invalid input: {value}")));
        };
        meter.work(1)?;
        meter.reserve(text.len() + separator.len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::text(joined))
}

/// Quotes a string with the escapes of CEL.
fn quote(text: &str) -> std::string::String {
    let mut quoted = std::string::String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
