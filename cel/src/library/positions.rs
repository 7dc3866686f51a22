//! Positions in strings, in characters.

use crate::error::EvalError;
use crate::library::mismatch;
use crate::library::standard::part;
use crate::meter::Meter;
use crate::value::{Evaluated, Value};

fn out_of_range(index: i64) -> EvalError {
    EvalError::new(format!("index out of range: {index}"))
}

/// The offset in bytes of the character at an index, which may be the end.
fn byte_offset(meter: &mut Meter, text: &str, index: i64) -> Result<usize, EvalError> {
    meter.work(text.len() / 16)?;
    let nth = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let mut offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    offsets.nth(nth).ok_or_else(|| out_of_range(index))
}

pub(super) fn char_at<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text), Value::Int(index)] => {
            let at = byte_offset(meter, text.as_str(), *index)?;
            let length = text.as_str()[at..].chars().next().map_or(0, char::len_utf8);
            Ok(Value::String(part(text, at..at + length)))
        }
        _ => mismatch(),
    }
}

fn characters(text: &str) -> i64 {
    text.chars().count() as i64
}

/// The first position of a substring or an element.
pub(super) fn index_of<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, part, from) = match args {
        [Value::String(text), Value::String(part)] => (text.as_str(), part.as_str(), 0),
        [Value::String(text), Value::String(part), Value::Int(from)] => {
            (text.as_str(), part.as_str(), *from)
        }
        _ => return mismatch(),
    };
    if from < 0 {
        return Err(out_of_range(from));
    }
    meter.work((text.len() + part.len()) / 8)?;
    let length = characters(text);
    if part.is_empty() {
        return Ok(Value::Int(from.min(length)));
    }
    if from >= length {
        return Ok(Value::Int(-1));
    }
    let start = byte_offset(meter, text, from)?;
    let found = text[start..].find(part);
    Ok(Value::Int(
        found.map_or(-1, |at| characters(&text[..start + at])),
    ))
}

/// The last position of a substring.
pub(super) fn last_index_of<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, part, from) = match args {
        [Value::String(text), Value::String(part)] => (text.as_str(), part.as_str(), None),
        [Value::String(text), Value::String(part), Value::Int(from)] => {
            (text.as_str(), part.as_str(), Some(*from))
        }
        _ => return mismatch(),
    };
    if let Some(from) = from.filter(|from| *from < 0) {
        return Err(out_of_range(from));
    }
    meter.work((text.len() + part.len()) / 8)?;
    let length = characters(text);
    if part.is_empty() {
        return Ok(Value::Int(from.unwrap_or(length).min(length)));
    }
    if from.is_some_and(|from| from >= length) {
        return Ok(Value::Int(-1));
    }
    let end = match from {
        Some(from) => (byte_offset(meter, text, from)? + part.len()).min(text.len()),
        None => text.len(),
    };
    // a match that starts at or before `from` ends at most its length later, on a character
    // boundary
    let end = (0..=end)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let found = text[..end].rfind(part);
    Ok(Value::Int(found.map_or(-1, |at| characters(&text[..at]))))
}

pub(super) fn substring<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text), Value::Int(start)] => {
            let start = byte_offset(meter, text.as_str(), *start)?;
            Ok(Value::String(part(text, start..text.as_str().len())))
        }
        [Value::String(text), Value::Int(start), Value::Int(end)] => {
            if start > end {
                let message = format!("invalid substring range. start: {start}, end: {end}");
                return Err(EvalError::new(message));
            }
            let start = byte_offset(meter, text.as_str(), *start)?;
            let end = byte_offset(meter, text.as_str(), *end)?;
            Ok(Value::String(part(text, start..end)))
        }
        _ => mismatch(),
    }
}
